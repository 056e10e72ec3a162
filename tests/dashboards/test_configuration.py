"""The files that start Prometheus, Alertmanager and Grafana fit each other and what the real programs read."""

from __future__ import annotations

import json
import subprocess
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest
import yaml

from dashboards.build import BOARDS, HERE
from tests.support.real_prometheus import program


def read(name: str) -> dict:
    """A YAML file of the folder."""
    return yaml.safe_load((HERE / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def services() -> dict:
    """The services of the compose file."""
    return read("docker-compose.yml")["services"]


@pytest.mark.parametrize(
    "command",
    [
        ("promtool", "check", "config", "prometheus.yml"),
        ("promtool", "check", "config", "session.yml"),
        ("promtool", "check", "rules", "rules.yml"),
        ("amtool", "check-config", "alertmanager.yml"),
    ],
    ids=" ".join,
)
def test_the_real_programs_accept_their_files(command):
    """Rule files that a configuration names are read too."""
    run = subprocess.run([program(command[0]), *command[1:]], cwd=HERE, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_file_that_the_compose_file_mounts_is_there(services):
    """Mounts are read-only and start from the folder of the compose file."""
    mounts = [mount.split(":") for service in services.values() for mount in service.get("volumes", [])]
    assert mounts
    for source, _, mode in mounts:
        assert (HERE / source).exists(), source
        assert mode == "ro"
    assert (HERE / services["environment"]["build"] / "Dockerfile").is_file()


def test_images_are_pinned_and_ports_are_published_on_loopback_only(services):
    """Anonymous visitors may look at Grafana: nobody else's network may reach it."""
    for name, service in services.items():
        assert "image" not in service or service["image"].rpartition(":")[2] not in ("", "latest"), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_everything_that_listens_is_found_under_localhost(services):
    """One network: the ports of all URLs are those of the environment, Prometheus and Alertmanager."""
    assert {s["network_mode"] for name, s in services.items() if name != "environment"} == {"service:environment"}
    published = {port.split(":")[1] for port in services["environment"]["ports"]}
    urls = [source["url"] for source in read("grafana/provisioning/datasources/datasources.yml")["datasources"]]
    prometheus = read("prometheus.yml")
    targets = [
        target
        for part in (*prometheus["alerting"]["alertmanagers"], *prometheus["scrape_configs"])
        for config in part["static_configs"]
        for target in config["targets"]
    ]
    for address in (*(urlsplit(url).netloc for url in urls), *targets):
        host, port = address.split(":")
        assert host == "localhost"
        assert port in published


def test_datasources_that_dashboards_and_other_datasources_name_are_provisioned():
    """By uid and type."""
    sources = {s["uid"]: s for s in read("grafana/provisioning/datasources/datasources.yml")["datasources"]}

    def named(value: object) -> set[tuple[str, str]]:
        if isinstance(value, dict):
            inner = set().union(*map(named, value.values()), set())
            found = value.get("datasource")
            return inner | ({(found["uid"], found["type"])} if isinstance(found, dict) else set())
        return set().union(*map(named, value), set()) if isinstance(value, list) else set()

    for uid in BOARDS:
        board = json.loads((HERE / "grafana" / "dashboards" / f"{uid}.json").read_text(encoding="utf-8"))
        assert board["uid"] == uid
        assert named(board) <= {(name, source["type"]) for name, source in sources.items()}
    settings = [source.get("jsonData", {}) for source in sources.values()]
    links = [link["datasourceUid"] for s in settings for link in s.get("derivedFields", [])]
    links += [link["datasourceUid"] for s in settings for link in s.get("exemplarTraceIdDestinations", [])]
    links += [s["alertmanagerUid"] for s in settings if "alertmanagerUid" in s]
    assert links
    assert set(links) <= set(sources)


def test_grafana_reads_dashboards_where_they_are_mounted(services):
    """The provider's folder, and the home dashboard in it."""
    mounts = dict(mount.split(":")[:2] for mount in services["grafana"]["volumes"])
    folder = PurePosixPath(mounts["./grafana/dashboards"])
    provider = read("grafana/provisioning/dashboards/dashboards.yml")["providers"][0]
    assert PurePosixPath(provider["options"]["path"]) == folder
    home = PurePosixPath(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.parent == folder
    assert home.stem in BOARDS


def test_rates_get_the_interval_that_queries_were_tried_with():
    """Grafana's rate interval is four scrapes: the renderer and the tests fill in the same."""
    from dashboards.render.queries import BUILT_IN, STEP_S

    source = read("grafana/provisioning/datasources/datasources.yml")["datasources"][0]
    scrape = read("prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scrape == f"{STEP_S}s"
    assert BUILT_IN["$__rate_interval"] == f"{4 * STEP_S // 60}m"
