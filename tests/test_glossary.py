"""Words that docs/glossary.md replaced stay out of code, pages, messages, docs and file names."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Both list the words; the third runs the code of a commit that had them; the last is not our text.
EXEMPT_FILES = {
    "docs/glossary.md",
    "tests/test_glossary.py",
    "tests/scripts/test_upgrade_old.py",
    "LICENSE",
}
SUFFIXES = {".py", ".html", ".txt", ".js", ".css", ".md", ".toml", ".sh", ".conf", ".example", ""}


@dataclass(frozen=True)
class Banned:
    """`pattern` matches one line or one path, whatever its case; `allowed` is taken out before."""

    pattern: str
    say: str
    allowed: str = r"(?!)"


BANNED = (
    # Names are split by their underscores: a letter before or after is part of another word.
    Banned(
        r"(?<![a-z])films?(?![a-z])",
        "video",
        # FFmpeg's option, the icon of that name, and a name in the hostile corpus's own files.
        r"film[ _-]?grain|icon(_name=)? ?[\"']film[\"']|0020_finished_films",
    ),
    Banned(r"\bmade ready\b", "processed; on pages the states Queued, Processing, Ready, Failed"),
    Banned(r"(?<![a-z])anew(?![a-z])", "again"),
    Banned(r"\b(runs?|ran|running) out\b(?! of\b)", "expires, expired"),
    Banned(
        r"(?<![a-z])notices?(?![a-z])",
        "notification; for the verb: detects, sees",
        # The table and the address kept their names; the form of a setting of PostgreSQL's.
        r"db_table = \"notices\"|/?notices/|client_min_messages|\"notices_\w+\"",
    ),
    Banned(r"(?<![a-z])talk(s|ed|ing)?(?![a-z])", "comments", r"mandelbrot-talk"),
    Banned(r"(?<![a-z])liking(?![a-z])", "likes"),
    Banned(r"(?<![A-Z])MOST(?=_|\b)", "MAX_"),
    Banned(r"\b(class|import) Words\b|\bWords\(", "VideoDetails"),
    Banned(r"\bhas come\b|\bhave come\b", "has arrived, is uploaded"),
    Banned(r"\bas it was sent\b", "the original"),
)


def tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [name for name in listed if name not in EXEMPT_FILES and "/migrations/" not in name]


def found(banned: Banned, text: str) -> bool:
    flags = 0 if banned.pattern.isupper() or "MOST" in banned.pattern else re.IGNORECASE
    text = re.sub(banned.allowed, "", text, flags=re.IGNORECASE)
    return re.search(banned.pattern, text, flags) is not None


@pytest.mark.git
@pytest.mark.parametrize("banned", BANNED, ids=lambda banned: banned.say)
def test_no_file_uses_a_word_that_was_replaced(banned: Banned) -> None:
    places = []
    for name in tracked_files():
        if found(banned, name):
            places.append(name)
        path = ROOT / name
        if path.suffix not in SUFFIXES or path.is_symlink() or not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        places += [f"{name}:{n} {line}" for n, line in enumerate(lines, 1) if found(banned, line)]
    assert not places, f"Say: {banned.say}. Found in:\n" + "\n".join(places)


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("a film", True),
        ("new_film_of(user)", True),
        ('"film_grain"', False),
        ("filmed", False),
        ("{% icon 'film' %}", False),
        ("the lease runs out", True),
        ("it ran out of memory", False),
        ("MOST_BYTES", True),
        ("at most_recent", False),
        ("path('notices/', view)", False),
        ("noticed", False),
    ],
)
def test_words_are_told_from_their_neighbors(text: str, *, is_found: bool) -> None:
    assert any(found(banned, text) for banned in BANNED) is is_found
