"""One question to a language model behind an OpenAI-compatible server, with every failure bounded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from .errors import ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from openai import OpenAI

LONGEST_ANSWER = 40_000
"""Characters after which a streamed answer is cut off; chosen."""
FIRST_PAUSE_S = 0.5
"""Seconds before the first retry, doubled for each further one; chosen."""
REFUSED_FOR_GOOD = frozenset({401, 402, 403, 404})
"""Statuses that the next question would meet as well."""
PLAIN_INSTEAD = frozenset({400, 405, 415, 422, 501})
"""Statuses with which a server may refuse streaming or a temperature, so that a plain request is worth it."""

log = logging.getLogger(__name__)


class Message(TypedDict):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatModel:
    """A model that answers a conversation with text.

    The answer is streamed where the server can, so that the time limit holds while a long answer trickles in;
    a server that cannot is asked plainly, and from then on only so.

    Args:
        base_url: the server's address up to and with `/v1`.
        model: the model's name there.
        api_key: the key.
        timeout_s: seconds that one answer may take, its retries included.
        retries: how often a request is repeated that failed for the moment.
        clock: seconds on a monotonic clock.
        pause: waits a number of seconds between tries.
    """

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str,
        timeout_s: float = 60.0,
        retries: int = 2,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = model
        self.timeout_s = timeout_s
        self.retries = retries
        self._server = (base_url, api_key)
        self._client: OpenAI | None = None
        self._clock = clock
        self._pause = pause
        self._streams = True

    def close(self) -> None:
        """Give back the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def answer(self, messages: Sequence[Message], *, within_s: float) -> str:
        """What the model says to a conversation, possibly nothing.

        Args:
            messages: the conversation.
            within_s: seconds that are left; the model's own time limit holds where it is shorter.

        Raises:
            ModelRefused: the server refuses whatever is asked.
            ModelUnavailable: no answer this time.
        """
        end_s = self._clock() + min(within_s, self.timeout_s)
        for retry in range(self.retries):
            try:
                return self._ask(messages, end_s)
            except ModelUnavailable as failure:
                if not failure.transient:
                    raise
            self._pause(min(FIRST_PAUSE_S * 2**retry, self._left(end_s)))
        return self._ask(messages, end_s)

    def _ask(self, messages: Sequence[Message], end_s: float) -> str:
        """Put the question once, and tell what went wrong in this package's words."""
        import openai

        try:
            return self._streamed_or_plain(messages, end_s)
        except openai.APIStatusError as failure:
            status = failure.status_code
            reason = f"the model server answered {status}"
            if status in REFUSED_FOR_GOOD:
                raise ModelRefused(reason) from failure
            raise ModelUnavailable(reason, transient=status in (408, 409, 429) or status >= 500) from failure
        except openai.APITimeoutError as failure:
            raise ModelUnavailable("the model server timed out") from failure
        except openai.APIConnectionError as failure:
            raise ModelUnavailable("the model server cannot be reached", transient=True) from failure
        except ModelUnavailable:
            raise
        except Exception as failure:  # what a broken server makes of the client is not foreseeable
            raise ModelUnavailable(f"asking the model failed: {type(failure).__name__}") from failure

    def _streamed_or_plain(self, messages: Sequence[Message], end_s: float) -> str:
        import openai

        if self._streams:
            try:
                if text := self._streamed(messages, end_s):
                    return text
            except openai.APIStatusError as refusal:
                if refusal.status_code not in PLAIN_INSTEAD:
                    raise
            except (openai.APIConnectionError, ModelUnavailable):
                raise
            except Exception as failure:
                # The stream broke off or was none: the plain request decides whether the model is there.
                log.info("streaming failed: %s", type(failure).__name__)
            self._streams = False
        return self._plain(messages, end_s)

    def _streamed(self, messages: Sequence[Message], end_s: float) -> str:
        parts: list[str] = []
        length = 0
        request: dict[str, Any] = {"messages": list(messages), "temperature": 0.0, "stream": True}
        with self._within(end_s).chat.completions.create(model=self.name, **request) as stream:
            for chunk in stream:
                piece = chunk.choices[0].delta.content if chunk.choices else None
                parts.append(piece or "")
                length += len(parts[-1])
                if length > LONGEST_ANSWER:
                    break
                self._left(end_s)
        return "".join(parts)

    def _plain(self, messages: Sequence[Message], end_s: float) -> str:
        request: dict[str, Any] = {"messages": list(messages)}
        completion = self._within(end_s).chat.completions.create(model=self.name, **request)
        return (completion.choices[0].message.content or "") if completion.choices else ""

    def _within(self, end_s: float) -> OpenAI:
        from openai import OpenAI

        if self._client is None:
            base_url, api_key = self._server
            self._client = OpenAI(base_url=base_url, api_key=api_key, max_retries=0)
        return self._client.with_options(timeout=self._left(end_s))

    def _left(self, end_s: float) -> float:
        left_s = end_s - self._clock()
        if left_s <= 0:
            raise ModelUnavailable("the model took too long")
        return left_s
