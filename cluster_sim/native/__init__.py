"""The engine's hottest modules, compiled to C from the very sources that run without it.

`make native` compiles them with mypyc and keeps them under `.native/`, in a directory named after the interpreter and a
digest of the sources. Where that directory exists, they are imported from it; where it does not, or the engine has been
edited since, they are interpreted. What an episode shows is the same to the byte.

In the environment, `NATIVE=0` has them interpreted anyway; `NATIVE=folder` looks there instead of in `.native/`.
"""

from .finder import COMPILED, MODULES

__all__ = ["COMPILED", "MODULES"]
