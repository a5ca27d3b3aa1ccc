"""Checks for renditions whose files differ from their rows, or that browsers cannot play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Sum

from siteconfig.doctor import Finding, Look
from videos.doctor.mending import (
    each_of,
    is_missing,
    make_again,
    move_aside,
    refuse_during_backup,
)
from videos.models import Rendition, RenditionLayout, Video
from videos.services.processing.options import transcode_options
from videos.services.stored_files import StoredFile
from videos.transcode.errors import NotFragmentedError, ProcessingError, SourceError
from videos.transcode.fragments import describe, read_index
from videos.transcode.probe import probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from siteconfig.services.doctor_log import Journal

# Without --deep, only the indexes of so many of the newest renditions are read (some ms each).
MAX_INDEXES: Final = 2_000
MAX_DIFFERENCE_SECONDS: Final = 1.0
WHY: Final = "The doctor found it damaged."
REPLACE: Final = "Set the file aside and let a worker make this rendition again."
TAKE_SIZE: Final = "Store the size of the file, which is complete."


def find_wrong_sizes(look: Look) -> Iterator[Finding]:
    """Finds files that are larger or smaller than their rows say."""
    for rendition in each_of(_settled()):
        look.tick()
        size = _size(rendition)
        if size is None or size == rendition.size_bytes:
            continue
        sentence = (
            f"{_name(rendition)} has {size:,} bytes, but its row says {rendition.size_bytes:,}."
        )
        if _why_unsound(rendition, is_deep=True, look=look):
            sentence += " It is damaged."
            yield _finding("sizes", sentence, rendition)
        else:
            facts = {"rendition": rendition.pk, "size": size}
            yield Finding("sizes", sentence, _subject(rendition), TAKE_SIZE, facts)


def find_broken(look: Look) -> Iterator[Finding]:
    """Finds files of the right size without an index or, with --deep, that are incomplete."""
    for rendition in each_of(_settled(), newest=None if look.is_deep else MAX_INDEXES):
        look.tick()
        if _size(rendition) != rendition.size_bytes:
            continue  # missing, or reported by find_wrong_sizes
        if problem := _why_unsound(rendition, is_deep=look.is_deep, look=look):
            sentence = f"{_name(rendition)} cannot be played: {problem}."
            yield _finding("renditions", sentence, rendition)


def mend_size(finding: Finding, journal: Journal) -> None:
    if "size" not in finding.facts:
        mend_broken(finding, journal)
        return
    rendition = _renditions().get(pk=finding.facts["rendition"])
    with transaction.atomic():
        video = Video.objects.select_for_update().get(pk=rendition.video_id)
        is_ordinary = describe(rendition.path).is_finalised
        layout = RenditionLayout.ORDINARY if is_ordinary else RenditionLayout.FRAGMENTED
        journal.change_row(rendition, size_bytes=_size(rendition), layout=layout)
        stored = Rendition.objects.filter(video=video).aggregate(sum=Sum("size_bytes"))["sum"]
        journal.change_row(video, stored_bytes=stored)


def mend_broken(finding: Finding, journal: Journal) -> None:
    refuse_during_backup()
    rendition = _renditions().get(pk=finding.facts["rendition"])
    # The finding may be hours old.
    is_there = _size(rendition) == rendition.size_bytes
    if is_there and not _why_unsound(rendition, is_deep=True, look=Look()):
        return
    video_id = rendition.video_id
    file = StoredFile(rendition.root, rendition.filename)
    make_again(rendition, journal)
    # The file comes last: after a crash in between, no row names it, and it is set aside later.
    move_aside(file, journal, why=WHY, video_id=video_id)


def _finding(check: str, sentence: str, rendition: Rendition) -> Finding:
    """Builds a finding. The largest rendition cannot be made again, so it has no repair."""
    is_main = rendition.filename == rendition.video.filename
    if is_main:
        sentence += " Restore the file from a backup."
    mend = None if is_main else REPLACE
    return Finding(check, sentence, _subject(rendition), mend, {"rendition": rendition.pk})


def _renditions() -> QuerySet[Rendition]:
    complete = Rendition.objects.filter(is_complete=True)
    return complete.select_related("video").order_by("pk")


def _settled() -> QuerySet[Rendition]:
    """Those whose file is not being finalised, so that its size is known."""
    return _renditions().exclude(layout=RenditionLayout.FINALISING)


def _size(rendition: Rendition) -> int | None:
    file = StoredFile(rendition.root, rendition.filename)
    return None if is_missing(file) else rendition.path.stat().st_size


def _why_unsound(rendition: Rendition, *, is_deep: bool, look: Look) -> str:
    """Returns what is wrong with a file; "" if nothing is."""
    path = rendition.path
    try:
        describe(path)
        with path.open("rb") as file:
            seconds = float(read_index(file).duration)
        if abs(seconds - rendition.duration_seconds) > MAX_DIFFERENCE_SECONDS:
            return f"it lasts {seconds:.1f} s instead of {rendition.duration_seconds:.1f} s"
        if is_deep:
            options = transcode_options(accepted=("mp4",))
            info = probe(
                path, options=options, tick=lambda _progress: look.tick(), reads_frames=False
            )
            if not info.whole or info.video is None:
                return "it is incomplete"
    except SourceError:
        return "it is incomplete"
    except NotFragmentedError:
        return "it has no fragment index"
    except (ProcessingError, OSError) as error:
        return str(error).rstrip(".")
    return ""


def _name(rendition: Rendition) -> str:
    return f"The rendition {rendition.name} of the video {rendition.video.short_id}"


def _subject(rendition: Rendition) -> str:
    return f"{rendition.root}/{rendition.filename}"
