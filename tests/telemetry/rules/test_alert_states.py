"""One alert through its states, as Prometheus 2.42 takes it through them."""

from __future__ import annotations

import pytest

from cluster_sim import WINDOW, Cluster, Severity, seven_services
from cluster_sim.errors import InvalidSpec
from cluster_sim.telemetry.alerts import AlertRule, RuleAlerts
from cluster_sim.telemetry.recordings import Recordings
from cluster_sim.telemetry.series import Matcher, is_stale

KEYS = ((("__name__", "x"), ("service", "a")), (("__name__", "x"), ("service", "b")))
FOREVER = (0, 1 << 60)


def rule(**fields) -> AlertRule:
    defaults = {
        "alert": "Something",
        "expr": "x > 1",
        "severity": Severity.TICKET,
        "summary": "{{ $labels.service }} at {{ $value | humanize }}",
    }
    return AlertRule(**(defaults | fields))


class Watch:
    """A rule's alerts, evaluated by hand."""

    def __init__(self, watched: AlertRule) -> None:
        self.alerts = RuleAlerts(watched)
        self.now = 0
        self.resolved: list[str] = []

    def sees(self, *values: float | None) -> dict[str, str]:
        """The next evaluation; gives the states by service."""
        self.now += WINDOW
        found = [(key, value) for key, value in zip(KEYS, values, strict=False) if value is not None]
        self.alerts.update(found, self.now)
        self.resolved += [alert.service for alert in self.alerts.resolved]
        return {a.service: "firing" if a.firing else "pending" for a in self.alerts.alerts.values()}


def test_an_alert_is_pending_until_it_has_held_long_enough():
    """`for: 30s`: the third evaluation in a row fires; each label set for itself."""
    watch = Watch(rule(for_s=30))
    assert watch.sees(2.0, None) == {"a": "pending"}
    assert watch.sees(2.0, 3.0) == {"a": "pending", "b": "pending"}
    assert watch.sees(2.5, 3.0) == {"a": "firing", "b": "pending"}
    assert watch.sees(2.5, None) == {"a": "firing"}
    assert watch.sees(None, None) == {}
    assert watch.resolved == ["a"]


def test_without_for_it_fires_at_once():
    """As soon as it is seen."""
    assert Watch(rule()).sees(None, 2.0) == {"b": "firing"}


def test_a_condition_that_was_interrupted_begins_anew():
    """A pending alert that ends was never told, and the time begins again."""
    watch = Watch(rule(for_s=30))
    watch.sees(2.0)
    watch.sees(2.0)
    assert watch.sees(None) == {}
    assert watch.sees(2.0) == {"a": "pending"}
    assert watch.resolved == []


def test_keep_firing_for_holds_an_alert_and_only_one_that_fires():
    """`keep_firing_for: 30s`: it is over at the third evaluation without the condition, counted from the first."""
    watch = Watch(rule(for_s=15, keep_firing_for_s=30))
    watch.sees(2.0, 2.0)
    assert watch.sees(2.0, None) == {"a": "firing"}
    assert watch.sees(None) == {"a": "firing"}
    assert watch.sees(None) == {"a": "firing"}
    assert watch.sees(2.0) == {"a": "firing"}
    assert watch.sees() == {"a": "firing"}
    assert watch.sees() == {"a": "firing"}
    assert watch.sees() == {}
    assert watch.resolved == ["a"]


def test_labels_and_annotations_are_the_rules_and_the_series():
    """The metric's name goes, the alert's comes; the value shown is the last one."""
    watch = Watch(rule(labels={"service": "on {{ $labels.service }}", "team": "x"}))
    watch.sees(2.0)
    watch.sees(1234.5)
    (alert,) = watch.alerts.alerts.values()
    assert alert.labels == {"alertname": "Something", "service": "on a", "severity": "warning", "team": "x"}
    assert alert.annotations == {"summary": "a at 1.234k", "runbook_url": "runbooks/Something"}
    assert alert.active_at == WINDOW


