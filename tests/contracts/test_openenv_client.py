"""OpenEnv's own validator and clients run against the real server."""

import asyncio
import json
import subprocess

import pytest
import requests
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from openenv.core.generic_client import GenericEnvClient  # type: ignore[import-untyped]
from openenv.core.mcp_client import MCPToolClient  # type: ignore[import-untyped]
from openenv.validation.graders.runtime.basic import ObservationSchemaGrader, StateContractGrader  # type: ignore[import-untyped]
from openenv.validation.runtime.collector import collect_runtime_evidence  # type: ignore[import-untyped]
from openenv.validation.runtime.contracts import RuntimePlan  # type: ignore[import-untyped]

from tests.server_process import running_server

INVESTIGATE = {"action_type": "investigate", "target": "postgres-db"}
NO_OP = {"action_type": "no_op"}


@pytest.fixture(scope="module")
def url():
    with running_server("main:app") as url:
        yield url


@pytest.fixture
def env(url):
    with GenericEnvClient(base_url=url) as env:
        yield env


def test_the_validator_passes_every_criterion(url, tool):
    command = [tool("openenv"), "validate", "--url", url, "--json", "--timeout", "30"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(run.stdout)
    assert report["passed"]
    assert (report["standard_profile"], report["mode"]) == ("openenv-http/1.x", "simulation")
    assert report["summary"]["failed_criteria"] == []
    assert report["summary"]["total_count"] == 6


def test_the_generic_client_plays_an_episode(env):
    reset = env.reset(task_id="task_easy", seed=11, episode_id="episode-11")
    assert (reset.reward, reset.done) == (None, False)
    assert reset.observation["task_id"] == "task_easy"
    assert reset.observation["alerts"]
    step = env.step(INVESTIGATE)
    assert step.observation["step"] == 1
    assert step.reward > 0
    assert list(step.observation["logs"]) == ["postgres-db"]
    state = env.state()
    assert (state["episode_id"], state["step_count"], state["seed"]) == ("episode-11", 1, 11)


def test_an_episode_ends_at_its_step_limit_and_refuses_more(env):
    env.reset(task_id="task_easy", seed=1)
    done = [env.step(NO_OP).done for _ in range(10)]
    assert done == [False] * 9 + [True]
    with pytest.raises(RuntimeError, match="EXECUTION_ERROR"):
        env.step(NO_OP)
    assert 0 < env.state()["score"] < 1


def test_a_refused_action_leaves_the_clients_episode_as_it_was(env):
    env.reset(seed=1)
    before = env.state()
    with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
        env.step({"action_type": "dance"})
    assert env.state() == before


def test_two_clients_with_one_seed_see_the_same_world(url):
    def episode():
        with GenericEnvClient(base_url=url) as env:
            return [env.reset(seed=7).observation, env.step(INVESTIGATE).observation]

    assert episode() == episode()


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")
def test_the_runtime_graders_find_state_and_observations_in_order(url):
    reset = {"episode_id": "probe-1", "seed": 42, "options": {"task_id": "task_easy"}}
    plan = RuntimePlan(plan_schema_version="1", reset=reset, actions=[INVESTIGATE, NO_OP])
    evidence = collect_runtime_evidence(url, plan, episode_timeout_s=60)
    assert evidence.failure_reason is None
    assert [row.operation for row in evidence.exchanges] == ["reset", "state"] + ["step", "state"] * 2
    for grader in (ObservationSchemaGrader(), StateContractGrader()):
        assert grader.check(None, evidence) == []


def test_an_mcp_client_plays_with_the_tools_it_finds(url):
    """The client of the Model Context Protocol's own Python SDK."""
    session_id = requests.post(f"{url}/reset?task_id=task_easy&seed=3", timeout=60).json()["session_id"]

    async def story():
        async with (
            streamable_http_client(f"{url}/mcp?session_id={session_id}") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            hello = await session.initialize()
            await session.send_ping()
            tools = (await session.list_tools()).tools
            looked = await session.call_tool("query_metrics", {"promql": "sum(pg_stat_activity_count)"})
            wrong = await session.call_tool("query_metrics", {"promql": "sum("})
            acted = await session.call_tool("investigate", {"target": "postgres-db"})
            return hello, tools, looked, wrong, acted

    hello, tools, looked, wrong, acted = asyncio.run(story())
    assert hello.serverInfo.name == "incident-response-env"
    assert len(tools) == 12
    assert looked.structuredContent["result"][0]["value"] > 0
    assert wrong.isError
    assert acted.structuredContent["observation"]["step"] == 1
    assert not acted.isError


def test_openenvs_mcp_client_plays_an_episode(url):
    """It opens a session over /mcp, resets it on /ws and calls tools over /mcp."""

    async def story():
        async with MCPToolClient(base_url=url) as env:
            reset = await env.reset(task_id="task_easy", seed=3)
            tools = {tool.name: tool for tool in await env.list_tools()}
            signals = await env.call_tool("golden_signals", service="payment-service")
            turn = await env.call_tool("investigate", target="postgres-db")
            state = await env.state()
            return reset, tools, signals, turn, state

    reset, tools, signals, turn, state = asyncio.run(story())
    assert reset.observation.alerts
    assert tools["investigate"].input_schema["required"] == ["target"]
    assert signals["services"]["payment-service"]["error_ratio"] > 0.05
    assert turn["observation"]["step"] == state.step_count == 1
