"""Captions that people add to videos."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final, TypedDict, cast

from django.core.exceptions import ValidationError
from django.db import transaction

from clipset.database.expressions import OctetLength
from clipset.lib.text import clean_line
from videos.models import Caption, CaptionWords, Video
from videos.services.caption_words import fold_captions
from videos.services.search_index import index_video
from videos.transcode.captions import (
    LABEL_CHARACTERS,
    MAX_BYTES_IN_ALL,
    CaptionError,
    parse_captions,
    write_vtt,
)
from videos.transcode.languages import UNKNOWN, language_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_stubs_ext import WithAnnotations

MOST: Final = 50  # tracks of a video
MAX_REMOVED: Final = 10  # of a video that are kept to be brought back


class _Sized(TypedDict):
    size: int  # bytes of the track


def add_caption(*, video: Video, contents: bytes, language: str, label: str) -> Caption:
    """A track of what a file holds, WebVTT or SubRip, written again.

    `language` is a code of `videos.transcode.languages`. Raises ValidationError with a sentence,
    and Video.DoesNotExist when the video was deleted meanwhile.
    """
    body = read_captions(contents)
    words = fold_captions(body)
    size = len(body.encode())
    with transaction.atomic():
        tracks = _tracks_of(video)
        _check_room(video, tracks, size)
        caption = Caption.objects.create(
            video=video,
            code=_free(language, {track.code for track in tracks}, "-"),
            language=language,
            label=_free_label(label or language_name(language), tracks),
            body=body,
        )
        CaptionWords.objects.create(caption=caption, words=words)
        index_video(video.pk)
    return caption


def read_captions(contents: bytes) -> str:
    """WebVTT of what a file holds. Raises ValidationError."""
    try:
        cues = parse_captions(_decoded(contents))
        if not cues:
            raise CaptionError("This file contains no captions.")
        return write_vtt(cues)
    except CaptionError as error:
        raise ValidationError(str(error)) from error


def _decoded(contents: bytes) -> str:
    """UTF-8, UTF-16 where it says so, else what old programs for Windows wrote."""
    is_utf16 = contents.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return contents.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        return contents.decode("cp1252", "replace")


def rename_caption(*, caption: Caption, label: str) -> Caption:
    """Raises ValidationError for a blank name, and one that another track of the video has;
    Video.DoesNotExist when it was deleted meanwhile. A search knows no names of captions."""
    wanted = clean_line(label)[:LABEL_CHARACTERS]
    if not wanted:
        raise ValidationError("Give the captions a name.")
    with transaction.atomic():
        others = [track for track in _tracks_of(caption.video) if track.pk != caption.pk]
        if wanted.casefold() in {track.label.casefold() for track in others}:
            raise ValidationError("Another caption track already has this name.")
        # No harm when somebody removed it meanwhile.
        Caption.objects.present().filter(pk=caption.pk).update(label=wanted)
    caption.label = wanted
    return caption


def choose_default_caption(*, caption: Caption, chosen: bool) -> None:
    """Shown to who has not chosen otherwise; at most one track of a video is. Raises
    Video.DoesNotExist when it was deleted meanwhile."""
    with transaction.atomic():
        _tracks_of(caption.video)
        Caption.objects.present().filter(video=caption.video_id).update(is_default=False)
        if chosen:
            Caption.objects.present().filter(pk=caption.pk).update(is_default=True)


def remove_caption(*, caption: Caption) -> None:
    """It can be brought back for ten minutes, unless many others go after it. Removed twice it is
    removed once. Raises Video.DoesNotExist when all of it was deleted meanwhile."""
    with transaction.atomic():
        _tracks_of(caption.video)
        Caption.objects.filter(pk=caption.pk).mark_deleted()
        removed = Caption.objects.deleted().filter(video=caption.video_id)
        too_many = removed.order_by("-deleted_at", "-pk").values_list("pk", flat=True)[MAX_REMOVED:]
        Caption.objects.deleted().filter(pk__in=list(too_many)).only("pk").delete()
        index_video(caption.video_id)


def restore_caption(*, caption: Caption) -> Caption:
    """Brings it back; what has its code, its name or its place as the first meanwhile keeps that.
    Brought back twice it is brought back once. Raises ValidationError when it is too late or there
    is no room any more, and Video.DoesNotExist when all of it was deleted meanwhile."""
    with transaction.atomic():
        tracks = _tracks_of(caption.video)
        if (there := next((it for it in tracks if it.pk == caption.pk), None)) is not None:
            return there
        deleted = Caption.objects.undoable().filter(pk=caption.pk, video=caption.video_id)
        sized = deleted.defer("body").annotate(size=OctetLength("body"))
        found = cast("WithAnnotations[Caption, _Sized] | None", sized.first())
        if found is None:
            raise ValidationError("It's too late to undo this. Add the file again.")
        _check_room(caption.video, tracks, found.size)
        taken = {track.code for track in tracks}
        if found.code in taken:
            found.code = _free(found.language, taken, "-")
        found.label = _free_label(found.label, tracks)
        found.is_default = found.is_default and not any(track.is_default for track in tracks)
        found.deleted_at = None
        found.save(update_fields=["code", "label", "is_default", "deleted_at"])
        index_video(caption.video_id)
    return found


def forget_removed_captions() -> int:
    """For good, once nobody can bring them back. Returns how many."""
    outdated = Caption.objects.outdated().only("pk")
    return outdated.delete()[1].get("videos.Caption", 0)


def _check_room(video: Video, tracks: list[Caption], size: int) -> None:
    """Whether one of so many bytes may come to these. Raises ValidationError."""
    if len(tracks) >= MOST:
        raise ValidationError(f"A video has at most {MOST} captions. Remove one first.")
    if _bytes_of(video) + size > MAX_BYTES_IN_ALL:
        raise ValidationError(
            f"All captions of a video together have at most {MAX_BYTES_IN_ALL // 1_000_000} MB."
            " Remove some first, or send a smaller file."
        )


def _tracks_of(video: Video) -> list[Caption]:
    """Nobody else changes them until the transaction ends. Raises Video.DoesNotExist."""
    Video.objects.select_for_update().only("pk").get(pk=video.pk)
    return list(Caption.objects.present().filter(video=video).defer("body"))


def _bytes_of(video: Video) -> int:
    """Of all its tracks."""
    sizes = (
        Caption.objects.present().filter(video=video).values_list(OctetLength("body"), flat=True)
    )
    return sum(sizes)


def _free_label(label: str, tracks: Iterable[Caption]) -> str:
    wanted = clean_line(label)[:LABEL_CHARACTERS] or language_name(UNKNOWN)
    return _free(wanted, {track.label for track in tracks}, " ")


def _free(name: str, taken: set[str], between: str) -> str:
    """The name, numbered where it is taken: "en", "en-2"."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}{between}{number}"
    return free
