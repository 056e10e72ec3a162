"""Imports point down: the floor plan, and a look at every import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FLOORS = {
    "cluster_sim": (
        ("native", "errors", "clock", "catalogue"),
        ("rng", "specs"),
        ("engine",),
        ("telemetry",),
        ("services", "topologies"),
        ("workload", "saved", "cluster"),
        ("faults", "remediations"),
        (
            "incident",
            "warmup",
            "recovery",
            "harm",
            "capacity",
            "baseline",
            "invariants",
            "evidence",
            "oracle",
            "causality",
        ),
        ("generator",),
        ("proof", "costs", "reference", "exports", "realism", "fade"),
        ("__init__", "__main__"),
    ),
    "env": (
        ("errors", "models", "version"),
        ("policies", "episode", "queries"),
        ("wording", "paging"),
        ("statement",),
        ("diagnosis",),
        ("postmortem",),
        ("grading",),
        ("rewards", "tasks", "observation", "answers"),
        ("actions", "tools"),
        ("scenes",),
        ("assessment",),
        ("environment",),
        ("counterfactual", "privileged"),
        ("playing",),
        ("trajectory",),
        ("sweep", "evaluate", "twins"),
        ("sessions",),
        ("workers",),
        ("live",),
        ("server",),
        ("__init__", "__main__"),
    ),
}
"""Bottom first: a part may import its own floor and those below. Faults and remediations do not know each other."""

SAME_FLOOR_FORBIDDEN = {("faults", "remediations"), ("remediations", "faults")}


def _imports(path: Path, package: str) -> set[str]:
    """The parts of its own package that a module imports when it is imported or run (not only for types)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    depth = len(path.relative_to(package).parts) - 1
    parts: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == depth + 1:
            parts.update([node.module.split(".")[0]] if node.module else [alias.name for alias in node.names])
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
            parts.add(([*node.module.split("."), "__init__"])[1])
    return parts


@pytest.mark.parametrize("package", FLOORS)
def test_imports_point_down(package, root, monkeypatch):
    """No module imports a part of its package that stands on a higher floor."""
    monkeypatch.chdir(root)
    level = {part: number for number, floor in enumerate(FLOORS[package]) for part in floor}
    wrong = []
    for path in sorted(Path(package).rglob("*.py")):
        here = path.relative_to(package).parts[0].removesuffix(".py")
        assert here in level, f"{path} is on no floor"
        wrong += [
            f"{path} imports {package}.{part}"
            for part in sorted(_imports(path, package))
            if level[part] > level[here] or (here, part) in SAME_FLOOR_FORBIDDEN
        ]
    assert wrong == []


def test_env_uses_the_simulators_public_face_only(root, monkeypatch):
    """`env` imports names from `cluster_sim`, never from a module inside it."""
    monkeypatch.chdir(root)
    inside = [
        str(path)
        for path in Path("env").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cluster_sim.")
    ]
    assert inside == []


def test_the_simulator_does_not_know_the_environment(root, monkeypatch):
    """`cluster_sim` stands alone."""
    monkeypatch.chdir(root)
    upward = [
        str(path)
        for path in Path("cluster_sim").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "env"
    ]
    assert upward == []


def test_a_clients_imports_need_no_simulator(root, monkeypatch):
    """Wire types and policies import neither the simulator nor the server."""
    monkeypatch.chdir(root)
    for path in [Path("env/models.py"), *Path("env/policies").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in {"cluster_sim", "fastapi", "server"}, path
