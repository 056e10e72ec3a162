"""Dashboards as files: `build` writes them from the catalogues, `render` and `pictures` draw them without Grafana."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .render.page import page
from .render.queries import Prometheus

WIDTH = 1400


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="write dashboards and alert rules from the catalogues")
    commands.add_parser("pictures", help="draw each incident for docs/images (needs Chromium)")
    render = commands.add_parser("render", help="draw one dashboard as an HTML page from a Prometheus API")
    render.add_argument("uid", help="overview, service, postgres, redis, auth or incident")
    render.add_argument("--url", required=True, help="the API's address, as http://localhost:9090")
    render.add_argument("--minutes", type=float, default=30, help="how far back (default: 30)")
    render.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="the value of a variable")
    render.add_argument("--out", type=Path, required=True, help="an HTML file, or a PNG one (needs Chromium)")
    options = parser.parse_args()
    match options.command:
        case "build":
            from .build import write

            for path in write():
                print(path)
        case "pictures":
            from .pictures import take

            for path in take():
                print(path, path.stat().st_size)
        case "render":
            _render(options)


def _render(options: argparse.Namespace) -> None:
    api = Prometheus(options.url.rstrip("/"))
    source = Path(__file__).parent / "grafana" / "dashboards" / f"{options.uid}.json"
    chosen = {f"${name}": value for name, _, value in (pair.partition("=") for pair in options.set)}
    end_s = api.now_s()
    document, height = page(
        json.loads(source.read_text(encoding="utf-8")),
        api,
        start_s=end_s - options.minutes * 60,
        end_s=end_s,
        width=WIDTH,
        chosen=chosen,
    )
    if options.out.suffix != ".png":
        options.out.write_text(document, encoding="utf-8")
        return
    from .render.picture import shoot

    shoot(document, options.out, width=WIDTH, height=height)


if __name__ == "__main__":
    main()
