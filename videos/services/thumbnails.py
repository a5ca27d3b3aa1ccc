"""The picture of a video: another moment of it, or one that is sent."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction

from clipset.lib.disk import is_disk_away, is_disk_full
from clipset.lib.durable import sync
from clipset.lib.pictures import fitted_jpeg, storing_picture, write_whole
from clipset.lib.units import clock
from clipset.workers.stopping import is_stopping
from clipset.workers.task_queue import enqueue
from siteconfig.roots import (
    TEMP,
    THUMBNAILS,
    checked_root,
)
from videos.models import RemovalReason, Video
from videos.services.files import take_back
from videos.services.processing.disk_faults import is_unreadable
from videos.services.processing.options import transcode_options
from videos.services.removals import request_removals
from videos.services.small_thumbnails import ask_for_small_thumbnail
from videos.services.stored_files import StoredFile
from videos.transcode.errors import CancelledError, DiskFullError, KilledBySignalError
from videos.transcode.ladder import fit
from videos.transcode.pipeline import make_thumbnail
from videos.transcode.probe import probe

if TYPE_CHECKING:
    from uuid import UUID

    from videos.transcode.types import Progress

logger = logging.getLogger(__name__)

NOT_READY: Final = "You can change the thumbnail once the video is ready."
MAX_AT_A_TIME: Final = 10


def choose_moment(*, video: Video, seconds: float) -> Video:
    """Has a worker take the picture of another moment. Raises ValidationError, and
    Video.DoesNotExist when it was deleted meanwhile."""
    if not video.is_ready or video.duration_seconds is None:
        raise ValidationError(NOT_READY)
    if not 0 <= seconds <= video.duration_seconds:
        raise ValidationError(f"The video is only {clock(video.duration_seconds)} long.")
    with transaction.atomic():
        # In the row, so that it is not lost with a worker.
        if not Video.objects.filter(pk=video.pk).update(thumbnail_wanted_at=seconds):
            raise Video.DoesNotExist
        _ask_for(video.pk)
    video.thumbnail_wanted_at = seconds
    return video


def use_picture(*, video: Video, picture: IO[bytes], member: UUID | None = None) -> Video:
    """Makes a picture that `member` uploaded the video's thumbnail, cut to the shape of the video.
    A moment that was chosen before is forgotten. Slow: not to be called in a transaction.

    Raises: PictureError, also when it cannot be stored; ValidationError; Video.DoesNotExist when
    the video was deleted meanwhile.
    """
    if not video.is_ready or not video.width or not video.height:
        raise ValidationError(NOT_READY)
    side = transcode_options().thumbnail_long_side
    size = fit(video.width, video.height, short=side, long=side)
    jpeg = fitted_jpeg(picture, size, member=member)
    with storing_picture():
        is_used = _use(video.pk, jpeg)
    if not is_used:
        raise Video.DoesNotExist
    video.refresh_from_db()
    return video


def make_chosen_thumbnail(video_id: UUID) -> bool:
    """In a worker: the picture of the moment that was chosen last. False when there is nothing to
    do, no picture could be had, or that has to be tried again, which the row keeps asking for."""
    video = Video.objects.filter(pk=video_id, thumbnail_wanted_at__isnull=False).first()
    if video is None:
        return False
    wanted = video.thumbnail_wanted_at
    try:
        jpeg = _frame(video)
        if jpeg is not None and _use(video_id, jpeg, wanted=wanted):
            return True
    except Exception as error:
        if _passes(error) or is_unreadable(video.storage_root, video.file_path):
            logger.warning("the picture of video %s has to wait: %s", video.short_id, error)
            return False
        # Not for ever: the next time would end like this one.
        logger.exception("no picture of video %s at %s s", video.short_id, wanted)
    # Another moment may have been chosen meanwhile; that one has a worker of its own.
    asked = Video.objects.filter(pk=video_id, thumbnail_wanted_at=wanted)
    asked.update(thumbnail_wanted_at=None)
    return False


def ask_for_lost_thumbnails() -> int:
    """Of moments whose worker was lost, or had to leave it. Harmless when it is only late."""
    wanted = Video.objects.filter(thumbnail_wanted_at__isnull=False)
    keys = list(wanted.values_list("pk", flat=True)[:MAX_AT_A_TIME])
    for key in keys:
        _ask_for(key)
    return len(keys)


def _ask_for(video_id: UUID) -> None:
    enqueue("videos.tasks.make_chosen_thumbnail", str(video_id))


def _frame(video: Video) -> bytes | None:
    """JPEG of the moment that is wanted; None when no frame could be had."""
    checked_root(video.storage_root)
    folder = Path(tempfile.mkdtemp(prefix="picture-", dir=checked_root(TEMP)))
    try:
        options = transcode_options(accepted=("mp4",))
        video_file, picture = video.file_path, folder / "thumbnail.jpg"
        info = probe(video_file, options=options, tick=_heed_stop)
        at = video.thumbnail_wanted_at
        if make_thumbnail(video_file, picture, info, options=options, tick=_heed_stop, at=at):
            return picture.read_bytes()
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _heed_stop(_progress: Progress) -> None:
    if is_stopping():
        raise CancelledError


def _passes(error: Exception) -> bool:
    """Whether another time may well end better, for a reason that is not in the video."""
    if is_disk_full(error) or is_disk_away(error):
        return True
    return isinstance(
        error, CancelledError | KilledBySignalError | DiskFullError | OperationalError
    )


def _use(video_id: UUID, jpeg: bytes, *, wanted: float | None = None) -> bool:
    """Makes it the video's picture. False when the video is gone or, for a moment that was
    `wanted`, something else was chosen since.

    The old file goes once the row names the new one. Of a kill in between at most a file is left
    that no row names; it goes with the video (videos.services.removing). No publishing
    worker takes it for one of its own leftovers: those are listed before the video is ready, and
    a video that is ready is never published again.
    """
    root = checked_root(THUMBNAILS)
    path = root / f"{video_id.hex}-{secrets.token_hex(6)}.jpg"
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
            ask_for_small_thumbnail(video_id)
            if video.thumbnail_filename:
                old = StoredFile(video.thumbnail_root, video.thumbnail_filename)
                request_removals([old], reason=RemovalReason.REPLACED, video_id=video_id)
        return True
    finally:
        # The row decides, not the error: a COMMIT whose answer got lost may well have counted.
        take_back(video_id, [path])
