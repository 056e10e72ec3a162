"""GET /tasks and OpenEnv's task API."""

import pytest

ENV = "/incident-response-env"


def test_tasks_lists_symptoms_and_rules_of_every_task(client):
    tasks = client.get("/tasks").json()["tasks"]
    assert [task["task_id"] for task in tasks] == ["task_easy", "task_medium", "task_hard", *["generated"] * 3]
    published = {"task_id", "title", "description", "difficulty", "max_steps", "split"}
    assert all(set(task) == published for task in tasks[:3])
    assert [(task["split"], task["indices"]) for task in tasks[3:]] == [
        ("train", 1_000_000),
        ("validation", 1_000_000),
        ("test", 1_000_000),
    ]


def test_the_one_environment_is_listed(client):
    assert client.get("/list_environments").json() == ["incident-response-env"]


def test_splits_have_a_name_and_a_type(client):
    assert client.get(f"{ENV}/splits").json() == [
        {"name": "train", "type": "train"},
        {"name": "validation", "type": "validation"},
        {"name": "test", "type": "test"},
    ]


def test_the_environments_name_is_read_in_any_case(client):
    assert client.get("/Incident-Response-ENV/splits").status_code == 200


def test_the_tasks_of_a_split(client):
    answer = client.post(f"{ENV}/tasks", json={"split": "train"}).json()
    assert [task["task_id"] for task in answer["tasks"]] == ["task_easy", "task_medium", "generated"]
    assert answer["env_name"] == "incident-response-env"


@pytest.mark.parametrize(("split", "count"), [("train", 1_000_002), ("validation", 1_000_000), ("test", 1_000_001)])
def test_the_number_of_tasks_of_a_split(client, split, count):
    assert client.post(f"{ENV}/num_tasks", json={"split": split}).json() == {"num_tasks": count}


def test_one_task_by_index(client):
    answer = client.post(f"{ENV}/task", json={"split": "train", "index": 1}).json()
    assert answer["task"]["task_id"] == "task_medium"


def test_behind_the_fixed_tasks_stand_the_generated_ones_each_with_what_resets_to_it(client):
    answer = client.post(f"{ENV}/task", json={"split": "test", "index": 18}).json()["task"]
    assert (answer["task_id"], answer["split"], answer["index"]) == ("generated", "test", 17)


@pytest.mark.parametrize("index", [-1, 1_000_002])
def test_an_index_past_the_split_is_400(client, index):
    answer = client.post(f"{ENV}/task", json={"split": "train", "index": index})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_TASK_INDEX")


@pytest.mark.parametrize(
    ("bounds", "task_ids"),
    [
        ({"stop": 2}, ["task_easy", "task_medium"]),
        ({"start": 1, "stop": 3}, ["task_medium", "generated"]),
        ({"stop": 1}, ["task_easy"]),
        ({"start": 1_000_001}, ["generated"]),
        ({"start": 9, "stop": 5}, []),
    ],
)
def test_a_range_of_tasks_is_a_slice(client, bounds, task_ids):
    answer = client.post(f"{ENV}/task_range", json={"split": "train", **bounds}).json()
    assert [task["task_id"] for task in answer["tasks"]] == task_ids


def test_a_range_without_an_end_is_cut(client):
    answer = client.post(f"{ENV}/task_range", json={"split": "train", "start": 0, "stop": None}).json()
    assert len(answer["tasks"]) == 1_000


@pytest.mark.parametrize("route", ["tasks", "num_tasks", "task", "task_range"])
def test_an_unknown_environment_or_split_is_404(client, route):
    wanted = {"split": "train", "index": 0} if route == "task" else {"split": "train"}
    assert client.post(f"/other/{route}", json=wanted).status_code == 404
    assert client.post(f"{ENV}/{route}", json={**wanted, "split": "canary"}).status_code == 404
    assert client.get("/other/splits").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"index": 0}, "split"),
        ({"split": 1, "index": 0}, "split"),
        ({"split": "train"}, "index"),
        ({"split": "train", "index": "0"}, "index"),
        ({"split": "train", "index": True}, "index"),
        ({"split": "train", "index": 0, "canary": 1}, "body"),
    ],
)
def test_a_task_request_of_another_shape_is_refused_by_field(client, wanted, field):
    answer = client.post(f"{ENV}/task", json=wanted)
    assert (answer.status_code, answer.json()["fields"]) == (422, [field])
    assert "canary" not in answer.text
