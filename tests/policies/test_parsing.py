"""Finding the action in what a language model wrote."""

import pytest

from env.models import Action, ActionType
from env.policies.parsing import find_action

POSTGRES = Action(action_type=ActionType.INVESTIGATE, target="postgres-db")


@pytest.mark.parametrize(
    "answer",
    [
        '{"action_type": "investigate", "target": "postgres-db"}',
        '```json\n{"action_type": "investigate", "target": "postgres-db"}\n```',
        'The page: {500}.\nSo:\n{"action_type":"investigate","target":"postgres-db","details":null} now.',
        '{"action": {"action_type": "investigate", "target": "postgres-db"}}',
        '{"thought": "db", "action": "investigate:postgres-db"}',
        '{"action_type": "investigate", "target": "postgres-db", "reasoning": "refused connections"}',
        "I will look at the database:\n`investigate:postgres-db`",
        '<think>{"action_type": "no_op"}</think>{"action_type": "investigate", "target": "postgres-db"}',
        '{"broken": \n{"action_type": "investigate", "target": "postgres-db"}',
    ],
)
def test_the_action_is_found_in_its_many_wrappings(answer):
    assert find_action(answer) == POSTGRES


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I do not know.",
        "{}",
        '{"action_type": "reboot_everything"}',
        '{"action_type": "investigate", "target": 7}',
        '{"action_type": "escalate", "target": "infra-team", "details": {"confidence": NaN}}',
        '{"action_type": "investigate", "target": "\\ud800"}',
        '{"action_type": "investigate", "target": "postgres',
        '{"action_type": "investigate", "target": "' + "x" * 500 + '"}',
        "[" * 100_000,
        '{"a":' * 30_000,
    ],
    ids=lambda answer: answer[:24] or "empty",
)
def test_what_is_no_action_is_none(answer):
    assert find_action(answer) is None


def test_details_are_kept_as_text_or_object():
    statement = '{"root_cause": "redis-cache", "confidence": 0.8}'
    action = find_action('{"action_type":"escalate","target":"infra-team","details":' + statement + "}")
    assert action is not None
    assert action.details == {"root_cause": "redis-cache", "confidence": 0.8}
    action = find_action('{"action_type":"postmortem","details":"It broke."}')
    assert action == Action(action_type=ActionType.POSTMORTEM, details="It broke.")


def test_a_bare_no_op_is_an_action():
    assert find_action("no_op") == Action(action_type=ActionType.NO_OP)
