"""The OpenEnv package: what the official validator and the Space read."""

import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

UNSHIPPED = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "outputs")


@pytest.mark.slow
def test_openenv_validator_passes_statically(root: Path, tmp_path: Path, tool: Callable[[str], str]) -> None:
    """The validator hashes the whole tree, so it gets a copy that no other test writes to."""
    package = shutil.copytree(root, tmp_path / "package", ignore=UNSHIPPED)
    command = [tool("openenv"), "validate", str(package), "--level", "static", "--skip-build", "--json"]
    run = subprocess.run(command, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(run.stdout)
    assert report["verdict"] == "pass"
    assert {result["check_id"]: result["status"] for result in report["results"]} == {"static.manifest": "pass"}


def test_openenv_manifest_names_this_project(root: Path) -> None:
    """Name, version and port agree with pyproject.toml and the Dockerfile."""
    manifest = yaml.safe_load((root / "openenv.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (manifest["name"], manifest["version"]) == (project["name"], project["version"])
    assert (manifest["app"], manifest["port"]) == ("main:app", 7860)


def test_readme_opens_with_the_space_front_matter(root: Path) -> None:
    """The README's first block configures the Space as the seed document does."""
    opening, front_matter, _ = (root / "README.md").read_text(encoding="utf-8").split("---\n", maxsplit=2)
    assert opening == ""
    assert yaml.safe_load(front_matter) == {
        "title": "Incident Response OpenEnv",
        "emoji": "🚨",
        "colorFrom": "red",
        "colorTo": "pink",
        "sdk": "docker",
        "app_port": 7860,
        "pinned": False,
        "tags": ["openenv"],
    }
