"""The page on serving keeps up with the server."""

from dataclasses import fields

import pytest

from env.server import ServerSettings
from env.server.settings import PREFIX, cores

PAGE = "docs/how-to/serve.md"


@pytest.fixture
def page(root):
    return (root / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("setting", fields(ServerSettings), ids=lambda setting: setting.name)
def test_every_setting_is_listed_with_its_default(page, setting):
    default = "cores" if setting.name == "processes" else f"{getattr(ServerSettings(), setting.name):.0f}"
    assert f"| `{PREFIX}{setting.name.upper()}` | {default} |" in page


def test_as_many_processes_as_cores_are_the_default():
    assert ServerSettings().processes == cores() >= 1


def test_every_family_of_the_servers_own_metrics_is_listed(page, app):
    families = [family for family in app.state.metrics.registry.collect()]
    assert len(families) > 10
    for family in families:
        name = family.name + ("_total" if family.type == "counter" else "")
        assert f"`{name}" in page
