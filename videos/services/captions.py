"""Caption tracks that members add to videos, rename, remove and restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction

from clipset.lib.text import clean_line
from videos.models import Caption, CaptionWords, Video
from videos.selectors.captions import caption_name
from videos.services.audit import record_on_video
from videos.services.caption_words import fold_captions
from videos.services.locks import lock_uploader
from videos.services.search_index import index_video
from videos.services.stored_total import OverStorageError, add_stored, check_storage
from videos.transcode.captions import (
    LABEL_CHARACTERS,
    MAX_BYTES_IN_ALL,
    CaptionError,
    parse_captions,
    write_vtt,
)
from videos.transcode.languages import UNKNOWN, language_name
from videos.transcode.text_encodings import decode_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User

MAX_TRACKS: Final = 50  # of a video
MAX_REMOVED: Final = 10  # removed tracks of a video that are kept to be restored


def add_caption(*, video: Video, contents: bytes, language: str, label: str) -> Caption:
    """Adds a track from a WebVTT or SubRip file, rewritten as WebVTT.

    Args:
        contents: the bytes of the file.
        language: a code of `videos.transcode.languages`.
        label: the track's name; "" for the language's name.

    Raises: ValidationError with a sentence; Video.DoesNotExist when the video was deleted
    meanwhile.
    """
    body = read_captions(contents, language)
    words = fold_captions(body)
    size = len(body.encode())
    with transaction.atomic():
        uploader = lock_uploader(video.pk)
        tracks = _tracks_of(video)
        _check_room(video, tracks, size)
        if uploader is not None:
            _charge(uploader, size)
        caption = Caption.objects.create(
            video=video,
            code=_free(language, {track.code for track in tracks}, "-"),
            language=language,
            label=_free_label(label or language_name(language), tracks),
            body=body,
            size_bytes=size,
        )
        CaptionWords.objects.create(caption=caption, words=words)
        index_video(video.pk)
        _record(caption, "add_caption")
    return caption


def _charge(uploader: User, size: int) -> None:
    """Counts a track toward its video's uploader. Raises: ValidationError over their limit."""
    try:
        check_storage(uploader, size)
    except OverStorageError as refusal:
        raise ValidationError(refusal.sentence) from refusal
    add_stored(member=uploader.pk, size=size)


def read_captions(contents: bytes, language: str = "") -> str:
    """The cues of a WebVTT or SubRip file as WebVTT. Raises: ValidationError."""
    try:
        cues = parse_captions(decode_text(contents, language))
        if not cues:
            raise CaptionError("This file contains no captions.")
        return write_vtt(cues)
    except CaptionError as error:
        raise ValidationError(str(error)) from error


def rename_caption(*, caption: Caption, label: str) -> Caption:
    """Renames a track. The search index does not hold names of tracks.

    Raises: ValidationError for a blank name, and for one that another track of the video has;
    Video.DoesNotExist when the video was deleted meanwhile.
    """
    wanted = clean_line(label)[:LABEL_CHARACTERS]
    if not wanted:
        raise ValidationError("Enter a name.")
    with transaction.atomic():
        others = [track for track in _tracks_of(caption.video) if track.pk != caption.pk]
        if wanted.casefold() in {track.label.casefold() for track in others}:
            raise ValidationError("Another caption track already has this name.")
        # Changes nothing if the track was removed meanwhile.
        if Caption.objects.present().filter(pk=caption.pk).update(label=wanted):
            _record(caption, "rename_caption", label=wanted)
    caption.label = wanted
    return caption


def choose_default_caption(*, caption: Caption, chosen: bool) -> None:
    """Makes a track the video's default, which players show unless a member chose otherwise, or
    (`chosen` is False) none. Raises: Video.DoesNotExist when the video was deleted meanwhile."""
    with transaction.atomic():
        _tracks_of(caption.video)
        Caption.objects.present().filter(video=caption.video_id).update(is_default=False)
        if chosen:
            Caption.objects.present().filter(pk=caption.pk).update(is_default=True)
        _record(caption, "default_caption", is_default=chosen)


def publish_caption(*, caption: Caption, is_published: bool) -> None:
    """Publishes a track that was withheld because it holds coordinates, or (`is_published` is
    False) withholds it again. Does nothing for other tracks. The caller has checked that the member
    is the uploader. Raises: Video.DoesNotExist when the video was deleted meanwhile."""
    with transaction.atomic():
        _tracks_of(caption.video)
        Caption.objects.present().filter(pk=caption.pk, has_coordinates=True).update(
            is_withheld=not is_published
        )
        index_video(caption.video_id)


