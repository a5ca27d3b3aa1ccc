"""The largest rows that members may store, written without a long transaction.

The limit and how it is measured: clipset.database.transactions and the fixture in
tests/conftest.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.builders import make_caption, make_category, make_video
from videos.models import Caption, CaptionWords, SearchChange, SearchDocument
from videos.services import caption_words
from videos.services.captions import (
    MAX_TRACKS,
    add_caption,
    choose_default_caption,
    remove_caption,
    rename_caption,
    restore_caption,
)
from videos.services.details import delete_video, edit_video, move_to_category
from videos.services.hiding import hide_video, unhide_video
from videos.services.processing.publish import _store_captions
from videos.services.search_changes import apply_waiting_changes
from videos.services.search_index import index_captions, index_video
from videos.transcode.caption_tracks import ExtractedCaption
from videos.transcode.captions import MAX_BYTES, MAX_BYTES_IN_ALL

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet

pytestmark = pytest.mark.django_db(transaction=True)

# 3 bytes, which fold to 18 characters.
LIGATURE = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}"
FIRST = 0xAC00  # 11,172 syllables of 3 bytes each, which are letters
HUNDREDS = [chr(FIRST + number) for number in range(300)]


def word(number: int, *, length: int) -> str:
    """One word for each number below 90,000, with shared prefixes."""
    return (HUNDREDS[number // 300] + HUNDREDS[number % 300]) * (length // 2)


def track(number: int, size: int, length: int) -> str:
    """WebVTT of about so many bytes, with words that other tracks do not have, as far as
    possible."""
    cue, cues = 40 + 20 * (3 * length + 1), list[str]()
    for at in range(size // cue):
        first = (number * (size // cue) + at) * 20
        text = " ".join(word((first + one) % 90_000, length=length) for one in range(20))
        cues.append(f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}.000 --> 09:59:59.000\n{text}")
    return "\n\n".join(["WEBVTT", *cues]) + "\n"


def ligatures(_: int, size: int) -> str:
    return f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{LIGATURE * (size // 3)}\n"


@dataclass(frozen=True)
class Largest:
    name: str
    tracks: int
    body: Callable[[int, int], str]

    @property
    def bodies(self) -> list[str]:
        size = min(MAX_BYTES_IN_ALL // self.tracks, MAX_BYTES) - 100
        return [self.body(number, size) for number in range(self.tracks)]


LARGEST = [
    Largest("ligatures", 3, ligatures),
    Largest("long words", 3, lambda number, size: track(number, size, 40)),
    Largest("many words", MAX_TRACKS, lambda number, size: track(number, size, 2)),
    Largest("the same words", MAX_TRACKS, lambda _, size: track(0, size, 2)),
]


def each_largest(always: str) -> list[ParameterSet]:
    """Parameters of which the one with this name runs always, the others with --long."""
    return [
        pytest.param(it, id=it.name, marks=[pytest.mark.long] * (it.name != always))
        for it in LARGEST
    ]


TITLE = "".join(HUNDREDS[:200])
LONG_TEXTS = [LIGATURE * 5000, "".join(chr(0x4E00 + number) for number in range(5000))]


@pytest.mark.parametrize("largest", each_largest("ligatures"))
def test_what_people_do_with_the_largest_captions(largest: Largest) -> None:
    video, category = make_video(), make_category("Music")
    *bodies, last = largest.bodies
    for number, body in enumerate(bodies):
        make_caption(video, body, code=f"x{number}")
    caption = add_caption(video=video, contents=last.encode(), language="en", label="")
    for description in (*LONG_TEXTS, "", *reversed(LONG_TEXTS)):
        edit_video(video=video, title=TITLE, description=description, category=category)
        edit_video(video=video, title="Sea", description=description, category=None)
    move_to_category(video=video, category=category)
    rename_caption(caption=caption, label="Another")
    choose_default_caption(caption=caption, chosen=True)
    remove_caption(caption=caption)
    restore_caption(caption=caption)
    hide_video(video=video, by=video.uploaded_by)
    unhide_video(video=video, by=video.uploaded_by)
    apply_waiting_changes()
    spoken = SearchDocument.objects.get().spoken or ""
    assert len(spoken.split()) <= caption_words.MAX_CAPTION_WORDS
    assert len(spoken.encode()) <= caption_words.MAX_CAPTION_BYTES * 1.1  # with spaces
    delete_video(video=video)
    apply_waiting_changes()
    assert not SearchChange.objects.exists()


@pytest.mark.parametrize("largest", each_largest("many words"))
def test_publishing_with_the_largest_captions(
    largest: Largest, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = make_video()
    # Their words are found outside of transactions, and once for both times.
    fold_once = cache(caption_words.fold_captions)
    monkeypatch.setattr("videos.services.search_index.fold_captions", fold_once)
    tracks = tuple(
        ExtractedCaption(
            code=f"x{number}", language="en", label=str(number), body=body, is_default=False
        )
        for number, body in enumerate(largest.bodies)
    )
    for _ in range(2):  # the second time they replace the first ones
        with transaction.atomic():
            _store_captions(video, tracks)
            index_video(video.pk)
        index_captions(video.pk)
    assert CaptionWords.objects.count() == largest.tracks
    assert Caption.objects.count() == largest.tracks


def test_an_edit_neither_folds_nor_reads_captions(monkeypatch: pytest.MonkeyPatch) -> None:
    video = make_video("Winter")
    make_caption(video, "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nZeppelin\n")
    monkeypatch.delattr(caption_words, "words_of")
    with CaptureQueriesContext(connection) as queries:
        edit_video(video=video, title="Summer", description="Sun", category=None)
        move_to_category(video=video, category=make_category("Music"))
        hide_video(video=video, by=video.uploaded_by)
    assert not [query["sql"] for query in queries if "caption" in query["sql"]]
    unhide_video(video=video, by=video.uploaded_by)
    assert {"summer", "zeppelin"} <= set(SearchDocument.objects.get().words.split())


def test_folding_stops_where_a_text_becomes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_words, "MAX_FOLDED_CHARACTERS", 200)
    head = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n"
    body = f"{head}first {LIGATURE * 100_000} last\n\n00:00:01.000 --> 00:00:02.000\nnever\n"
    words = caption_words.fold_captions(body).split()
    assert words[0] == "first"
    assert not {"last", "never"} & set(words)
