"""POST /reset, POST /step and GET /state as CONTRACT.md words them."""

import re

import pytest

INVESTIGATE = {"action_type": "investigate", "target": "postgres-db"}
NO_OP = {"action_type": "no_op"}


def refused(response, status, code):
    assert response.status_code == status, response.text
    assert response.json()["code"] == code
    return True


def test_the_seeds_curl_commands_play_one_episode(client):
    reset = client.post("/reset?task_id=task_easy")
    step = client.post("/step?task_id=task_easy", json=INVESTIGATE)
    state = client.get("/state?task_id=task_easy")
    assert (reset.status_code, step.status_code, state.status_code) == (200, 200, 200)
    assert step.json()["session_id"] == reset.json()["session_id"]
    assert state.json()["targets"] == ["postgres-db"]


def test_a_reset_answers_observation_reward_done_info_session_and_metadata(client):
    response = client.post("/reset", json={"task_id": "task_medium", "seed": 7})
    body = response.json()
    assert set(body) == {"observation", "reward", "done", "info", "session_id", "metadata"}
    assert (body["reward"], body["done"]) == (None, False)
    assert body["observation"]["task_id"] == "task_medium"
    assert body["info"] == {"sim_time_s": 0.0, "task_id": "task_medium", "seed": 7}
    assert response.headers["X-Session-Id"] == body["session_id"]
    assert re.fullmatch("[0-9a-f]{32}", body["session_id"])


def test_a_step_answers_the_same_shape_with_a_reward(client):
    reset = client.post("/reset").json()
    response = client.post("/step", json=INVESTIGATE)
    body = response.json()
    assert set(body) == set(reset)
    assert (body["reward"], body["done"], body["observation"]["step"]) == (0.05, False, 1)
    assert response.headers["X-Session-Id"] == reset["session_id"]


def test_a_number_that_was_not_measured_is_null(client):
    assert client.post("/reset").json()["observation"]["metrics"]["payment-service"] == {
        "error_ratio": None,
        "latency_s": 0.2,
    }


def test_the_action_may_be_wrapped_as_openenv_does(client, house):
    client.post("/reset")
    wrapped = {"action": {**INVESTIGATE, "metadata": {}}, "timeout_s": 30, "request_id": "r-1"}
    assert client.post("/step", json=wrapped).status_code == 200
    assert house.last.actions[0].target == "postgres-db"


def test_details_may_be_text_or_an_object(client, house):
    client.post("/reset")
    client.post("/step", json={"action_type": "postmortem", "details": "The pool ran dry."})
    client.post("/step", json={"action_type": "escalate", "details": {"root_cause": "redis-cache"}})
    assert [action.details for action in house.last.actions] == [
        "The pool ran dry.",
        {"root_cause": "redis-cache"},
    ]


def test_a_reset_without_a_body_plays_task_easy_with_a_drawn_seed(client):
    first, second = client.post("/reset").json(), client.post("/reset", content=b" ").json()
    assert first["observation"]["task_id"] == "task_easy"
    assert first["info"]["seed"] != second["info"]["seed"]


@pytest.mark.parametrize(
    "request_parts",
    [
        {"params": {"seed": "5", "noise": "0.5", "arrival_rate_hz": "50", "reward_mode": "sparse"}},
        {"json": {"seed": 5, "noise": 0.5, "arrival_rate_hz": 50, "reward_mode": "sparse"}},
        {"params": {"seed": "5", "noise": "0.5"}, "json": {"arrival_rate_hz": 50, "reward_mode": "sparse"}},
        {
            "params": {"seed": "5", "noise": "0.5"},
            "json": {"seed": 6, "arrival_rate_hz": 50, "reward_mode": "sparse"},
        },
    ],
    ids=["query", "body", "both", "query wins"],
)
def test_seed_and_options_come_by_query_or_body(client, house, request_parts):
    assert client.post("/reset", **request_parts).json()["info"]["seed"] == 5
    assert house.last.options.model_dump() == {
        "noise": 0.5,
        "arrival_rate_hz": 50,
        "split": None,
        "index": None,
        "difficulty": None,
        "reward_mode": "sparse",
        "grading": None,
        "read_api": False,
        "attach": None,
    }


