"""The Alertmanager API lists the alerts that fire, as the real one would that was sent them."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
import requests

from env.server.observability.alertmanager import CONFIG
from tests.server_process import free_port
from tests.support.real_prometheus import program

DEADLINE_S = 30
FILTERS: tuple = (
    {},
    {"filter": 'severity="critical"'},
    {"filter": "severity=warning"},
    {"filter": ['severity!="critical"', "service=~pay.*|postgres.*"]},
    {"filter": 'alertname!~"High.*"'},
    {"filter": 'nosuch=""'},
    {"filter": ' service = "payment-service" '},
    {"receiver": "tick.*"},
    {"receiver": "nobody"},
    {"active": "false"},
    {"active": "1", "silenced": "false", "inhibited": "false", "unprocessed": "false"},
    {"filter": "no matcher"},
    {"filter": 'service="a"b"'},
    {"filter": ""},
)


@pytest.fixture(scope="module")
def real(incident, tmp_path_factory):
    """An Alertmanager with the same configuration that was sent the alerts that fire."""
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    (folder / "alertmanager.yml").write_text(CONFIG)
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            program("prometheus-alertmanager"),
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
            "--log.level=error",
        ]
    )
    try:
        url = f"http://{address}/api/v2"
        wait_for(f"http://{address}/-/ready")
        alerts = incident.get("prometheus/api/v1/alerts").json()["data"]["alerts"]
        sent = [{name: a[name] for name in ("labels", "annotations")} for a in alerts if a["state"] == "firing"]
        assert sent
        requests.post(f"{url}/alerts", json=sent, timeout=20).raise_for_status()
        yield url
    finally:
        process.terminate()
        process.wait(20)


def wait_for(url):
    give_up_s = time.monotonic() + DEADLINE_S
    while True:
        try:
            requests.get(url, timeout=5).raise_for_status()
            return
        except requests.RequestException:
            assert time.monotonic() < give_up_s, f"{url} does not answer"
            time.sleep(0.05)


def bare(alerts):
    """Alerts without their times and origin, which differ."""
    if not isinstance(alerts, list):
        return alerts
    moving = ("startsAt", "endsAt", "updatedAt", "generatorURL")
    return [{name: value for name, value in alert.items() if name not in moving} for alert in alerts]


def written(alert):
    return json.dumps(alert, sort_keys=True)


@pytest.mark.parametrize("parameters", FILTERS)
def test_alerts_are_listed_as_the_real_one_lists_them(incident, real, parameters):
    """Labels, annotations, fingerprints, receivers and states, in the same order; bad filters in the same words."""
    theirs = requests.get(f"{real}/alerts", params=parameters, timeout=20)
    ours = incident.get("alertmanager/api/v2/alerts", **parameters)
    assert (ours.status_code, bare(ours.json())) == (theirs.status_code, bare(theirs.json()))


@pytest.mark.parametrize("parameters", [{}, {"filter": "severity=critical"}, {"receiver": "tickets"}])
def test_groups_are_those_of_the_real_one(incident, real, parameters):
    """By receiver and service."""

    def told(answer):
        return [(g["receiver"], g["labels"], sorted(map(written, bare(g["alerts"])))) for g in answer.json()]

    theirs = requests.get(f"{real}/alerts/groups", params=parameters, timeout=20)
    assert told(incident.get("alertmanager/api/v2/alerts/groups", **parameters)) == told(theirs)


def test_times_are_those_of_the_simulation(incident):
    """An alert started when it began to fire, and lasts beyond now."""
    for alert in incident.get("alertmanager/api/v2/alerts").json():
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(incident.now_s))
        assert alert["startsAt"] <= now + ".999Z" < alert["endsAt"]
        assert alert["updatedAt"].startswith("2025-03-14")
        assert alert["generatorURL"].startswith("http://prometheus:9090/graph?g0.expr=")


def test_status_receivers_and_silences(incident, real):
    """The shapes are the real one's; nothing is silenced."""
    base = "alertmanager/api/v2"
    for path in ("receivers", "silences"):
        assert incident.get(f"{base}/{path}").json() == requests.get(f"{real}/{path}", timeout=20).json()
    ours, theirs = incident.get(f"{base}/status").json(), requests.get(f"{real}/status", timeout=20).json()
    assert set(ours) == set(theirs)
    assert set(ours["versionInfo"]) == set(theirs["versionInfo"])
    assert (incident.get("alertmanager/-/healthy").text, incident.get("alertmanager/-/ready").text) == ("OK", "OK")


def test_amtool_lists_the_alerts(served):
    """All of them, and those that a matcher picks."""
    url = f"--alertmanager.url={served}/alertmanager"

    def amtool(*arguments):
        run = subprocess.run([program("amtool"), *arguments, url], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr
        return run.stdout

    firing = requests.get(f"{served}/alertmanager/api/v2/alerts", timeout=20).json()
    listed = amtool("alert")
    assert len(listed.splitlines()) == len(firing) + 1
    pages = amtool("alert", "query", "severity=critical")
    names = {alert["labels"]["alertname"] for alert in firing if alert["labels"]["severity"] == "critical"}
    assert names
    assert {line.split()[0] for line in pages.splitlines()[1:]} == names
    extended = amtool("alert", "query", "-o", "extended")
    assert all(alert["annotations"]["summary"] in extended for alert in firing)
    assert amtool("silence", "query").splitlines()[1:] == []
    assert "receiver: on-call" in amtool("config", "show")
