"""The entry point against scripted servers: what it prints, whatever goes wrong."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest
import uvicorn

import inference
from cluster_sim import Cluster
from env.policies import EnvironmentClient
from env.policies.errors import EnvironmentRefused
from env.server import ServerSettings, create_app
from tests.policies.loopback import ScriptedModel, StoryServer, serving
from tests.policies.stories import STORIES, StoryEnvironment
from tests.server.fake_environment import FakeTask

START = re.compile(r"\[START\] task=(\S+) env=(\S+) model=(\S+)")
STEP = re.compile(r"\[STEP\] step=(\d+) action=(\S+) reward=(-?\d+\.\d\d) done=(true|false) error=(null|[ -~]+)")
END = re.compile(
    r"\[END\] success=(true|false) steps=(\d+) score=(0\.\d{3}) rewards=((?:-?\d+\.\d\d(?:,-?\d+\.\d\d)*)?)"
)


def read_output(text):
    """The episodes that stdout tells of; every line must be one of the three, in their order."""
    episodes: list[dict] = []
    for line in text.splitlines():
        if (start := START.fullmatch(line)) is not None:
            assert not episodes or episodes[-1]["end"] is not None, "an episode without its end"
            episodes.append({"task": start[1], "model": start[3], "steps": [], "end": None})
        elif (step := STEP.fullmatch(line)) is not None:
            episodes[-1]["steps"].append({"action": step[2], "reward": step[3], "error": step[5]})
            assert int(step[1]) == len(episodes[-1]["steps"])
        else:
            end = END.fullmatch(line)
            assert end is not None, f"a line that is none of the three: {line!r}"
            episodes[-1]["end"] = {"success": end[1] == "true", "score": float(end[3])}
            assert int(end[2]) == len(episodes[-1]["steps"])
            assert [r for r in end[4].split(",") if r] == [s["reward"] for s in episodes[-1]["steps"]]
    assert episodes, "no episode"
    assert episodes[-1]["end"] is not None, "the last episode has no end"
    return episodes


class Loopback:
    """The scripted environment, and scripted models on demand."""

    def __init__(self, stack, capsys):
        self.stack = stack
        self.capsys = capsys
        self.story = StoryServer()
        self.env_url = stack.enter_context(serving(self.story.handle))
        self.released = threading.Event()
        stack.callback(self.released.set)

    def variables(self, model=None, **more):
        given = {"ENV_URL": self.env_url, "MODEL_RETRIES": "0", **more}
        if model is not None:
            url = self.stack.enter_context(serving(model.handle))
            given |= {"API_BASE_URL": f"{url}/v1", "MODEL_NAME": "scripted", "OPENAI_API_KEY": "sk-test"}
            self.stack.callback(self.released.set)  # a server waits for its stalled answers when it closes
        return given

    def run(self, model=None, **more):
        status = inference.main(self.variables(model, **more))
        return status, read_output(self.capsys.readouterr().out)


@pytest.fixture
def loopback(capsys):
    with ExitStack() as stack:
        yield Loopback(stack, capsys)


def plan(story):
    """The answers of a model that knows the story."""
    statement = {"root_cause": story.root_cause, "mechanism": story.mechanism, "confidence": 0.9}
    actions = [
        {"action_type": "investigate", "target": story.root_cause},
        {"action_type": "escalate", "target": story.team, "details": statement},
        {"action_type": "apply_fix", "target": story.fix},
        {"action_type": "postmortem", "details": f"The root cause was {story.root_cause}.\nIt is cured."},
    ]
    return [json.dumps(action) for action in actions[: 4 if story.needs_postmortem else 3]]


PLANS = [answer for story in STORIES.values() for answer in plan(story)]


def test_without_a_key_the_rule_based_agent_plays_the_three_tasks(loopback):
    status, episodes = loopback.run()
    assert status == 0
    assert [(e["task"], e["model"]) for e in episodes] == [(task, "rule-based") for task in STORIES]
    assert all(e["end"] == {"success": True, "score": 0.99} for e in episodes)
    assert all(step["error"] == "null" for e in episodes for step in e["steps"])


def test_tasks_and_seed_can_be_told(loopback):
    _, episodes = loopback.run(TASKS="task_hard, task_easy", SEED="41")
    assert [e["task"] for e in episodes] == ["task_hard", "task_easy"]
    assert loopback.story.environment.seed == 41


@pytest.mark.parametrize("streams", ["yes", "refuse", "ignore", "break"])
def test_a_model_plays_the_three_tasks_whether_its_server_streams_or_not(loopback, streams):
    said: list[str] = []

    def say(number):
        question = model.questions[number]
        if streams in ("refuse", "ignore", "break") and question.get("stream"):
            return PLANS[len(said)]  # lost on the way, the plain question follows
        said.append(PLANS[len(said)])
        return said[-1]

    model = ScriptedModel(say=say, streams=streams)
    status, episodes = loopback.run(model)
    assert status == 0
    assert said == PLANS
    assert [(e["model"], e["end"]["score"]) for e in episodes] == [("scripted", 0.99)] * 3
    assert all(step["error"] == "null" for e in episodes for step in e["steps"])
    asked_to_stream = [bool(question.get("stream")) for question in model.questions]
    assert all(asked_to_stream) if streams == "yes" else asked_to_stream == [True] + [False] * len(PLANS)


@pytest.mark.parametrize("key", ["OPENAI_API_KEY", "HF_TOKEN", "API_KEY"])
def test_each_name_of_the_key_is_a_key(key):
    assert inference.Settings.read({key: "secret", "MODEL_NAME": ""}).api_key == "secret"
    assert inference.Settings.read({key: " "}).api_key is None


def test_a_malformed_answer_is_asked_for_again_and_then_nothing_is_done(loopback):
    model = ScriptedModel(say=lambda number: '{"action_type": "investigate", "target": "post')
    status, episodes = loopback.run(model, TASKS="task_medium")
    assert status == 1
    assert episodes[0]["end"]["success"] is False
    assert {step["error"] for step in episodes[0]["steps"]} == {"the model gave no valid action"}
    assert len(model.questions) == 2 * len(episodes[0]["steps"])


def test_one_malformed_answer_costs_one_question(loopback):
    answers = ["No JSON here.", *plan(STORIES["task_easy"])]
    model = ScriptedModel(say=answers.__getitem__)
    status, episodes = loopback.run(model, TASKS="task_easy")
    assert (status, episodes[0]["end"]["score"], len(model.questions)) == (0, 0.99, 4)
    assert all(step["error"] == "null" for step in episodes[0]["steps"])


@pytest.mark.parametrize(("status", "questions"), [(500, 2), (503, 2), (429, 2), (401, 1), (403, 1), (404, 1)])
def test_a_model_server_that_fails_earns_nothing(loopback, status, questions):
    model = ScriptedModel(status=status)
    exit_status, episodes = loopback.run(model, TASKS="task_hard")
    assert exit_status == 1
    assert episodes[0]["end"]["success"] is False
    assert {step["error"] for step in episodes[0]["steps"]} == {f"the model server answered {status}"}
    assert len(model.questions) == questions


def test_a_failed_question_is_repeated_as_often_as_told(loopback):
    model = ScriptedModel(status=500)
    loopback.run(model, TASKS="task_easy", MODEL_RETRIES="1")
    assert len(model.questions) == 4


def test_a_model_that_keeps_silent_is_given_up(loopback):
    model = ScriptedModel(stall=loopback.released)
    status, episodes = loopback.run(model, TASKS="task_easy", MODEL_TIMEOUT_S="0.2")
    assert status == 1
    assert episodes[0]["end"]["success"] is False
    assert episodes[0]["steps"][0]["error"] == "the model server timed out"
    assert len(model.questions) == 2


@pytest.mark.parametrize("streams", ["yes", "refuse"])
def test_an_answer_without_choices_is_no_action(loopback, streams):
    status, episodes = loopback.run(ScriptedModel(say=lambda number: None, streams=streams), TASKS="task_easy")
    assert status == 1
    assert episodes[0]["end"]["success"] is False
    assert episodes[0]["steps"][0]["error"] == "the model gave no valid action"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "nonsense", "http://["])
def test_a_model_server_that_is_not_there_is_reported(loopback, url):
    given = {"OPENAI_API_KEY": "sk-test", "API_BASE_URL": url, "MODEL_NAME": "a model"}
    status, episodes = loopback.run(TASKS="task_easy", **given)
    assert status == 1
    assert episodes[0]["model"] == "a\\u0020model"
    assert episodes[0]["end"]["success"] is False
    assert all("model" in step["error"] for step in episodes[0]["steps"])


def test_an_action_that_the_environment_refuses_is_reported_and_the_episode_goes_on(loopback):
    loopback.story.refusals = 1
    status, episodes = loopback.run(TASKS="task_easy")
    first, *rest = episodes[0]["steps"]
    assert status == 0
    assert (first["reward"], first["error"]) == ("0.00", "/step answered 422: target: refused for the test")
    assert all(step["error"] == "null" for step in rest)
    assert episodes[0]["end"]["success"]


def test_an_environment_that_breaks_ends_its_episode_and_not_the_run(loopback):
    loopback.story.fail_at_step = 4  # none of the longer stories is over before
    status, episodes = loopback.run()
    assert status == 0
    assert [e["end"] for e in episodes] == [{"success": False, "score": 0.01}] * 3
    assert [len(e["steps"]) for e in episodes] == [3, 3, 3]


def test_an_environment_that_is_not_there_fails_every_task_with_its_end(loopback, monkeypatch):
    monkeypatch.setattr("env.policies.client.RETRY_PAUSE_S", 0.0)
    status, episodes = loopback.run(ENV_URL="http://127.0.0.1:1")
    assert status == 1
    assert [e["end"] for e in episodes] == [{"success": False, "score": 0.01}] * 3


def test_a_task_that_does_not_exist_fails_alone(loopback):
    status, episodes = loopback.run(TASKS="task_unknown,task_easy")
    assert status == 1
    assert [e["end"]["success"] for e in episodes] == [False, True]


def test_an_environment_that_hangs_is_left_at_the_time_budget(loopback):
    loopback.story.hang = loopback.released
    status, episodes = loopback.run(TASKS="task_easy,task_medium", RUN_BUDGET_S="0.6")
    assert status == 1
    assert [(e["end"]["success"], e["steps"]) for e in episodes] == [(False, [])] * 2


@pytest.mark.parametrize("variable", ["SEED", "MODEL_TIMEOUT_S", "RUN_BUDGET_S"])
def test_a_setting_that_is_no_number_is_refused_before_anything_is_played(variable, capsys):
    assert inference.main({variable: "soon"}) == 2
    episodes = read_output(capsys.readouterr().out)
    assert [(e["steps"], e["end"]["success"]) for e in episodes] == [([], False)] * 3


def test_the_key_is_never_shown(loopback, caplog):
    loopback.run(ScriptedModel(status=401), TASKS="task_easy")
    assert "sk-test" not in caplog.text


class ServedStory(StoryEnvironment):
    """A story with the rest of what the environment's own server asks of an environment."""

    def reset(self, task_id, seed, options=None):
        return super().reset(task_id, seed)

    def info(self):
        return {}

    def exposition(self):
        return b""

    def read(self, tool, arguments):
        raise AssertionError("the agent reads nothing over MCP")

    def branch(self):
        raise AssertionError("nobody reads it beside its steps")

    observations = answers = ()
    read_api = False

    @property
    def cluster(self) -> Cluster:
        raise AssertionError("there is none, and nobody may read it")


