"""Keys that sign and verify users' tokens."""

from __future__ import annotations

from .state import State


class KeyRing(State):
    """The keys one replica holds, by key id.

    Attributes:
        signing: the key new tokens are signed with.
        verifying: accepted key → the instant it stops being accepted (None: no end).
        verify_signatures: False accepts every token (a security hole).
        leeway: nanoseconds by which the instants in a token may be off.
    """

    def __init__(self, signing: str) -> None:
        self.signing = signing
        self.verifying: dict[str, int | None] = {signing: None}
        self.verify_signatures = True
        self.leeway = 0

    def accepts(self, kid: str, now: int) -> bool:
        """Whether a token signed with this key passes."""
        if not self.verify_signatures:
            return True
        if kid not in self.verifying:
            return False
        until = self.verifying[kid]
        return until is None or now < until

    def takes(self, kid: str) -> bool:
        """Whether a token signed with this key passes at any time."""
        return not self.verify_signatures or self.verifying.get(kid, 0) is None
