"""Sessions are opened, aliased and evicted by last use."""

import pytest

from env.errors import OverCapacity, UnknownSession
from env.models import EpisodeOptions
from env.sessions import SessionStore

from .fake_environment import FakeEnvironment


class Clock:
    now_s = 1_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    return SessionStore(FakeEnvironment, capacity=2, keep_idle_s=100, spare_idle_s=10, clock=clock)


def test_ids_have_128_bits_and_do_not_repeat(store, clock):
    store.capacity = 50
    ids = {store.open().session_id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(bytes.fromhex(session_id)) == 16 for session_id in ids)


def test_a_full_store_refuses_and_says_when_to_come_back(store, clock):
    store.open()
    clock.now_s += 3
    store.open()
    with pytest.raises(OverCapacity) as refused:
        store.open()
    assert refused.value.retry_after_s == 7
    assert len(store) == 2


def test_a_full_store_lets_the_longest_unused_session_give_way(store, clock):
    first, second = store.open(), store.open()
    clock.now_s += 5
    store.get(first.session_id)
    clock.now_s += 5
    third = store.open()
    assert second.session_id not in store
    assert first.session_id in store
    assert third.session_id in store
    assert store.closed["capacity"] == 1


def test_a_session_with_a_caller_never_gives_way(store, clock):
    first, second = store.open(), store.open()
    first.callers = 1
    clock.now_s += 1_000
    store.close_idle()
    assert first.session_id in store
    assert second.session_id not in store
    store.open()
    clock.now_s += 50
    store.open()
    assert first.session_id in store


def test_a_full_store_of_busy_sessions_asks_to_come_back_soon(store):
    store.open().callers = 1
    store.open().callers = 1
    with pytest.raises(OverCapacity) as refused:
        store.open()
    assert refused.value.retry_after_s == 1


def test_idle_sessions_are_closed_after_their_time(store, clock):
    first = store.open()
    clock.now_s += 60
    second = store.open()
    clock.now_s += 40
    store.close_idle()
    assert first.session_id not in store
    assert second.session_id in store
    with pytest.raises(UnknownSession):
        store.get(first.session_id)
    assert store.closed["idle"] == 1


def test_an_alias_ends_with_its_session(store):
    session = store.open()
    session.reset("task_easy", 1, EpisodeOptions())
    store.alias("task_easy", session)
    assert store.aliased("task_easy") is session
    store.close(session.session_id)
    assert store.aliased("task_easy") is None


def test_using_the_alias_is_using_the_session(store, clock):
    session = store.open()
    session.reset("task_easy", 1, EpisodeOptions())
    store.alias("task_easy", session)
    clock.now_s += 90
    store.aliased("task_easy")
    clock.now_s += 90
    store.close_idle()
    assert session.session_id in store


def test_a_session_that_was_never_reset_has_no_page_and_no_episode(store):
    from env.errors import NotReset

    session = store.open()
    assert session.state() == {"episode_id": None, "step_count": 0}
    with pytest.raises(NotReset):
        session.view()
