"""Live time keeps to the wall clock: never ahead of it, and after a stall without a burst."""

from __future__ import annotations

import pytest

from env.live.pacer import CATCH_UP, LONGEST_LAG_S, LONGEST_TICK_S, TICK_S, Pacer

from .conftest import BEGAN_S, SECOND, Hands, Live


@pytest.mark.parametrize("speed", [0.5, 1.0, 40.0])
def test_live_time_passes_at_the_speed_asked_for(speed):
    """After ten seconds of the wall clock."""
    live = Live(speed=speed)
    live.wait(10)
    assert live.passed_s == pytest.approx(10 * speed)


def test_it_is_never_ahead_of_the_clock():
    """Whatever the ticks."""
    live = Live(speed=3.0)
    for tick_s in (0.01, 0.25, 0.3, 1.7, 0.0):
        live.hands.s += tick_s
        live.cluster.tick()
        assert live.passed_s <= 3.0 * live.hands.s + 1e-6


def test_a_stall_is_made_up_for_step_by_step(live):
    """A tick after ten seconds of stall goes no further than two of them, and all is made up for in the end."""
    live.hands.s += 10
    live.cluster.tick()
    assert live.passed_s == pytest.approx(CATCH_UP * LONGEST_TICK_S)
    assert live.cluster.pacer.lag_s(live.cluster.now) == pytest.approx(10 - CATCH_UP * LONGEST_TICK_S)
    live.wait(12)
    assert live.passed_s == pytest.approx(22)
    assert live.cluster.pacer.lost_s == 0


def test_what_a_long_sleep_takes_is_lost(live):
    """It goes on from where it was, at the usual speed."""
    live.wait(1)
    live.hands.s += 8 * 3600
    live.cluster.tick()
    live.wait(5)
    assert live.passed_s == pytest.approx(6, abs=2 * TICK_S)
    assert live.cluster.pacer.lost_s == pytest.approx(8 * 3600, abs=1)


def test_a_cluster_too_slow_for_its_speed_loses_time_instead_of_running_after_it():
    """Of a pacer whose cluster gets nowhere, the lag stays bounded."""
    hands = Hands()
    pacer = Pacer(100.0, hands.clock)
    pacer.begin(0)
    for _ in range(1000):
        hands.s += 1.0
        pacer.target(0)
        assert pacer.lag_s(0) <= LONGEST_LAG_S
    assert pacer.lost_s == pytest.approx(1000, abs=LONGEST_LAG_S)


def test_a_pause_stops_time_and_takes_none_away(live):
    """What passed on the wall clock meanwhile is not made up for."""
    live.wait(2)
    live.cluster.set_pace(speed=None, paused=True, source="operator")
    live.wait(100)
    assert live.passed_s == pytest.approx(2)
    live.cluster.set_pace(speed=None, paused=False, source="operator")
    live.wait(3)
    assert live.passed_s == pytest.approx(5)
    assert [entry.value for entry in live.cluster.world.log] == ["pause", "resume"]


def test_another_speed_holds_from_now_on(live):
    """No jump where it changes."""
    live.wait(4)
    live.cluster.set_pace(speed=10.0, paused=None, source="operator")
    live.cluster.tick()
    assert live.passed_s == pytest.approx(4)
    live.wait(2)
    assert live.passed_s == pytest.approx(24)


def shown_s(live: Live) -> float:
    """Unix time of the live now."""
    return live.cluster.cluster.epoch_s + live.cluster.now / SECOND


def test_at_speed_one_the_epoch_stands_still_and_now_is_the_wall_clocks(live):
    """Through five minutes and a stall."""
    epoch_s = live.cluster.cluster.epoch_s
    live.wait(300, tick_s=0.5)
    live.hands.s += 20
    live.wait(60, tick_s=0.5)
    assert live.cluster.cluster.epoch_s == epoch_s
    assert shown_s(live) == pytest.approx(BEGAN_S + live.hands.s, abs=1)


@pytest.mark.parametrize("speed", [0.5, 20.0])
def test_at_another_speed_the_epoch_moves_so_that_now_is_the_wall_clocks(speed):
    """It is never in the future."""
    live = Live(speed=speed)
    for _ in range(20):
        live.wait(3)
        assert shown_s(live) == pytest.approx(BEGAN_S + live.hands.s - 1, abs=1.01)


def test_after_a_pause_now_is_the_wall_clocks_again(live):
    """The history moves up behind it."""
    live.cluster.set_pace(speed=None, paused=True, source="operator")
    live.wait(500, tick_s=5)
    live.cluster.set_pace(speed=None, paused=False, source="operator")
    live.wait(2)
    assert shown_s(live) == pytest.approx(BEGAN_S + live.hands.s - 1, abs=1.01)
