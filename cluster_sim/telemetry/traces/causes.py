"""Why a span failed, in the words that the same program's log has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...engine.failures import DENIALS, STATUS, Failure
from ...specs import Language
from ..logs.app import AppFormat
from ..logs.reader import FORMATS
from ..logs.scene import Scene
from ..logs.words import ADMINISTRATOR, CANCELED, MAXMEMORY, SLOTS_RESERVED, TRANSACTION_TIMEOUT, Words

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.edge import Edge

_STORE_ANSWERS = {
    (Language.POSTGRES, Failure.SERVER_ERROR): Words("57014", CANCELED),
    (Language.POSTGRES, Failure.ADMIN_SHUTDOWN): Words("57P01", ADMINISTRATOR),
    (Language.POSTGRES, Failure.IDLE_IN_TRANSACTION): Words("25P03", TRANSACTION_TIMEOUT),
    (Language.POSTGRES, Failure.UNAVAILABLE): Words("53300", SLOTS_RESERVED),
    (Language.REDIS, Failure.CACHE_FULL): Words("OOM", f"OOM {MAXMEMORY}"),
}
"""What a datastore answers: the SQLSTATE, or the first word of Redis' error, and the message."""


class Causes:
    """The words of all services of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._formats: dict[str, AppFormat | None] = {}

    def of_caller(self, edge: Edge, failure: Failure, opened: int = 0, waiting: int = 0) -> Words:
        """What a client library says when a call fails; the figures are those of its connection pool."""
        log_format = self._format(edge.client)
        if log_format is None:  # the user's browser, or a datastore
            return Words(failure.name.lower(), failure.name.replace("_", " ").lower())
        return log_format.words(edge, failure, (STATUS[failure], opened, opened, 0, waiting))

    def of_server(self, edge: Edge, failure: Failure, duration: int, number: int) -> Words | None:
        """What a server says of a failure that is its own and no call's of its own."""
        log_format = self._format(edge.server)
        if log_format is None:
            language = self.cluster.service(edge.server).spec.language
            return _STORE_ANSWERS.get((language, failure))
        if failure in DENIALS:
            return log_format.tokens.of(failure)
        return log_format.own_fault(failure, duration, number)

    def answer(self, edge: Edge, failure: Failure) -> str:
        """The code of a datastore's error."""
        words = _STORE_ANSWERS.get((self.cluster.service(edge.server).spec.language, failure))
        return words.kind if words is not None else ""

    def _format(self, service: str) -> AppFormat | None:
        if service not in self._formats:
            running = self.cluster.services.get(service)
            made = FORMATS[running.spec.language](Scene(self.cluster, running)) if running is not None else None
            self._formats[service] = made if isinstance(made, AppFormat) else None
        return self._formats[service]
