"""Caption tracks that members add."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from siteconfig.services.heartbeat import mark_alive
from tests.builders import live_for, make_video
from videos.models import Caption, SearchDocument, Video
from videos.services import captions
from videos.services.captions import (
    MAX_TRACKS,
    add_caption,
    choose_default_caption,
    forget_removed_captions,
    remove_caption,
    rename_caption,
    restore_caption,
)

pytestmark = pytest.mark.django_db

SRT = "1\n00:00:01,000 --> 00:00:02,000\n{}\n"
VTT = "WEBVTT\n\nSTYLE\n::cue {{ color: red }}\n\n00:01.000 --> 00:02.000 line:0\n{}\n"


def add(
    video: Video, text: str = SRT.format("Hello"), language: str = "en", label: str = ""
) -> Caption:
    return add_caption(video=video, contents=text.encode(), language=language, label=label)


@pytest.mark.parametrize("form", [SRT, VTT])
def test_what_is_sent_is_written_anew(form: str) -> None:
    caption = add(make_video(), form.format("<i>Hi</i> <script>alert(1)</script> & more"))
    assert caption.body == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<i>Hi</i> alert(1) &amp; more\n"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_of_old_programs_are_read(encoding: str) -> None:
    contents = SRT.format("Grüße, “ça va”").encode(encoding)
    caption = add_caption(video=make_video(), contents=contents, language="de", label="")
    assert "Grüße, “ça va”" in caption.body


@pytest.mark.parametrize(
    "contents", [b"\x00\x00\x00\x20ftypisom" * 50, b"Hello", b"WEBVTT\n\n", b"\xff\xfe\x00", b" "]
)
def test_what_holds_no_captions_is_refused_with_a_sentence(contents: bytes) -> None:
    video = make_video()
    with pytest.raises(ValidationError, match=r"(?i)file"):
        add_caption(video=video, contents=contents, language="en", label="")
    assert not video.captions.present().exists()


def test_several_tracks_of_a_language_are_told_apart() -> None:
    video = make_video()
    tracks = [add(video), add(video), add(video, label="For friends"), add(video, language="de")]
    assert [(it.code, it.label) for it in tracks] == [
        ("en", "English"),
        ("en-2", "English 2"),
        ("en-3", "For friends"),
        ("de", "German"),
    ]
    remove_caption(caption=tracks[1])
    assert add(video).code == "en-2"


def test_a_video_has_only_so_many() -> None:
    video = make_video()
    for _ in range(MAX_TRACKS):
        add(video)
    with pytest.raises(ValidationError, match="Remove one first"):
        add(video)


def test_a_video_has_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    video = make_video()
    one = len(add(video, SRT.format("Grüße")).body.encode())
    monkeypatch.setattr(captions, "MAX_BYTES_IN_ALL", 3 * one - 1)
    add(video, SRT.format("Grüße"))
    with pytest.raises(ValidationError, match="together"):
        add(video, SRT.format("Grüße"))
    add(make_video(), SRT.format("Grüße"))
    add(video, SRT.format("Grüß"))


def test_one_track_at_most_is_shown_at_first() -> None:
    video = make_video()
    first, second = add(video), add(video, language="de")
    choose_default_caption(caption=first, chosen=True)
    choose_default_caption(caption=second, chosen=True)
    assert [it.code for it in video.captions.present().filter(is_default=True)] == ["de"]
    choose_default_caption(caption=second, chosen=False)
    assert not video.captions.present().filter(is_default=True).exists()


def test_a_name_is_one_line_of_its_own() -> None:
    video = make_video()
    first, _ = add(video), add(video, language="de")
    assert rename_caption(caption=first, label="  Original \n version ").label == "Original version"
    for label, sentence in (("   ", "Enter a name"), ("GERMAN", "already has this name")):
        with pytest.raises(ValidationError, match=sentence):
            rename_caption(caption=first, label=label)


def test_captions_for_what_was_deleted_meanwhile_are_told_apart_from_bad_ones() -> None:
    video = make_video()
    Video.objects.all().delete()
    with pytest.raises(Video.DoesNotExist):
        add(video)


# -- what others see of it ------------------------------------------------------------------------


def sought(word: str) -> bool:
    return SearchDocument.objects.filter(words__contains=word).exists()


def test_what_is_said_is_found_as_soon_as_it_is_added_and_no_longer_than_it_is_there() -> None:
    video = make_video()
    caption = add(video, SRT.format("Zeppelin"))
    other = add(video, SRT.format("Submarine"), "de")
    assert sought("zeppelin")
    rename_caption(caption=caption, label="Commentary")
    assert (sought("zeppelin"), sought("commentary")) == (True, False)
    remove_caption(caption=caption)
    assert (sought("zeppelin"), sought("submarine")) == (False, True)
    assert list(video.captions.present()) == [other]


def test_what_comes_back_leaves_its_code_its_name_and_the_first_place_to_who_has_them() -> None:
    video = make_video()
    first, second = add(video), add(video)
    choose_default_caption(caption=first, chosen=True)
    remove_caption(caption=first)
    remove_caption(caption=second)
    again = add(video)
    choose_default_caption(caption=again, chosen=True)
    assert restore_caption(caption=second).code == "en-2"
    back = restore_caption(caption=first)
    assert (back.code, back.label, back.is_default) == ("en-3", "English 3", False)
    assert [track.code for track in video.captions.present()] == ["en", "en-2", "en-3"]


def test_what_was_shown_at_first_is_so_again() -> None:
    caption = add(make_video())
    choose_default_caption(caption=caption, chosen=True)
    remove_caption(caption=caption)
    assert restore_caption(caption=caption).is_default


def test_it_comes_back_only_for_a_while_and_where_there_is_room_and_is_swept_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    video, now = make_video(), timezone.now()
    kept, removed = add(video), add(video, language="de")
    remove_caption(caption=removed)
    with monkeypatch.context() as patch:
        patch.setattr(captions, "MAX_TRACKS", 1)
        with pytest.raises(ValidationError, match="Remove one"):
            restore_caption(caption=removed)
    live_for(1)
    for after, rows in ((timedelta(minutes=11), 0), (timedelta(days=1, minutes=1), 1)):
        moment = now + after
        for clock in ("django.utils.timezone.now", "siteconfig.services.heartbeat.database_now"):
            monkeypatch.setattr(clock, lambda moment=moment: moment)
        mark_alive()
        with pytest.raises(ValidationError, match="too late"):
            restore_caption(caption=removed)
        assert forget_removed_captions() == rows
    assert list(Caption.objects.all()) == [kept]


def test_of_many_that_are_removed_only_the_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "MAX_REMOVED", 2)
    video, other = make_video(), make_video()
    remove_caption(caption=add(other))
    tracks = [add(video) for _ in range(4)]
    for track in tracks:
        remove_caption(caption=track)
    assert list(Caption.objects.deleted().filter(video=video).order_by("pk")) == tracks[2:]
    assert Caption.objects.deleted().filter(video=other).exists()


def test_captions_and_what_is_found_of_them_change_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that dies between the two changes leaves both unchanged."""
    video = make_video()
    caption = add(video, SRT.format("Zeppelin"))

    def die(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(captions, "index_video", die)
    with pytest.raises(RuntimeError):
        add(video, SRT.format("Submarine"), "de")
    with pytest.raises(RuntimeError):
        remove_caption(caption=caption)
    assert [track.code for track in video.captions.present()] == ["en"]
    assert (sought("zeppelin"), sought("submarine")) == (True, False)


def test_what_somebody_else_removed_meanwhile_is_no_error() -> None:
    video = make_video()
    caption = add(video)
    seen = video.captions.present().get()
    remove_caption(caption=caption)
    rename_caption(caption=seen, label="Commentary")
    choose_default_caption(caption=seen, chosen=True)
    remove_caption(caption=seen)
    assert not video.captions.present().exists()
    video.delete()
    for change in (
        lambda: rename_caption(caption=seen, label="Commentary"),
        lambda: choose_default_caption(caption=seen, chosen=True),
        lambda: remove_caption(caption=seen),
    ):
        with pytest.raises(Video.DoesNotExist):
            change()
