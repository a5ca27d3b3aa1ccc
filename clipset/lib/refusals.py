"""Errors for requests that the site understands and declines.

A service raises them, and `clipset.ui.refusals` turns them into answers. A view catches one only to
show the sentence in its form.
"""

from __future__ import annotations


class RefusedError(Exception):
    """A request that is declined. `sentence` says why, and what to do next.

    `status` is the HTTP status of the answer. `retry_after` is the time in seconds after which
    another attempt makes sense; None if waiting does not help or the time is unknown.
    """

    def __init__(self, sentence: str, *, status: int = 422, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After` (RFC 9110, section 10.2.3), if the time is known."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class RateLimitedError(RefusedError):
    """Something that was done too often (status 429). Allowed again after at most `seconds`."""

    def __init__(self, sentence: str, *, seconds: int) -> None:
        super().__init__(sentence, status=429, retry_after=seconds)
