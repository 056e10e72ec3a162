"""The language-model agent with a model that is a list of answers."""

from env.models import Action, ActionType
from env.policies import run_episode
from env.policies.errors import ModelRefused, ModelUnavailable
from env.policies.language_model import LONGEST_SCENE, TURNS_REMEMBERED, LanguageModelPolicy, describe
from tests.policies.stories import StoryEnvironment

LOOK = '{"action_type": "investigate", "target": "postgres-db"}'


class Listed:
    """A model that answers from a list, its last entry over and over; an exception is raised."""

    name = "listed"

    def __init__(self, *answers):
        self.answers = answers
        self.conversations = []

    def answer(self, messages, *, within_s):
        self.conversations.append(list(messages))
        answer = self.answers[min(len(self.conversations), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def first_action(*answers, **options):
    model = Listed(*answers)
    policy = LanguageModelPolicy(model, **options)
    return policy.act(StoryEnvironment().reset("task_easy", 0)), policy, model


def test_the_models_action_is_taken():
    action, policy, model = first_action(f"Let me see.\n```json\n{LOOK}\n```")
    assert action == Action(action_type=ActionType.INVESTIGATE, target="postgres-db")
    assert (policy.error, policy.answers, len(model.conversations)) == (None, 1, 1)


def test_the_question_shows_role_schema_actions_pages_and_figures_but_never_the_task_id():
    _, _, model = first_action(LOOK)
    question = "\n".join(message["content"] for message in model.conversations[0])
    for part in ("on-call", '"action_type"', "escalate:database-team", "HighErrorRate", "error_ratio"):
        assert part in question
    assert "task_easy" not in question


def test_a_malformed_answer_is_asked_for_once_more():
    action, policy, model = first_action("I would rather not.", LOOK)
    assert action.target == "postgres-db"
    assert policy.error is None
    assert model.conversations[1][-2]["content"] == "I would rather not."


def test_after_two_malformed_answers_nothing_is_done_and_it_is_said_so():
    action, policy, model = first_action("no", "again no")
    assert action == Action(action_type=ActionType.NO_OP)
    assert len(model.conversations) == 2
    assert policy.error == "the model gave no valid action"
    assert policy.answers == 0


def test_a_model_that_refuses_for_good_is_asked_once_an_episode():
    model = Listed(ModelRefused("the model server answered 401"))
    policy = LanguageModelPolicy(model)
    lines: list[str] = []
    environment = StoryEnvironment()
    result = run_episode(environment, policy, "task_medium", 0, write=lines.append)
    assert len(model.conversations) == 1
    assert not result.success
    steps = [line for line in lines if line.startswith("[STEP]")]
    assert all(line.endswith("error=the model server answered 401") for line in steps)


def test_a_model_that_fails_twice_in_a_row_is_given_up_and_a_single_failure_forgiven():
    failure = ModelUnavailable("the model server timed out")
    twice = Listed(failure)
    run_episode(StoryEnvironment(), LanguageModelPolicy(twice), "task_medium", 0, write=lambda line: None)
    assert len(twice.conversations) == 2
    once = Listed(failure, LOOK)
    policy = LanguageModelPolicy(once)
    run_episode(StoryEnvironment(), policy, "task_easy", 0, write=lambda line: None)
    assert policy.answers == 9
    assert policy.error is None


def test_without_the_model_nothing_is_done_and_the_score_stays_its_own():
    model = Listed(LOOK, ModelRefused("gone"))
    environment = StoryEnvironment()
    run_episode(environment, LanguageModelPolicy(model), "task_easy", 0, write=lambda line: None)
    taken = [action.action_type.value for action in environment.actions]
    assert taken[0] == "investigate"
    assert set(taken[1:]) == {"no_op"}


def test_the_conversation_is_bounded_and_keeps_its_briefing():
    model = Listed('{"action_type": "no_op"}')
    run_episode(StoryEnvironment(), LanguageModelPolicy(model), "task_hard", 0, write=lambda line: None)
    longest = max(model.conversations, key=len)
    assert len(model.conversations) == 20
    assert len(longest) == 2 + 2 * TURNS_REMEMBERED + 1
    assert longest[0]["role"] == "system"
    assert "Actions:" in longest[1]["content"]
    assert "no_op, no_op" in longest[-1]["content"]


def test_a_scene_is_bounded_and_its_pages_come_first():
    observation = StoryEnvironment().reset("task_easy", 0)
    flood = {"postgres-db": ["y" * 10_000] * 1000, "redis-cache": ["z" * 10_000] * 1000}
    text = describe(observation.model_copy(update={"logs": flood}), [])
    assert len(text) < LONGEST_SCENE + 100
    assert text.index("HighErrorRate") < text.index("yyy")


def test_when_the_time_for_the_model_is_spent_it_is_not_asked_again():
    now = [0.0]
    model = Listed(LOOK)
    policy = LanguageModelPolicy(model, budget_s=100.0, clock=lambda: now[0])
    environment = StoryEnvironment()
    policy.act(environment.reset("task_easy", 0))
    now[0] = 95.0
    policy.act(environment.step(Action(action_type=ActionType.INVESTIGATE, target="postgres-db")))
    assert len(model.conversations) == 1
    assert policy.error == "the time for asking the model is spent"
