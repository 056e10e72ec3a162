"""The policy `model:<name>`: any model behind an OpenAI-compatible server, as environment variables name it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from .chat import ChatModel
from .errors import PolicyUnavailable
from .language_model import LanguageModelPolicy
from .policy import PolicyFactory

PREFIX = "model:"
"""What such a policy's name begins with."""
KEYS = ("OPENAI_API_KEY", "HF_TOKEN", "API_KEY")
"""The variables that may hold the key; the first that is set counts."""
BASE_URL = "https://api.openai.com/v1"
"""The server that is asked unless `API_BASE_URL` names another."""


def model_policy(name: str, variables: Mapping[str, str] = os.environ) -> PolicyFactory:
    """The factory of the policy that asks a model. What it does is no function of the seed: nobody can play it again.

    Args:
        name: the model's name at the server.
        variables: `OPENAI_API_KEY` (or `HF_TOKEN`, `API_KEY`), `API_BASE_URL`, `MODEL_TIMEOUT_S`, `MODEL_RETRIES`.

    Raises:
        PolicyUnavailable: there is no key, no name, or a number that is none.
    """
    given = {variable: value.strip() for variable, value in variables.items() if value.strip()}
    key = api_key(given)
    if not name.strip():
        raise PolicyUnavailable(f"{PREFIX}<name> needs the name of a model")
    if key is None:
        raise PolicyUnavailable(f"{PREFIX}{name} needs a key: set {', '.join(KEYS[:-1])} or {KEYS[-1]}")
    try:
        timeout_s = float(given.get("MODEL_TIMEOUT_S", 60.0))
        retries = int(given.get("MODEL_RETRIES", 2))
    except ValueError:
        raise PolicyUnavailable("MODEL_TIMEOUT_S and MODEL_RETRIES should be numbers") from None

    def make(seed: int) -> LanguageModelPolicy:
        return LanguageModelPolicy(
            ChatModel(
                base_url=given.get("API_BASE_URL", BASE_URL),
                model=name,
                api_key=key,
                timeout_s=timeout_s,
                retries=retries,
            )
        )

    return make


def api_key(variables: Mapping[str, str]) -> str | None:
    """The key for the model, if there is one."""
    return next((variables[name] for name in KEYS if variables.get(name)), None)