def test_a_label_that_shows_the_value_is_refused():
    """Every new value would make a new alert."""
    with pytest.raises(InvalidSpec, match="another alert of every value"):
        rule(labels={"size": "{{ $value | humanize }}"})


@pytest.mark.parametrize("text", ["{{ $value }}", "{{ $value | title }}", "{{ if $value }}", "{{ $labels.a.b }}"])
def test_a_template_that_cannot_be_expanded_is_refused(text):
    """When the rule is declared, not when it fires."""
    with pytest.raises(ValueError, match="not supported in a template"):
        rule(summary=text)


def test_alerts_are_series_too():
    """`ALERTS` is 1 in its state, `ALERTS_FOR_STATE` the Unix time of the beginning; both end with the alert."""
    cluster = Cluster(seven_services(), seed=2)
    cluster.run_for(60)
    cluster.restart("redis-cache")
    cluster.run_for(420)
    of_redis = [Matcher("alertname", "=", "KubePodRestarted"), Matcher("service", "=", "redis-cache")]
    states = {
        series.labels["alertstate"]: series
        for series in cluster.metrics.select([Matcher("__name__", "=", "ALERTS"), *of_redis], *FOREVER)
    }
    assert set(states) == {"firing"}
    assert (states["firing"].values[:-1] == 1).all()
    assert is_stale(states["firing"].values)[-1]
    (since,) = cluster.metrics.select([Matcher("__name__", "=", "ALERTS_FOR_STATE"), *of_redis], *FOREVER)
    assert since.values[0] == since.times[0] / 1000
    assert list(since.times) == list(states["firing"].times)
    (told,) = [alert for alert in cluster.alerts.history if alert.name == "KubePodRestarted/redis-cache"]
    assert cluster.epoch_s + told.active_at / 10**9 == since.values[0]


def test_a_state_that_changes_ends_the_series_of_the_one_before():
    """Pending ends where firing begins."""
    watch, recordings = Watch(rule(for_s=15)), Recordings()
    for _ in range(3):
        watch.sees(2.0)
        keys, values = watch.alerts.states()
        recordings.record("Something", [watch.now], keys, [[value] for value in values])
    pending, *_ = recordings.select([Matcher("alertstate", "=", "pending")], *FOREVER, 0)
    firing, *_ = recordings.select([Matcher("alertstate", "=", "firing")], *FOREVER, 0)
    assert list(pending.times) == [15_000, 30_000]
    assert list(is_stale(pending.values)) == [False, True]
    assert list(firing.times) == [30_000, 45_000]


def test_series_that_ended_long_ago_are_forgotten():
    """What is being recorded stays, and comes back under its name."""
    recordings = Recordings()
    recordings.record("r", [0], KEYS, [[1.0], [2.0]])
    recordings.record("r", [WINDOW], KEYS[:1], [[1.5]])
    recordings.forget(10 * WINDOW)
    assert list(recordings.series) == [KEYS[0]]
    recordings.record("r", [11 * WINDOW], KEYS, [[1.0], [2.0]])
    assert list(recordings.series) == list(KEYS)
    assert list(recordings.named("x")) == list(KEYS)


def test_recorded_series_end_where_they_are_not_there_any_more():
    """One marker of staleness, whether the series' value or the series itself is gone, and none after it."""
    recordings = Recordings()
    recordings.record("r", [0, WINDOW], KEYS, [[1.0, 1.5], [2.0, None]])
    recordings.record("r", [2 * WINDOW], KEYS[1:], [[3.0]])
    recordings.record("r", [3 * WINDOW], (), ())
    recordings.record("r", [4 * WINDOW], (), ())
    a, b = recordings.select([Matcher("__name__", "=", "x")], *FOREVER, 0)
    assert list(a.times) == [0, 15_000, 30_000]
    assert list(is_stale(a.values)) == [False, False, True]
    assert list(b.times) == [0, 15_000, 30_000, 45_000]
    assert list(is_stale(b.values)) == [False, True, False, True]
