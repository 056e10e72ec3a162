"""The agent that asks a language model; where no answer comes, nothing is done, and it is said so."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from ..models import Action, ActionType, Observation
from .chat import Message
from .errors import ModelRefused, ModelUnavailable
from .parsing import find_action
from .policy import Closing

TURNS_REMEMBERED = 8
"""Past observations and answers that go into a question; chosen."""
FAILURES_BORNE = 2
"""Questions in a row without an answer after which an episode stops asking; chosen."""
LINES_PER_SERVICE = 40
LONGEST_LINE = 400
LONGEST_SCENE = 16_000
"""Characters of one observation in a question; chosen, about 4,000 tokens."""
RESERVE = 0.1
"""Share of the time budget kept back for the episode to come to its end without the model; chosen."""

SYSTEM_PROMPT = """\
You are the on-call engineer for a cluster of seven services: payment-service, postgres-db, redis-cache, \
inventory-service, checkout-service, auth-service and config-service. You have just been paged. Find the \
root cause, call the team that owns it, apply the fix, and write the postmortem where the task asks for one.

You take one action at a time. Simulated time passes with every action and the incident goes on meanwhile. \
Pages are about symptoms; the cause is often in a service that nobody paged about, so follow the evidence in \
logs and metrics from the paged service to what it depends on, and look at a service before you blame it. A \
wrong escalation, a wrong fix and doing nothing cost you. Your first root-cause statement is what counts.

Answer with exactly one JSON object and nothing else:
{"action_type": "...", "target": "...", "details": ...}

- {"action_type": "investigate", "target": "<service>"} shows that service's logs and detailed metrics.
- {"action_type": "escalate", "target": "<team>", "details": {"root_cause": "<service>", "mechanism": \
"<mechanism id>", "evidence": ["...", "..."], "confidence": 0.9}} pages a team and states the root cause.
- {"action_type": "apply_fix", "target": "<fix>"} changes the cluster; the next observation shows its effect.
- {"action_type": "postmortem", "details": "<full sentences: impact, root cause, evidence, cascade, fix, \
prevention>"} closes the write-up.
- {"action_type": "no_op"} waits.

Targets must be spelled as in the list of actions that you are given."""

ASK_AGAIN = (
    "That was not one valid JSON action. Answer with exactly one JSON object of the form"
    ' {"action_type": "...", "target": "...", "details": ...} and nothing else.'
)

log = logging.getLogger(__name__)


class Answerer(Protocol):
    """A language model."""

    @property
    def name(self) -> str:
        """What the model is called."""
        ...

    def answer(self, messages: Sequence[Message], *, within_s: float) -> str:
        """What the model says to a conversation."""
        ...


class LanguageModelPolicy:
    """Shows the model what is seen and does what it says.

    An answer without an action is asked for once more; after that, or when the model cannot be reached, a minute
    passes (no_op) and `error` says why: a score is the model's own.

    Attributes:
        error: why the last action is not the model's, or None.
        answers: how many actions were the model's own.

    Args:
        model: the model.
        budget_s: wall-clock seconds for the episode.
        clock: seconds on a monotonic clock.
    """

    def __init__(
        self, model: Answerer, *, budget_s: float = 360.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = model.name
        self.error: str | None = None
        self.answers = 0
        self._model = model
        self._clock = clock
        self._end_s = clock() + budget_s * (1 - RESERVE)
        self._briefing: list[Message] = []
        self._turns: deque[Message] = deque(maxlen=2 * TURNS_REMEMBERED)
        self._taken: list[str] = []
        self._failures = 0
        self._given_up: str | None = None

    def act(self, observation: Observation) -> Action:
        if not self._briefing:
            self._briefing = briefing(observation)
        scene = Message(role="user", content=describe(observation, self._taken))
        action, said = self._asked(scene)
        if action is None:
            log.warning("no action from the model: %s", self.error)
            action = Action(action_type=ActionType.NO_OP)
        self._taken.append(f"{action.action_type}:{action.target}" if action.target else action.action_type)
        self._turns.extend((scene, Message(role="assistant", content=said or action.model_dump_json())))
        return action

    @property
    def failure(self) -> str | None:
        """Why the episode says nothing of the model, if it does: it never gave an action."""
        return f"the model never gave an action: {self.error}" if self._taken and not self.answers else None

    def close(self) -> None:
        """Give back the model's connections, where it has some."""
        if isinstance(self._model, Closing):
            self._model.close()

    def _asked(self, scene: Message) -> tuple[Action | None, str]:
        """The model's action, if it gives one, and the words in which it did."""
        self.error = self._given_up
        if self._given_up is not None:
            return None, ""
        conversation = [*self._briefing, *self._turns, scene]
        try:
            said = self._answer(conversation)
            action = find_action(said)
            if action is None:
                log.info("no action in: %s", said[:LONGEST_LINE])
                again = Message(role="user", content=ASK_AGAIN)
                said = self._answer([*conversation, Message(role="assistant", content=said or "-"), again])
                action = find_action(said)
        except ModelUnavailable as failure:
            self._failed(failure)
            return None, ""
        self._failures = 0
        if action is None:
            self.error = "the model gave no valid action"
            return None, ""
        self.answers += 1
        return action, said

    def _answer(self, conversation: Sequence[Message]) -> str:
        left_s = self._end_s - self._clock()
        if left_s <= 0:
            raise ModelRefused("the time for asking the model is spent")
        return self._model.answer(conversation, within_s=left_s)

    def _failed(self, failure: ModelUnavailable) -> None:
        self.error = str(failure)
        self._failures += 1
        if isinstance(failure, ModelRefused) or self._failures >= FAILURES_BORNE:
            self._given_up = self.error


def briefing(observation: Observation) -> list[Message]:
    """What every question begins with: the role, the task and the actions."""
    actions = "\n".join(observation.available_actions)
    task = f"Task: {observation.task_description}\n\nActions:\n{actions}"
    return [Message(role="system", content=SYSTEM_PROMPT), Message(role="user", content=task)]


def describe(observation: Observation, taken: Sequence[str]) -> str:
    """An observation as text of bounded length: pages and log lines come before figures."""
    parts = [
        f"Step {observation.step}. {observation.message}",
        f"Taken so far: {', '.join(taken) or 'nothing'}",
        "Pages:\n" + ("\n".join(observation.alerts) or "none"),
    ]
    parts += [
        f"Logs of {service}:\n" + "\n".join(line[:LONGEST_LINE] for line in lines[-LINES_PER_SERVICE:])
        for service, lines in observation.logs.items()
    ]
    parts += [
        f"Metrics of {service}: {json.dumps(figures, separators=(',', ':'))}"
        for service, figures in observation.metrics.items()
    ]
    text = "\n\n".join(parts)
    return text if len(text) <= LONGEST_SCENE else f"{text[:LONGEST_SCENE]}\n[cut short]"
