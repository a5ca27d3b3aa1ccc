"""The search index follows the rows."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.services.members import delete_members
from tests.builders import make_admin, make_caption, make_category, make_user, make_video
from videos.fulltext import Term, newest_matching
from videos.models import CaptionWords, ProcessingStatus, SearchDocument, Video
from videos.services import caption_words, search_index
from videos.services.details import delete_video, edit_video, move_to_category
from videos.services.hiding import hide_video, unhide_video
from videos.services.search_changes import apply_waiting_changes
from videos.services.search_index import index_video, rebuild_search

pytestmark = pytest.mark.django_db


def found(word: str) -> set[str]:
    """Titles of all documents with a word of this prefix, as the engine itself finds them."""
    documents = SearchDocument.objects.filter(pk__in=newest_matching([Term(word)], limit=100))
    return {document.video.title for document in documents.select_related("video")}


def test_an_edit_is_found_and_what_stood_there_before_is_not() -> None:
    video = make_video("Winter", description="snow")
    edit_video(video=video, title="Summer", description="sun", category=None)
    assert found("summer") == found("sun") == {"Summer"}
    assert found("winter") == found("snow") == set()


def test_hiding_takes_it_out_and_showing_puts_it_where_it_was() -> None:
    video = make_video("Winter")
    before = SearchDocument.objects.get().pk
    hide_video(video=video, by=video.uploaded_by)
    assert found("winter") == set()
    unhide_video(video=video, by=video.uploaded_by)
    assert found("winter") == {"Winter"}
    assert SearchDocument.objects.get().pk == before


def test_a_move_is_known() -> None:
    video = make_video("Winter")
    music = make_category("Music", created_by=make_admin())
    move_to_category(video=video, category=music)
    newest = newest_matching([Term("winter")], category=music.pk, limit=9)
    assert SearchDocument.objects.filter(pk__in=newest).count() == 1
    move_to_category(video=video, category=None)
    assert SearchDocument.objects.filter(pk__in=newest).count() == 0


def test_a_deletion_takes_it_out_also_by_way_of_its_uploader() -> None:
    alice, boss = make_user("alice"), make_admin("boss")
    delete_video(video=make_video("Winter", uploader=alice))
    make_video("Summer", uploader=alice)
    delete_members(users=[alice], heir=boss)
    assert found("winter") == found("summer") == set()
    assert not SearchDocument.objects.exists()


def test_a_video_is_found_once_it_is_ready() -> None:
    video = make_video("Winter", status=ProcessingStatus.PROCESSING)
    assert found("winter") == set()
    Video.objects.filter(pk=video.pk).update(processing_status=ProcessingStatus.COMPLETED)
    index_video(video.pk)
    assert found("winter") == {"Winter"}


def test_captions_count_each_word_once_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_words, "MAX_CAPTION_WORDS", 3)
    video = make_video("Video")
    text = "one one two one\nthree four"
    make_caption(video, f"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n{text}\n")
    assert found("three") == {"Video"}
    assert found("four") == set()


def test_captions_are_no_more_than_the_index_of_either_database_holds() -> None:
    video = make_video("힣")  # after all other words, which are sorted
    said = (chr(0xAC00 + number) * 40 for number in range(9_000))  # 120 bytes each
    make_caption(video, f"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n{' '.join(said)}\n")
    apply_waiting_changes()  # so many words are written after the commit
    assert len(SearchDocument.objects.get().words.encode()) < 2**20
    assert found("힣") == found("가가") == {"힣"}


def test_a_video_that_is_gone_is_no_error() -> None:
    video = make_video()
    Video.objects.all().delete()
    index_video(video.pk)
    assert not SearchDocument.objects.exists()


def test_the_rebuild_mends_whatever_is_wrong() -> None:
    right, wrong = make_video("Right"), make_video("Wrong")
    missing, hidden = make_video("Missing"), make_video("Hidden")
    SearchDocument.objects.filter(video=wrong).update(words="nonsense", title=" nonsense ")
    SearchDocument.objects.filter(video=missing).delete()
    Video.objects.filter(pk=hidden.pk).update(is_hidden=True)
    if connection.vendor == "sqlite":  # as after a crash of the engine
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO video_search (video_search) VALUES ('delete-all')")
        assert found("right") == set()
    assert rebuild_search() == 3
    assert found("right") == {"Right"}
    assert found("wrong") == {"Wrong"}
    assert found("missing") == {"Missing"}
    assert found("hidden") == found("nonsense") == set()
    assert SearchDocument.objects.count() == 3
    assert SearchDocument.objects.filter(video=right).exists()


def test_what_is_missing_or_of_an_older_version_is_made_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_index, "BATCH", 2)
    make_video("Right")
    old = make_video("Old")
    SearchDocument.objects.filter(video=old).update(version=0, words="nonsense")
    for number in range(4):
        make_video(f"Missing {number}")
    SearchDocument.objects.filter(video__title__startswith="Missing").delete()
    said = StringIO()
    call_command("rebuild_search", missing=True, stdout=said)
    assert said.getvalue() == "Indexed: 5 videos.\n"
    assert found("old") == {"Old"}
    assert len(found("missing")) == 4
    assert rebuild_search(missing_only=True) == 0


def test_captions_of_an_older_version_are_found_before_and_after_they_are_folded() -> None:
    video = make_video("Winter")
    make_caption(video, "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nZeppelin\n")
    # As the older version stored them.
    CaptionWords.objects.all().delete()
    SearchDocument.objects.update(spoken=None)
    assert found("zeppelin") == {"Winter"}
    assert rebuild_search(missing_only=True) == 0
    assert CaptionWords.objects.get().words == "zeppelin"
    assert SearchDocument.objects.get().spoken == "zeppelin"
    edit_video(video=video, title="Summer", description="", category=None)
    assert found("zeppelin") == {"Summer"}
