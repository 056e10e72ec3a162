"""The same seed and options give the same bytes in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

FORMATS = "openmetrics,logs,otlp,jaeger,rca"


def exported(root: Path, out: Path, hash_seed: str, seeds: str) -> dict[str, str]:
    """Digests of the files of some short episodes."""
    command = [sys.executable, "-m", "cluster_sim", "export", "--fault", "jwt_partial_rotation", "--seeds", seeds]
    command += ["--duration", "1", "--skip-fixes", "--format", FORMATS, "--out", str(out), "--jobs", "2"]
    run = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    return {
        str(path.relative_to(out)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_files_are_the_same_bytes_whatever_the_process(root, tmp_path):
    """Another hash seed and another process change nothing; two seeds differ in every file."""
    alone = exported(root, tmp_path / "alone", "0", "1")
    both = exported(root, tmp_path / "both", "4242", "1:3")
    folder = "config-service_jwt-partial-rotation"
    names = {Path(name).name for name in alone}
    assert names == {
        *("metrics.om", "logs.jsonl", "traces.otlp.jsonl", "traces.jaeger.json", "truth.json"),
        *("data.csv", "logs.csv", "traces.csv", "inject_time.txt"),
    }
    assert alone == {name: digest for name, digest in both.items() if name.startswith(f"{folder}/1/")}
    for name in names - {"inject_time.txt"}:
        assert both[f"{folder}/1/{name}"] != both[f"{folder}/2/{name}"]
