"""The exporter beside a server: a process of its own in the server's pod, which can fail by itself.

Fast-forward: requests feel nothing of it.
"""

from __future__ import annotations


class Sidecar:
    """How an exporter is. It outlives the server's process.

    Attributes:
        hung: it does not answer the scrape any more.
        cut_off: it answers, but every connection it opens to the server times out.
    """

    def __init__(self) -> None:
        self.hung = False
        self.cut_off = False

    @property
    def well(self) -> bool:
        """Whether it does its work."""
        return not (self.hung or self.cut_off)

    def restart(self) -> None:
        """A fresh process."""
        self.hung = self.cut_off = False
