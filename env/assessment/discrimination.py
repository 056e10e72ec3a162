"""Whether something that was seen tells the cause of an incident from what looks like it."""

from __future__ import annotations

import re

from cluster_sim import Cluster, Evidence, Fault, recent_logs

from ..episode import EpisodeRecord
from .expressions import Question, of_metric, of_query, reading, same
from .lines import template, written_since
from .sights import Cited, Kind
from .twins import TwinWorld, TwinWorlds

APART = 3.0
"""Factor by which a value differs from that in the world of a twin (chosen)."""
UNCHANGED = 1.5
"""Factor within which a value is what it was before the trouble, and tells nothing of it (chosen)."""
BEFORE_S = 60
"""Seconds before the onset at which it is looked at (chosen)."""
HERE_S, THERE_S = (0, 15, 30), (0, 30, 60)
"""Seconds before the look at which a value, since the onset, must be apart as well, in the agent's world and in that of
the twin: what goes up and down anyway tells nothing (chosen)."""
LONGEST_S = 1200.0
"""Seconds after the page up to which the worlds of twins are looked at (chosen)."""
EVIDENCE = "evidence"
MOST_LINES = 20_000
"""Log lines in which one that bears no time is looked for (chosen)."""

SECOND = 1_000_000_000

_FIRING = re.compile(r"\[FIRING:\d+\] (\S+) (\S+) \(.*\| (since \S+) \| runbook=")


class Discrimination:
    """Judges what was seen in one episode.

    Evidence that is declared of the fault tells it from all its twins. Anything else is looked for in the worlds of
    twins, twice: as long after their page, and at the same time of day, so that neither how long somebody has looked
    nor a threshold on the clock makes a difference. It must be missing, or another, both times. What the agent has
    changed makes worlds differ as well, so only what was seen before the first fix is compared. The first page tells
    nothing, since who looks at nothing has it too; another alert has to be missing in the worlds of all twins.

    Args:
        cluster: the agent's world as it stands; what was, is in its logs and metrics.
        onset: nanoseconds, when the fault began.
        twins: None looks at declared evidence only.
    """

    def __init__(
        self, record: EpisodeRecord, *, fault: Fault, cluster: Cluster, onset: int, twins: TwinWorlds | None
    ) -> None:
        self._cluster = cluster
        self._evidence = fault.evidence
        self._onset = onset
        self._onset_unix_ns = onset + cluster.epoch_s * 1_000_000_000
        self._paged = record.seen[0].at if record.seen else cluster.now
        first = [_FIRING.match(line) for line in record.seen[0].alerts] if record.seen else []
        self._first_page = {(alert[1], alert[2]) for alert in first if alert is not None}
        self._twins = twins
        self._logs: dict[tuple[str, str], frozenset[str]] = {}

    def by(self, seen: Cited) -> str | None:
        """What it tells the cause from: `evidence` for all twins, or the name of one; None if from none."""
        if any(self._is(evidence, seen) for evidence in self._evidence):
            return EVIDENCE
        late = seen.at - self._paged > LONGEST_S * 1e9
        if self._twins is None or seen.fixes or late or not self._may_tell(seen):
            return None
        with self._twins.lock:
            if seen.kind is Kind.ALERT:
                worlds = list(self._twins)
                missing = all(self._differs(seen, world) for world in worlds)
                return worlds[0].fault.name if worlds and missing else None
            return next((world.fault.name for world in self._twins if self._differs(seen, world)), None)

    # ------------------------------------------------------------ declared evidence

    def _is(self, evidence: Evidence, seen: Cited) -> bool:
        if evidence.grep:
            wanted = [text for text in evidence.grep.lower().split("|") if text]
            held = seen.kind is Kind.LINE and any(text in seen.text.lower() for text in wanted)
            return held and seen.service == evidence.service and self._since_onset(seen, evidence.grep)
        asked = seen.asked
        return asked is not None and seen.answered and asked.last_s is None and same(asked.expression, evidence.promql)

    def _since_onset(self, seen: Cited, grep: str) -> bool:
        """Whether a log line was written since the onset: by the time that it bears, or by the log itself, since the
        clock of its pod may be wrong."""
        if written_since(seen.text, seen.before, self._onset_unix_ns):
            return True
        key = (seen.service, grep)
        if key not in self._logs:
            found = recent_logs(self._cluster, seen.service, since_ns=self._onset, limit=MOST_LINES, grep=grep or None)
            self._logs[key] = frozenset(found)
        return seen.text in self._logs[key]

    # ------------------------------------------------------------ against a twin

    def _may_tell(self, seen: Cited) -> bool:
        """Whether it is of the trouble at all, and not as it was before."""
        match seen.kind:
            case Kind.LINE:
                return bool(written_since(seen.text, seen.before, self._onset_unix_ns))
            case Kind.ALERT:
                alert = _FIRING.match(seen.text)
                if alert is None or (alert[1], alert[2]) in self._first_page:
                    return False
                return bool(written_since(alert[3], (), self._onset_unix_ns))
            case Kind.METRIC | Kind.PROMQL:
                question = self._question(seen)
                before = None if question is None else question.read(self._cluster, self._onset - BEFORE_S * SECOND)
                if question is None or before is None:
                    return False
                now = question.read(self._cluster, seen.at)
                return now is not None and not question.alike(now, before, UNCHANGED)
        return False

    def _question(self, seen: Cited) -> Question | None:
        """A metric or a query as it is asked of other worlds, if the answer here is the one that was shown."""
        if seen.asked is not None:
            question = of_query(seen.asked)
            now = None if question is None else question.read(self._cluster, seen.at)
            kept = now is not None and (seen.answered or now.empty)
            return question if kept else None
        shown = reading([] if seen.value is None else [seen.value])
        for question in of_metric(seen.text, seen.service):
            now = question.read(self._cluster, seen.at)
            if now is not None and not now.empty:
                return question if question.alike(now, shown, UNCHANGED) else None
        return None

    def _differs(self, seen: Cited, world: TwinWorld) -> bool:
        instants = sorted((world.paged + seen.at - self._paged, seen.at))
        match seen.kind:
            case Kind.LINE:
                return template(seen.text) not in world.templates(seen.service, instants[-1])
            case Kind.ALERT:
                alert = _FIRING.match(seen.text)
                return alert is not None and not any((alert[1], alert[2]) in world.firing(at) for at in instants)
            case Kind.METRIC | Kind.PROMQL:
                question = self._question(seen)
                return question is not None and self._apart(question, seen.at, instants, world)
        return False

    def _apart(self, question: Question, at: int, instants: list[int], world: TwinWorld) -> bool:
        """Whether the answers here, at an instant and shortly before, are apart from those there."""
        first = self._onset + HERE_S[1] * SECOND
        here = [question.read(self._cluster, max(at - ago * SECOND, min(at, first))) for ago in HERE_S]
        there = [
            world.reading(question, max(instant - ago * SECOND, self._onset)) for instant in instants for ago in THERE_S
        ]
        return all(
            one is not None and other is not None and not question.alike(one, other, APART)
            for one in here
            for other in there
        )