@pytest.fixture
def own_server(free_port):
    """The environment's own server, with the stories in place of the simulated cluster."""
    tasks = {
        story.task_id: FakeTask(
            task_id=story.task_id,
            title="A story",
            description="Users see errors.",
            difficulty="easy",
            max_steps=story.max_steps,
            split="train",
        )
        for story in STORIES.values()
    }
    app = create_app(ServedStory, tasks, ServerSettings(max_sessions=8))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=free_port(), log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while thread.is_alive() and not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.config.port}"
    server.should_exit = True
    thread.join()


def test_the_run_goes_through_the_environments_own_server(own_server, capsys):
    assert inference.main({"ENV_URL": own_server}) == 0
    assert [e["end"]["score"] for e in read_output(capsys.readouterr().out)] == [0.99] * 3


def test_a_refusal_of_the_own_server_is_told_in_its_own_words(own_server, capsys):
    assert inference.main({"ENV_URL": own_server, "TASKS": "task_unknown"}) == 1
    captured = capsys.readouterr()
    assert not read_output(captured.out)[0]["end"]["success"]
    with EnvironmentClient(own_server) as client, pytest.raises(EnvironmentRefused, match="no such task"):
        client.reset("task_unknown", 0)


def test_the_agents_load_neither_the_simulator_nor_the_server_nor_an_unused_client(root):
    unwanted = "{'simpy', 'cluster_sim', 'fastapi', 'openai'}"
    code = f"import inference, sys; print(sorted({unwanted} & set(sys.modules)))"
    asked = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "[]"


@pytest.fixture
def started(loopback, root):
    """Starts `python inference.py` as a process of its own."""
    processes = []

    def start(**variables):
        own = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        process = subprocess.Popen(
            [sys.executable, "inference.py"],
            cwd=root,
            env={**own, **loopback.variables(**variables)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_the_command_prints_its_lines_to_stdout_and_nothing_else(started):
    process = started()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [e["end"]["score"] for e in read_output(out)] == [0.99] * 3
    assert "Traceback" not in err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_ended_from_outside_still_prints_its_end(loopback, started, number, status):
    loopback.story.hang = loopback.released
    process = started()
    assert loopback.story.stepped.wait(timeout=60)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert [e["end"]["success"] for e in read_output(out)] == [False]
    assert "Traceback" not in err
