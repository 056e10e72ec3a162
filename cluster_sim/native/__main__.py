"""`python -m cluster_sim.native` compiles the engine."""

from __future__ import annotations

import sys

from .build import NotCompiled, build


def main() -> int:
    """Compile; returns the exit status."""
    print("Compiling the engine: about a minute.", file=sys.stderr)
    try:
        where = build()
    except NotCompiled as error:
        print(f"It stays interpreted: {error}.", file=sys.stderr)
        return 1
    print(f"Compiled: {where}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
