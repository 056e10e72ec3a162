"""`python -m cluster_sim.native` compiles the engine."""

from __future__ import annotations

import sys

from .build import build


def main() -> int:
    """Compile; returns the exit status."""
    from setuptools.errors import CompileError

    print("Compiling the engine: about a minute.", file=sys.stderr)
    try:
        where = build()
    except CompileError as error:
        print(f"It stays interpreted: no C compiler or no Python headers ({error}).", file=sys.stderr)
        return 1
    print(f"Compiled: {where}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
