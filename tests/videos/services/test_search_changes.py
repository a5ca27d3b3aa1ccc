"""SQLite's index is written in pieces and ends with the words of its documents."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import make_video
from tests.examples import examples
from videos.fulltext import Term, newest_matching
from videos.models import SearchChange, SearchDocument
from videos.services import search_changes
from videos.services.search_changes import apply_changes, apply_waiting_changes, rebuild_engine

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.django_db

# With shared prefixes, for which FTS5 keeps lists.
WORDS = ["a", "ab", "abc", "abd", "b", "ba", "bab", "bac", "c", "abcdefghijklm", "abcdefghijkln"]


@pytest.fixture(autouse=True)
def sqlite() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's index is written with its document")


def finds(word: str) -> set[int]:
    """The engine's own answer, also about deleted documents."""
    newest = newest_matching([Term(word)], limit=100)
    with connection.cursor() as cursor:
        cursor.execute(newest.sql, newest.params)
        return {row[0] for row in cursor.fetchall()}


def beginnings(words: Iterable[str]) -> set[str]:
    return {word[:length] for word in words for length in range(1, len(word) + 1)}


def assert_engine_agrees() -> None:
    """FTS5 compares its lists, also of prefixes, with a rebuild of them ("integrity-check" in its
    documentation)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO video_search (video_search, rank) VALUES ('integrity-check', 1)"
        )


states = st.none() | st.sets(st.sampled_from(WORDS))


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    changes=st.lists(st.tuples(st.integers(0, 1), states, st.integers(0, 3)), max_size=8),
    piece=st.integers(1, 4),
)
def test_any_changes_in_any_pieces_end_in_the_index_that_one_would_make_at_once(
    monkeypatch: pytest.MonkeyPatch, changes: list[tuple[int, set[str] | None, int]], piece: int
) -> None:
    """Two documents, with some pieces written between changes."""
    monkeypatch.setattr(search_changes, "PIECE", piece)
    SearchDocument.objects.all().delete()
    rebuild_engine()
    videos = [make_video(), make_video()]
    SearchDocument.objects.all().delete()
    apply_waiting_changes()
    wanted: dict[int, set[str] | None] = {1: None, 2: None}
    for which, words, pieces in changes:
        pk = which + 1
        wanted[pk] = words
        if words is None:
            SearchDocument.objects.filter(pk=pk).delete()
        else:
            fields = {"words": " ".join(sorted(words))}
            video = videos[which]
            new = {"video": video, "uploader_id": video.uploaded_by_id}
            SearchDocument.objects.update_or_create(
                pk=pk, defaults=fields, create_defaults={**new, **fields}
            )
        for _ in range(pieces):
            apply_changes([pk])
    apply_waiting_changes()
    assert not SearchChange.objects.exists()
    assert_engine_agrees()
    for term in beginnings(WORDS):
        assert finds(term) == {
            pk for pk, words in wanted.items() if words and term in beginnings(words)
        }


def random_words(chance: random.Random, *, most: int) -> list[str]:
    """Different short words, so that many share prefixes."""
    words = {"".join(chance.choices("abcd", k=chance.randint(1, 13))) for _ in range(most)}
    return sorted(words)


@pytest.mark.django_db(transaction=True)  # FTS5 writes its lists at a commit
@pytest.mark.parametrize("seed", range(3))
def test_many_pieces_leave_nothing_behind_when_the_engine_merges_what_it_wrote(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Words are added, half removed and added again, while FTS5 merges the lists of several
    commits."""
    chance = random.Random(seed)
    monkeypatch.setattr(search_changes, "PIECE", chance.choice([2, 5, 9]))
    SearchDocument.objects.all().delete()
    rebuild_engine()
    videos = [make_video(), make_video()]
    SearchDocument.objects.all().delete()
    apply_waiting_changes()
    words = random_words(chance, most=80)
    for _ in range(40):
        which = chance.randrange(2)
        if chance.random() < 0.3:
            SearchDocument.objects.filter(pk=which + 1).delete()
        else:
            chosen = chance.sample(words, chance.randint(0, len(words)))
            fields = {"words": " ".join(sorted(chosen))}
            video = videos[which]
            new = {"video": video, "uploader_id": video.uploaded_by_id}
            SearchDocument.objects.update_or_create(
                pk=which + 1, defaults=fields, create_defaults={**new, **fields}
            )
        for _ in range(chance.randrange(4)):
            with transaction.atomic():
                apply_changes([which + 1])
        if chance.random() < 0.3:
            apply_waiting_changes()
            assert_engine_agrees()


def test_small_changes_are_found_at_once_and_large_ones_when_all_pieces_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_changes, "PIECE", 4)
    video = make_video("Winter tale")
    pk = SearchDocument.objects.get().pk
    assert finds("winter") == finds("tale") == {pk}
    words = SearchDocument.objects.get().words
    SearchDocument.objects.update(words=f"{words} one two three four five six")
    apply_changes([pk])
    assert (finds("one"), finds("six")) == ({pk}, set())
    apply_waiting_changes()
    assert finds("six") == {pk}
    video.delete()
    assert not SearchDocument.objects.exists()
    apply_waiting_changes()
    assert finds("winter") == finds("six") == set()
    assert_engine_agrees()
