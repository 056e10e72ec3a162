"""The documents keep up with the catalogues."""

from __future__ import annotations

import pytest

from cluster_sim import ALERT_RULES, REMEDIATIONS, SERVICES
from cluster_sim.reference import PAGES, page
from env.tasks import TASKS


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_equals_what_the_catalogues_say(name, root):
    """Written by `python -m cluster_sim reference`."""
    assert (root / "docs" / "reference" / name).read_text(encoding="utf-8") == page(name)


def test_every_entry_has_its_row():
    """Nothing of the catalogues is missing from the pages."""
    text = "".join(page(name) for name in PAGES)
    for name in (*SERVICES, *REMEDIATIONS, *(rule.alert for rule in ALERT_RULES.values())):
        assert f"| {name} |" in text


def test_the_readme_names_every_task_and_its_links_lead_somewhere(root):
    """Each task in the table; each relative link a file."""
    import re

    text = (root / "README.md").read_text(encoding="utf-8")
    for task in TASKS:
        assert f"`{task}`" in text
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert links
    assert [link for link in links if not (root / link).is_file()] == []
    assert f"{len(REMEDIATIONS)} remediations" in text
