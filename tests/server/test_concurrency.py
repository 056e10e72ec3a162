"""Many callers at once: sessions run side by side, one session's callers take turns."""

import asyncio
import sys
import time

import httpx
import pytest
from starlette.testclient import TestClient

NO_OP = {"action_type": "no_op"}
BUSY = {"action_type": "investigate", "target": "busy"}
SLOW = {"action_type": "investigate", "target": "slow"}


def run(app, story):
    """Plays an async story with a client of the app."""

    async def play():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await asyncio.wait_for(story(client), 30)

    asyncio.run(play())


async def opened(client, **options):
    return (await client.post("/reset", json=options)).json()["session_id"]


async def entered(environment):
    while not environment.entered.is_set():
        await asyncio.sleep(0.001)


def test_a_long_step_holds_up_neither_health_nor_other_sessions(app, house):
    async def story(client):
        slow_id = await opened(client)
        slow = house.last
        other_id = await opened(client)
        long_step = asyncio.create_task(client.post(f"/step?session_id={slow_id}", json=SLOW))
        await entered(slow)
        assert (await client.get("/health")).json() == {"status": "healthy"}
        assert (await client.post(f"/step?session_id={other_id}", json=NO_OP)).status_code == 200
        assert not long_step.done()
        slow.gate.set()
        assert (await long_step).json()["observation"]["step"] == 1

    run(app, story)


def test_callers_of_one_session_take_turns(app, house):
    async def story(client):
        session_id = await opened(client, task_id="task_hard")
        steps = [client.post(f"/step?session_id={session_id}", json=BUSY) for _ in range(12)]
        answers = await asyncio.gather(*steps)
        assert sorted(answer.json()["observation"]["step"] for answer in answers) == list(range(1, 13))
        assert house.last.most_at_work == 1

    run(app, story)


def test_parallel_sessions_do_not_mix(app):
    async def story(client):
        async def episode(seed):
            session_id = await opened(client, seed=seed)
            for target in (f"{seed}-a", f"{seed}-b"):
                action = {"action_type": "investigate", "target": target, "session_id": session_id}
                await client.post("/step", json=action)
            return (await client.get("/state", params={"session_id": session_id})).json()

        states = await asyncio.gather(*(episode(seed) for seed in range(8)))
        assert [state["targets"] for state in states] == [[f"{seed}-a", f"{seed}-b"] for seed in range(8)]

    run(app, story)


def test_the_step_of_a_client_that_vanished_completes(app, house):
    async def story(client):
        session_id = await opened(client)
        gone = asyncio.create_task(client.post(f"/step?session_id={session_id}", json=SLOW))
        await entered(house.last)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        next_step = asyncio.create_task(client.post(f"/step?session_id={session_id}", json=NO_OP))
        await asyncio.sleep(0.02)
        assert not next_step.done()
        house.last.gate.set()
        assert (await next_step).json()["observation"]["step"] == 2
        assert app.state.runner.store.get(session_id).callers == 0

    run(app, story)


def test_idle_sessions_are_swept_while_nobody_calls(app):
    async def story(client):
        runner = app.state.runner
        session = runner.store.get(await opened(client))
        session.last_used_s -= runner.store.keep_idle_s
        sweep = asyncio.create_task(runner.sweep(0.001))
        while len(runner.store):
            await asyncio.sleep(0.001)
        sweep.cancel()
        assert runner.store.closed["idle"] == 1

    run(app, story)


def test_a_serving_process_switches_threads_often(app):
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    try:
        with TestClient(app):
            assert sys.getswitchinterval() < 0.001
    finally:
        sys.setswitchinterval(before_s)


def test_a_websocket_client_that_vanishes_mid_step_closes_its_session(client, house, app):
    with client.websocket_connect("/ws") as ws:
        ws.send_json({"type": "reset"})
        session_id = ws.receive_json()["data"]["session_id"]
        ws.send_json({"type": "step", "data": SLOW})
        assert house.last.entered.wait(20)
        house.last.gate.set()
    _eventually(lambda: [action.target for action in house.last.actions] == ["slow"])
    _eventually(lambda: session_id not in app.state.runner.store)


def _eventually(holds) -> None:
    """Asserts that something comes true: the step ends in its own thread, after its client has gone."""
    patience_s = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < patience_s
        time.sleep(0.01)
