"""Password validator that refuses what an attacker would guess first (zxcvbn)."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from accounts.models import User

SITE_NAME: Final = "Clipset"
# zxcvbn's time grows with the square of the length, and more. Only the beginning of a longer
# password is judged: it is hard to guess if its beginning is.
MAX_JUDGED: Final = 40
# Symbols that stand for letters. zxcvbn tries all combinations of what they may stand for.
LETTER_SYMBOLS: Final = "@({[<!|$+%"
MAX_LETTER_SYMBOLS: Final = 5
# Of each word that somebody who knows the member would try.
MAX_WORD: Final = 50
# zxcvbn's scale goes to 4. From 2 on, more than a million guesses are needed.
MIN_SCORE: Final = 2

GUESSABLE: Final = (
    "This password is easy to guess. Use three or more words that don't belong together, or let a "
    "password manager create one."
)
PERSONAL: Final = (
    "This password is easy to guess from your name, your address or this site's name. Use three or "
    "more words that don't belong together, or let a password manager create one."
)

# zxcvbn keeps the words of its caller in a global variable.
_one_at_a_time = threading.Lock()


class GuessablePasswordValidator:
    """Refuses passwords that zxcvbn finds easy to guess (AUTH_PASSWORD_VALIDATORS).

    The member's name and address and the name of the site count as words that are tried first.
    Passwords that exist are not judged: only new ones are.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        result = _judge(bounded(password), known_words(user))
        if result["score"] >= MIN_SCORE:
            return
        is_personal = any(
            match.get("dictionary_name") == "user_inputs" for match in result["sequence"]
        )
        raise ValidationError(PERSONAL if is_personal else GUESSABLE, code="password_guessable")

    def get_help_text(self) -> str:
        return "Your password can't be one that is easy to guess."


def bounded(password: str) -> str:
    """Returns what zxcvbn judges in some hundredths of a second, whatever the password is.

    It is the beginning, with another symbol in place of those that stand for letters, from the
    sixth kind of them on.
    """
    beginning = password[:MAX_JUDGED]
    kinds = [char for char in dict.fromkeys(beginning) if char in LETTER_SYMBOLS]
    return beginning.translate({ord(char): "~" for char in kinds[MAX_LETTER_SYMBOLS:]})


def known_words(user: User | None) -> list[str]:
    """Returns the words that somebody would try who knows the member and the site.

    Args:
        user: also one who is not stored yet, as at the registration.
    """
    texts = [SITE_NAME, urlsplit(settings.SITE_URL).hostname or ""]
    texts += [getattr(user, name, None) or "" for name in ("username", "email")]
    words = [word for text in texts for word in (text, *re.split(r"[\W_]+", text))]
    return [word[:MAX_WORD] for word in words if len(word) > 2]


def _judge(password: str, words: list[str]) -> dict[str, Any]:
    """zxcvbn's result: `score` from 0 to 4, `sequence` of what was recognized."""
    from zxcvbn import zxcvbn  # only here: its lists of words take 14 MB

    with _one_at_a_time:
        result: dict[str, Any] = zxcvbn(password, user_inputs=words)
    return result
