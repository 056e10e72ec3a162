"""The committed files are what the code writes."""

from __future__ import annotations

import pytest

from dashboards.build import HERE, files, write


@pytest.mark.parametrize("name", sorted(files()))
def test_a_committed_file_equals_what_the_catalogues_give(name):
    """Written by `python -m dashboards build`."""
    assert (HERE / name).read_text(encoding="utf-8") == files()[name]


def test_there_are_no_other_dashboards():
    """One that the code no longer writes is removed."""
    there = {path.relative_to(HERE).as_posix() for path in (HERE / "grafana" / "dashboards").iterdir()}
    assert there == {name for name in files() if name.startswith("grafana/")}


def test_writing_puts_every_file_below_a_folder(tmp_path):
    """With the content that `files` gives."""
    assert {path.relative_to(tmp_path).as_posix(): path.read_text() for path in write(tmp_path)} == dict(files())
