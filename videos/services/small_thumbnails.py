"""Small thumbnails for lists. Workers make them; a request only looks whether there is one."""

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

# Width and height in px: twice the size of most cards.
SMALL_SIZE: Final = (640, 360)
# What one sweep makes at most, and how long it goes on.
MAX_AT_A_TIME: Final = 100
SWEEP_SECONDS: Final = 30
NAMES_IN_A_QUERY: Final = 500


def small_thumbnail(thumbnail: Path) -> Path:
    """The small one of a thumbnail; the thumbnail itself where there is none (yet)."""
    small = small_of(thumbnail)
    return small if small.is_file() else thumbnail


def enqueue_small_thumbnail(video_id: UUID) -> None:
    """Has a worker make it, once the caller's transaction that names a new thumbnail is committed.
    Where that gets lost, the sweep makes it."""
    enqueue("videos.tasks.make_small_thumbnail", str(video_id))


def make_small_thumbnail(video_id: UUID) -> bool:
    """In a worker: makes the small thumbnail of a video that lacks it. False when there is nothing
    to do, or it can't be made now: lists then show the thumbnail itself."""
    video = Video.objects.filter(pk=video_id).first()
    path = video.thumbnail_path if video else None
    return path is not None and not small_of(path).is_file() and _make(path)


def make_missing_small_thumbnails() -> int:
    """Makes small thumbnails that are missing: those of a site that was upgraded or seeded, and
    what a lost worker left out. Returns how many.

    Reads the names of the folder of thumbnails once. In random order, so that thumbnails that
    can't be read don't keep the others from their turn.
    """
    if not is_available(THUMBNAILS):
        return 0
    folder = root_path(THUMBNAILS)
    there = {path.stem for path in small_of(folder / "any").parent.glob("*.webp")}
    missing = [
        path.name
        for path in folder.glob("*.jpg")
        if path.stem not in there and not path.stem.endswith(f"-{STORYBOARD}")
    ]
    random.shuffle(missing)
    deadline, made = time.monotonic() + SWEEP_SECONDS, 0
    for name in islice(_named(missing), MAX_AT_A_TIME):
        if time.monotonic() > deadline or is_stopping():
            break
        made += _make(folder / name)
    return made


def _named(names: list[str]) -> Iterator[str]:
    """Those that are a video's thumbnail. One query for each NAMES_IN_A_QUERY."""
    for start in range(0, len(names), NAMES_IN_A_QUERY):
        batch = names[start : start + NAMES_IN_A_QUERY]
        rows = Video.objects.filter(thumbnail_filename__in=batch)
        yield from rows.values_list("thumbnail_filename", flat=True)  # type: ignore[misc]


def _make(thumbnail: Path) -> bool:
    try:
        with thumbnail.open("rb") as file:
            write_whole(small_of(thumbnail), fitted_webp(file, SMALL_SIZE))
    except (OSError, PictureError) as error:
        if thumbnail.exists():
            logger.warning("lists show %s as it is: %s", thumbnail.name, error)
        return False
    return True
