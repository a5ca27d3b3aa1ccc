"""Small thumbnails for lists. Workers make them; requests only check whether one exists."""

from __future__ import annotations

import logging
import random
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clipset.lib.pictures import PictureError, fitted_webp, write_whole
from clipset.workers.stopping import is_stopping
from clipset.workers.task_queue import enqueue
from siteconfig.roots import THUMBNAILS, is_available, root_path
from videos.filenames import STORYBOARD
from videos.models import Video
from videos.services.stored_files import small_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

logger = logging.getLogger(__name__)

# Width and height in pixels: twice the size of most cards, for dense displays.
SMALL_SIZE: Final = (640, 360)
# The limits of one sweep.
MAX_AT_A_TIME: Final = 100
SWEEP_SECONDS: Final = 30
NAMES_IN_A_QUERY: Final = 500


def small_thumbnail(thumbnail: Path) -> Path:
    """The small version of a thumbnail, or the thumbnail itself until that is made."""
    small = small_of(thumbnail)
    return small if small.is_file() else thumbnail


def enqueue_small_thumbnail(video_id: UUID) -> None:
    """Enqueues the making of a small thumbnail, in the caller's transaction that stores a new
    thumbnail. If the task is lost, the sweep makes it."""
    enqueue("videos.tasks.make_small_thumbnail", str(video_id))


def make_small_thumbnail(video_id: UUID) -> bool:
    """Makes the small thumbnail of a video that lacks it. Called by a worker. False when there is
    nothing to do or it cannot be made now: lists then show the thumbnail itself."""
    video = Video.objects.filter(pk=video_id).first()
    path = video.thumbnail_path if video else None
    return path is not None and not small_of(path).is_file() and _make(path)


def make_missing_small_thumbnails() -> int:
    """Makes missing small thumbnails: after an upgrade, after seeding, and after lost tasks.
    Returns how many.

    Lists the folder of thumbnails once. The order is random, so that thumbnails which cannot be
    read do not keep the sweep from the others.
    """
    if not is_available(THUMBNAILS):
        return 0
    folder = root_path(THUMBNAILS)
    existing = {path.stem for path in small_of(folder / "any").parent.glob("*.webp")}
    missing = [
        path.name
        for path in folder.glob("*.jpg")
        if path.stem not in existing and not path.stem.endswith(f"-{STORYBOARD}")
    ]
    random.shuffle(missing)
    deadline, made = time.monotonic() + SWEEP_SECONDS, 0
    for name in islice(_named(missing), MAX_AT_A_TIME):
        if time.monotonic() > deadline or is_stopping():
            break
        made += _make(folder / name)
    return made


def _named(names: list[str]) -> Iterator[str]:
    """The names that a video's row has as its thumbnail. One query for NAMES_IN_A_QUERY names."""
    for start in range(0, len(names), NAMES_IN_A_QUERY):
        batch = names[start : start + NAMES_IN_A_QUERY]
        rows = Video.objects.filter(thumbnail_filename__in=batch)
        yield from rows.values_list("thumbnail_filename", flat=True)  # type: ignore[misc]


def _make(thumbnail: Path) -> bool:
    """Makes the small version of a thumbnail. False when it cannot be made, which is logged."""
    try:
        with thumbnail.open("rb") as file:
            write_whole(small_of(thumbnail), fitted_webp(file, SMALL_SIZE))
    except (OSError, PictureError) as error:
        if thumbnail.exists():
            logger.warning("lists show %s as it is: %s", thumbnail.name, error)
        return False
    return True