def remove_caption(*, caption: Caption) -> None:
    """Removes a track. It can be restored for ten minutes, as long as fewer than MAX_REMOVED other
    tracks of the video are removed after it. A removed track stays removed.

    Raises: Video.DoesNotExist when the video was deleted meanwhile.
    """
    with transaction.atomic():
        _tracks_of(caption.video)
        if Caption.objects.filter(pk=caption.pk).mark_deleted():
            _record(caption, "remove_caption")
        removed = Caption.objects.deleted().filter(video=caption.video_id)
        too_many = removed.order_by("-deleted_at", "-pk").values_list("pk", flat=True)[MAX_REMOVED:]
        Caption.objects.deleted().filter(pk__in=list(too_many)).only("pk").delete()
        index_video(caption.video_id)


def restore_caption(*, caption: Caption) -> Caption:
    """Restores a removed track; a present track is returned as it is.

    Another track that has its code or name by now keeps it, and the restored one gets a number. It
    is the default only if no other track is.

    Raises: ValidationError when it is too late or the video has no room for it;
    Video.DoesNotExist when the video was deleted meanwhile.
    """
    with transaction.atomic():
        tracks = _tracks_of(caption.video)
        if (present := next((it for it in tracks if it.pk == caption.pk), None)) is not None:
            return present
        deleted = Caption.objects.undoable().filter(pk=caption.pk, video=caption.video_id)
        found = deleted.defer("body").first()
        if found is None:
            raise ValidationError("It's too late to undo this. Add the file again.")
        _check_room(caption.video, tracks, found.size_bytes)
        taken = {track.code for track in tracks}
        if found.code in taken:
            found.code = _free(found.language, taken, "-")
        found.label = _free_label(found.label, tracks)
        found.is_default = found.is_default and not any(track.is_default for track in tracks)
        found.deleted_at = None
        found.save(update_fields=["code", "label", "is_default", "deleted_at"])
        index_video(caption.video_id)
        found.video = caption.video
        _record(found, "restore_caption")
    return found


def _record(caption: Caption, verb: str, **after: Any) -> None:
    """Records an act of staff on a track of another's video, as an act on the video. The name of a
    withheld track may hold coordinates, so only its language is recorded."""
    name = caption_name(caption, is_own=False)
    facts = {"caption": caption.pk, "name": name}
    if caption.is_withheld:
        after.pop("label", None)
    record_on_video(f"video.{verb}", caption.video, before=facts, after=after)


def forget_removed_captions() -> int:
    """Deletes removed tracks for good once nobody can restore them. Returns how many."""
    outdated = Caption.objects.outdated().only("pk")
    return outdated.delete()[1].get("videos.Caption", 0)


def _check_room(video: Video, tracks: list[Caption], size: int) -> None:
    """Checks that one more track of `size` bytes may be added. Raises: ValidationError."""
    if len(tracks) >= MAX_TRACKS:
        raise ValidationError(f"A video has at most {MAX_TRACKS} captions. Remove one first.")
    if _bytes_of(video) + size > MAX_BYTES_IN_ALL:
        raise ValidationError(
            f"All captions of a video together have at most {MAX_BYTES_IN_ALL // 1_000_000} MB."
            " Remove some first, or upload a smaller file."
        )


def _tracks_of(video: Video) -> list[Caption]:
    """The video's present tracks without their bodies. Locks the video, so that nobody else changes
    them until the transaction ends. Raises: Video.DoesNotExist."""
    Video.objects.select_for_update().only("pk").get(pk=video.pk)
    return list(Caption.objects.present().filter(video=video).defer("body"))


def _bytes_of(video: Video) -> int:
    """Bytes of all present tracks of a video."""
    return sum(Caption.objects.present().filter(video=video).values_list("size_bytes", flat=True))


def _free_label(label: str, tracks: Iterable[Caption]) -> str:
    """The cleaned name, numbered if another track has it."""
    wanted = clean_line(label)[:LABEL_CHARACTERS] or language_name(UNKNOWN)
    return _free(wanted, {track.label for track in tracks}, " ")


def _free(name: str, taken: set[str], between: str) -> str:
    """The name, numbered if it is taken: "en", "en-2"."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}{between}{number}"
    return free