@pytest.mark.parametrize(("text", "truth"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_a_truth_value_is_read_from_the_query(client, house, text, truth):
    assert client.post(f"/reset?read_api={text}").status_code == 200
    assert house.last.options.read_api is truth


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_the_bounds_of_a_seed_are_seeds(client, seed):
    assert client.post(f"/reset?seed={seed}").json()["info"]["seed"] == seed
    assert client.post("/reset", json={"seed": seed}).json()["info"]["seed"] == seed


def test_a_named_session_is_reset_in_place(client, house):
    first = client.post("/reset", json={"seed": 1}).json()
    again = client.post("/reset", json={"seed": 2, "session_id": first["session_id"]}).json()
    assert again["session_id"] == first["session_id"]
    assert again["info"]["seed"] == 2
    assert len(house.environments) == 1


def test_the_clients_own_episode_id_is_shown_by_state(client):
    client.post("/reset", json={"episode_id": "episode-1"})
    assert client.get("/state?task_id=task_easy").json()["episode_id"] == "episode-1"
    client.post("/reset", json={"seed": 4})
    assert client.get("/state?task_id=task_easy").json()["episode_id"] == "task_easy-4"


def test_the_query_session_goes_before_header_body_and_alias(client):
    ids = [client.post("/reset", json={"seed": seed}).json()["session_id"] for seed in range(4)]
    query, header, body, _alias = ids

    def stepped(**parts):
        return client.post("/step", **parts).json()["session_id"]

    in_body = {**NO_OP, "session_id": body}
    by_header = {"X-Session-Id": header}
    assert stepped(params={"session_id": query}, headers=by_header, json=in_body) == query
    assert stepped(headers=by_header, json=in_body) == header
    assert stepped(json=in_body) == body
    assert stepped(json={"action": NO_OP, "session_id": body}) == body
    assert stepped(json=NO_OP) == ids[-1]


def test_a_reset_takes_its_session_by_query_header_and_body(client):
    query, header, body = (client.post("/reset").json()["session_id"] for _ in range(3))
    by_header = {"X-Session-Id": header}
    assert client.post(f"/reset?session_id={query}", headers=by_header).json()["session_id"] == query
    assert client.post("/reset", headers=by_header, json={"session_id": body}).json()["session_id"] == header
    assert client.post("/reset", json={"session_id": body}).json()["session_id"] == body


def test_each_task_has_its_own_alias(client):
    easy = client.post("/reset?task_id=task_easy").json()["session_id"]
    hard = client.post("/reset?task_id=task_hard").json()["session_id"]
    assert client.post("/step?task_id=task_easy", json=NO_OP).json()["session_id"] == easy
    assert client.post("/step?task_id=task_hard", json=NO_OP).json()["session_id"] == hard
    assert client.post("/step", json={**NO_OP, "task_id": "task_hard"}).json()["session_id"] == hard


def test_resetting_a_named_session_leaves_the_alias_alone(client):
    named = client.post("/reset").json()["session_id"]
    aliased = client.post("/reset").json()["session_id"]
    client.post("/reset", json={"session_id": named})
    assert client.post("/step", json=NO_OP).json()["session_id"] == aliased


def test_an_alias_ends_when_its_session_plays_another_task(client):
    session_id = client.post("/reset").json()["session_id"]
    client.post("/reset", json={"session_id": session_id, "task_id": "task_hard"})
    assert refused(client.post("/step?task_id=task_easy", json=NO_OP), 409, "NOT_RESET")


def test_state_without_a_session_has_no_episode(client):
    assert client.get("/state").json() == {"episode_id": None, "step_count": 0}
    assert client.get("/state?task_id=task_hard").json() == {"episode_id": None, "step_count": 0}


def test_state_takes_its_session_by_query_and_header(client):
    ids = [client.post("/reset", json={"seed": seed}).json()["session_id"] for seed in range(2)]
    assert client.get("/state", params={"session_id": ids[0]}).json()["seed"] == 0
    assert client.get("/state", headers={"X-Session-Id": ids[0]}).json()["seed"] == 0
    assert client.get("/state", params={"task_id": "task_easy"}).json()["seed"] == 1
    assert client.get("/state").json() == {"episode_id": None, "step_count": 0}


def test_a_step_before_any_reset_is_refused(client):
    assert refused(client.post("/step", json=NO_OP), 409, "NOT_RESET")
    assert refused(client.post("/step?task_id=task_hard", json=NO_OP), 409, "NOT_RESET")


def test_a_step_after_done_is_refused_and_a_reset_starts_anew(client, house):
    client.post("/reset")
    answers = [client.post("/step", json=NO_OP).json()["done"] for _ in range(3)]
    assert answers == [False, False, True]
    before = client.get("/state").json()
    assert refused(client.post("/step", json=NO_OP), 409, "EPISODE_OVER")
    assert client.get("/state").json() == before
    session_id = client.post("/reset").json()["session_id"]
    assert client.post("/step", json=NO_OP).json()["session_id"] == session_id


@pytest.mark.parametrize("task_id", ["task_unknown", "", "TASK_EASY", "../task_easy"])
def test_an_unknown_task_is_not_found(client, task_id):
    params = {"task_id": task_id}
    assert refused(client.post("/reset", params=params), 404, "UNKNOWN_TASK")
    assert refused(client.post("/reset", json=params), 404, "UNKNOWN_TASK")
    assert refused(client.post("/step", params=params, json=NO_OP), 404, "UNKNOWN_TASK")
    assert refused(client.get("/state", params=params), 404, "UNKNOWN_TASK")


@pytest.mark.parametrize("session_id", ["f" * 32, "", "nobody"])
def test_an_unknown_session_is_not_found(client, session_id):
    client.post("/reset")
    params = {"session_id": session_id}
    assert refused(client.post("/reset", params=params), 404, "UNKNOWN_SESSION")
    assert refused(client.post("/step", params=params, json=NO_OP), 404, "UNKNOWN_SESSION")
    assert refused(client.post("/step", json={**NO_OP, **params}), 404, "UNKNOWN_SESSION")
    assert refused(client.get("/state", params=params), 404, "UNKNOWN_SESSION")
    assert refused(client.get("/metrics", params=params), 404, "UNKNOWN_SESSION")
    assert client.get("/state").json()["step_count"] == 0


def test_a_task_that_is_not_the_sessions_is_refused(client):
    params = {"session_id": client.post("/reset").json()["session_id"], "task_id": "task_hard"}
    assert refused(client.post("/step", params=params, json=NO_OP), 409, "TASK_MISMATCH")
    assert refused(client.get("/state", params=params), 409, "TASK_MISMATCH")
    assert client.get("/state").json()["step_count"] == 0


def test_a_defect_of_the_environment_shows_nothing_of_itself(app, house):
    from starlette.testclient import TestClient

    with TestClient(app, raise_server_exceptions=False) as client:
        client.post("/reset")
        response = client.post("/step", json={"action_type": "escalate", "target": "broken"})
        assert refused(response, 500, "INTERNAL_ERROR")
        assert "secret" not in response.text
        assert client.post("/step", json=NO_OP).status_code == 200
