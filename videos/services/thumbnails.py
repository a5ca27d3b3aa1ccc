"""Changes a video's thumbnail: to another frame of the video, or to an uploaded image."""

from __future__ import annotations

import logging
import secrets
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction

from accounts.models import Role
from clipset.lib.disk import is_disk_away, is_disk_full
from clipset.lib.durable import sync
from clipset.lib.pictures import fitted_jpeg, storing_picture, write_whole
from clipset.lib.units import clock
from clipset.lib.work_folder import clear_away
from clipset.workers.stopping import is_stopping
from clipset.workers.task_queue import enqueue
from siteconfig.roots import (
    TEMP,
    THUMBNAILS,
    checked_root,
)
from siteconfig.services.audit import record_by_staff
from videos.enums import AUTOMATIC_FRAME
from videos.filenames import VERSION_CHARACTERS, published_stem
from videos.models import RemovalReason, Video
from videos.services.audit import record_on_video
from videos.services.files import remove_unpublished
from videos.services.processing.disk_faults import is_unreadable
from videos.services.processing.options import transcode_options
from videos.services.removals import request_removals
from videos.services.small_thumbnails import enqueue_small_thumbnail
from videos.services.stored_files import StoredFile
from videos.transcode.errors import CancelledError, DiskFullError, KilledBySignalError
from videos.transcode.ladder import fit
from videos.transcode.probe import probe
from videos.transcode.thumbnail import frame_near, make_thumbnail

if TYPE_CHECKING:
    from uuid import UUID

    from videos.transcode.types import Options, Progress

logger = logging.getLogger(__name__)

NOT_READY: Final = "You can change the thumbnail once the video is ready."
MAX_AT_A_TIME: Final = 10  # tasks that one sweep enqueues


def choose_thumbnail_frame(*, video: Video, seconds: float) -> Video:
    """Has a worker make the thumbnail from the frame at `seconds`.

    Raises: ValidationError; Video.DoesNotExist when the video was deleted meanwhile.
    """
    if not video.is_ready or video.duration_seconds is None:
        raise ValidationError(NOT_READY)
    if not 0 <= seconds <= video.duration_seconds:
        raise ValidationError(f"The video is only {clock(video.duration_seconds)} long.")
    with transaction.atomic():
        # Stored in the row, so that a killed worker does not lose it.
        if not Video.objects.filter(pk=video.pk).update(thumbnail_wanted_at=seconds):
            raise Video.DoesNotExist
        record_on_video("video.thumbnail", video, after={"seconds": seconds})
        _enqueue(video.pk)
    video.thumbnail_wanted_at = seconds
    return video


def reset_thumbnail(*, video: Video) -> Video:
    """Has a worker make the thumbnail from the frame that is right for most videos.

    Raises: ValidationError; Video.DoesNotExist when the video was deleted meanwhile.
    """
    if not video.is_ready:
        raise ValidationError(NOT_READY)
    with transaction.atomic():
        found = Video.objects.select_for_update(of=("self",)).select_related("uploaded_by")
        current = found.get(pk=video.pk)
        before = current.thumbnail_wanted_at
        Video.objects.filter(pk=video.pk).update(thumbnail_wanted_at=AUTOMATIC_FRAME)
        _enqueue(video.pk)
        record_by_staff(
            "video.reset_thumbnail",
            current,
            owner=current.uploaded_by_id,
            rank=Role(current.uploaded_by.role).rank,
            before={"thumbnail_wanted_at": before},
            after={"thumbnail_wanted_at": AUTOMATIC_FRAME},
        )
    video.thumbnail_wanted_at = AUTOMATIC_FRAME
    return video


def set_uploaded_thumbnail(
    *, video: Video, picture: IO[bytes], member: UUID | None = None
) -> Video:
    """Stores an image that `member` uploaded as the thumbnail, cut to the shape of the video. A
    frame that was chosen before is dropped. Slow: do not call it in a transaction.

    Raises: PictureError for an image that cannot be read or stored; ValidationError;
    Video.DoesNotExist when the video was deleted meanwhile.
    """
    if not video.is_ready or not video.width or not video.height:
        raise ValidationError(NOT_READY)
    side = transcode_options().thumbnail_long_side
    size = fit(video.width, video.height, short=side, long=side)
    jpeg = fitted_jpeg(picture, size, member=member)
    with storing_picture():
        is_stored = _store(video.pk, jpeg)
    if not is_stored:
        raise Video.DoesNotExist
    video.refresh_from_db()
    return video


def make_first_thumbnail(video: Video) -> None:
    """Makes the thumbnail of a video that a worker has just published. Never raises.

    If it fails for now, or the process ends before, the row keeps the wish for it.
    """
    try:
        make_chosen_thumbnail(video.pk)
    except Exception:
        logger.exception("video %s has no thumbnail yet", video.short_id)


