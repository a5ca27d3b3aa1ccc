"""Checks that the search index matches the videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, OuterRef

from clipset.lib.units import plural
from siteconfig.doctor import Finding, Look
from videos.doctor.mending import each_of, log_rerun
from videos.models import SearchChange, SearchDocument, Video
from videos.models.search import VERSION
from videos.services.search_index import document_of, index_videos, rebuild_search

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

    from siteconfig.services.doctor_log import Journal

# Without --deep, only so many of the newest documents are compared.
MAX_COMPARED: Final = 2_000
INDEX: Final = "index"
BATCH: Final = 50
AGAIN: Final = "Index these videos again."


def find_wrong_documents(look: Look) -> Iterator[Finding]:
    """Finds differences between videos and the search index.

    These are published videos without a current document, documents of videos that are not
    published, documents that differ from their video, and a damaged full-text index.
    """
    missing, unwanted = _lacking().count(), _unwanted().count()
    if missing:
        sentence = f"{plural(missing, 'published video')} missing from the search index."
        yield Finding("search", sentence, "missing", AGAIN)
    if unwanted:
        sentence = f"The search index has {plural(unwanted, 'video')} that members may not see."
        yield Finding("search", sentence, "unwanted", AGAIN)
    if stale := _stale(look):
        sentence = f"The search index is outdated for {plural(len(stale), 'video')}."
        facts = {"videos": [str(pk) for pk in stale]}
        yield Finding("search", sentence, "stale", AGAIN, facts)
    if not _is_engine_whole(look):
        sentence = "The full-text index is damaged or incomplete."
        yield Finding("search", sentence, INDEX, "Rebuild it, as manage.py rebuild_search does.")


def mend_documents(finding: Finding, journal: Journal) -> None:
    """Indexes videos again. Nothing needs to be undone, since the index follows from the rows."""
    if finding.subject == INDEX:
        log_rerun("the search index was rebuilt", journal)
        rebuild_search()
        return
    if finding.subject == "missing":
        videos = list(_lacking().values_list("pk", flat=True))
    elif finding.subject == "unwanted":
        videos = list(_unwanted().values_list("video", flat=True))
    else:
        videos = list(finding.facts["videos"])
    log_rerun(f"{plural(len(videos), 'video')} indexed again", journal)
    _index(videos)


def _index(videos: Sequence[UUID | str]) -> None:
    for start in range(0, len(videos), BATCH):
        index_videos(list(videos[start : start + BATCH]))  # type: ignore[arg-type]


def _lacking() -> QuerySet[Video]:
    current = SearchDocument.objects.filter(video=OuterRef("pk"), version=VERSION)
    return Video.objects.published().filter(~Exists(current)).order_by("pk")


def _unwanted() -> QuerySet[SearchDocument]:
    return SearchDocument.objects.exclude(video__in=Video.objects.published())


def _stale(look: Look) -> list[UUID]:
    """Returns videos whose title, description, category or uploader differs from the index.

    Captions are not compared.
    """
    found = []
    documents = SearchDocument.objects.filter(version=VERSION, video__in=Video.objects.published())
    newest = None if look.is_deep else MAX_COMPARED
    for document in each_of(documents.select_related("video"), newest=newest):
        look.tick()
        made = document_of(document.video, document.spoken or "")
        names = ("title", "description", "category_id", "uploader_id")
        if any(getattr(made, name) != getattr(document, name) for name in names):
            found.append(document.video_id)
    return found


def _is_engine_whole(look: Look) -> bool:
    """Returns whether SQLite's FTS5 index is consistent; True for other databases.

    Not checked while changes wait to be indexed, which takes up to a minute; and without --deep not
    for more than MAX_COMPARED documents, since the check blocks other writers.
    """
    if connection.vendor != "sqlite" or SearchChange.objects.exists():
        return True
    if not look.is_deep and SearchDocument.objects.count() > MAX_COMPARED:
        return True
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO video_search (video_search, rank) VALUES ('integrity-check', 1)"
            )
    except DatabaseError as error:
        if "locked" in str(error):
            raise
        return False
    return True
