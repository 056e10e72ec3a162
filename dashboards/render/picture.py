"""A page as a PNG, taken by a headless Chromium."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from PIL import Image

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
COLOURS = 240
"""Of the picture: lines and letters on a plain ground need no more, and a third of the bytes."""


def shoot(document: str, picture: Path, *, width: int, height: int, browser: str = "chromium") -> None:
    """Write the picture of a page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source, shot = Path(folder) / "page.html", Path(folder) / "page.png"
        source.write_text(document, encoding="utf-8")
        subprocess.run(
            [
                browser,
                *FLAGS,
                f"--user-data-dir={folder}/profile",
                f"--window-size={width},{height}",
                f"--screenshot={shot}",
                source.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        with Image.open(shot) as image:
            image.convert("RGB").quantize(COLOURS).save(picture, optimize=True)