def make_chosen_thumbnail(video_id: UUID) -> bool:
    """Makes the thumbnail from the frame that was chosen last, or from the one that is right for
    most videos (AUTOMATIC_FRAME). Called by a worker.

    False when none is chosen, when there is no frame, or when it has to be tried again: the row
    keeps the choice then.
    """
    video = Video.objects.filter(pk=video_id, thumbnail_wanted_at__isnull=False).first()
    if video is None:
        return False
    wanted = video.thumbnail_wanted_at
    try:
        jpeg = _frame(video)
        if jpeg is not None and _store(video_id, jpeg, wanted=wanted):
            return True
    except Exception as error:
        if _is_temporary(error) or is_unreadable(video.storage_root, video.file_path):
            logger.warning("the thumbnail of video %s has to wait: %s", video.short_id, error)
            return False
        # Given up: another try would end in the same way.
        logger.exception("no frame of video %s at %s s", video.short_id, wanted)
    # Another frame may have been chosen meanwhile, which has a task of its own.
    unchanged = Video.objects.filter(pk=video_id, thumbnail_wanted_at=wanted)
    unchanged.update(thumbnail_wanted_at=None)
    return False


def enqueue_lost_thumbnails() -> int:
    """Enqueues tasks for thumbnails that are wanted and whose task was lost or given up for now, or
    whose worker ended after it had published the video. Returns how many. A second task for the
    same frame does no harm."""
    wanted = Video.objects.filter(thumbnail_wanted_at__isnull=False)
    keys = list(wanted.values_list("pk", flat=True)[:MAX_AT_A_TIME])
    for key in keys:
        _enqueue(key)
    return len(keys)


def _enqueue(video_id: UUID) -> None:
    enqueue("videos.tasks.make_chosen_thumbnail", str(video_id))


def _frame(video: Video) -> bytes | None:
    """The chosen frame as JPEG; None when there is no frame. Raises: what FFmpeg's commands
    raise."""
    checked_root(video.storage_root)
    folder = Path(tempfile.mkdtemp(prefix="picture-", dir=checked_root(TEMP)))
    try:
        options = transcode_options(accepted=("mp4",))
        picture = folder / "thumbnail.jpg"
        is_made = make_thumbnail(
            video.file_path,
            picture,
            size=(video.width or 0, video.height or 0),
            seconds=video.duration_seconds or 0,
            options=options,
            tick=_stop_if_asked,
            at=_moment(video, options),
        )
        return picture.read_bytes() if is_made else None
    finally:
        clear_away(folder)


def _moment(video: Video, options: Options) -> float | None:
    """The time of the chosen frame in seconds; None for the one that is right for most videos."""
    at = video.thumbnail_wanted_at
    if at is None or at == AUTOMATIC_FRAME:
        return None
    info = probe(video.file_path, options=options, tick=_stop_if_asked, reads_frames=False)
    return frame_near(at, info.video) if info.video else None


def _stop_if_asked(_progress: Progress) -> None:
    if is_stopping():
        raise CancelledError


def _is_temporary(error: Exception) -> bool:
    """Whether another try may succeed, since the reason is not in the video."""
    if is_disk_full(error) or is_disk_away(error):
        return True
    return isinstance(
        error, CancelledError | KilledBySignalError | DiskFullError | OperationalError
    )


def _store(video_id: UUID, jpeg: bytes, *, wanted: float | None = None) -> bool:
    """Stores the JPEG as the video's thumbnail. False when the video is gone or, for a frame that
    was chosen at `wanted` seconds, another choice was made since.

    The old file is removed after the row names the new one. A kill in between leaves at most a file
    that no row names, which is removed with the video (videos.services.removing). No publishing
    worker takes it for one of its own files: those are listed before the video is ready, and a
    video that is ready is never published again.
    """
    root = checked_root(THUMBNAILS)
    path = root / f"{published_stem(video_id, secrets.token_hex(VERSION_CHARACTERS // 2))}.jpg"
    rows = Video.objects.filter(pk=video_id)
    if wanted is not None:
        rows = rows.filter(thumbnail_wanted_at=wanted)
    try:
        write_whole(path, jpeg)
        sync(root)
        with transaction.atomic():
            video = rows.select_for_update().first()
            if video is None:
                return False
            Video.objects.filter(pk=video_id).update(
                thumbnail_filename=path.name, thumbnail_root=THUMBNAILS, thumbnail_wanted_at=None
            )
            enqueue_small_thumbnail(video_id)
            if video.thumbnail_filename:
                old = StoredFile(video.thumbnail_root, video.thumbnail_filename)
                request_removals([old], reason=RemovalReason.REPLACED, video_id=video_id)
            if wanted is None:  # else choosing the frame was recorded
                record_on_video("video.thumbnail", video, after={"seconds": None})
        return True
    finally:
        # The row decides, not the error: a COMMIT may have succeeded although its answer was lost.
        remove_unpublished(video_id, [path])
