"""Keeps the index of the search right: whoever changes what it holds calls `index_video`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from clipset.lib.words import words_of
from videos.fulltext import category_token, uploader_token
from videos.models import Caption, SearchDocument, Video
from videos.models.search import VERSION
from videos.transcode.spoken import spoken_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

BATCH: Final = 200  # videos in one transaction
# Different words of the captions of one video; a dictionary read aloud is no film.
MAX_CAPTION_WORDS: Final = 20_000
# And bytes of them: above 1 MiB of words PostgreSQL makes a tsvector that is wrong, without a word.
MAX_CAPTION_BYTES: Final = 900_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARED: Final = ("version", "uploader_id", "category_id", "title", "description", "words")


def index_video(video_id: UUID) -> None:
    """Brings what a search sees of a video to what is stored of it, in the caller's transaction.

    To be called after each change of its title, description, category or captions, and when it is
    published, hidden or shown. Its deletion, and new names of members and categories, need
    nothing. Harmless for a video that is gone, and twice.
    """
    index_videos([video_id])


@transaction.atomic
def index_videos(video_ids: Iterable[UUID]) -> None:
    # Locked first, so that of two changes at once the later one reads what the other stored; not
    # against keys, since both may have added a caption, whose key would make each wait for the
    # other.
    locked = Video.objects.select_for_update(no_key=True).filter(pk__in=list(video_ids))
    videos = {video.pk: video for video in locked.order_by("pk")}
    stored = {
        document.video_id: document
        for document in SearchDocument.objects.filter(video__in=videos.keys())
    }
    texts = _captions_of(videos.keys())
    made = {
        pk: document_of(video, texts.get(pk, []))
        for pk, video in videos.items()
        if video.is_ready and not video.is_hidden
    }
    same = {pk for pk in made if pk in stored and _is_same(stored[pk], made[pk])}
    stale = [document.pk for pk, document in stored.items() if pk not in same]
    SearchDocument.objects.filter(pk__in=stale).delete()
    _insert([document for pk, document in made.items() if pk not in same])


def rebuild_search(*, missing_only: bool = False) -> int:
    """Makes the rows of the index anew, or those that are missing or of an older version, while
    the site runs. Returns how many videos were looked at."""
    published = Video.objects.published()
    if missing_only:
        current = SearchDocument.objects.filter(video=OuterRef("pk"), version=VERSION)
        published = published.filter(~Exists(current))
    else:
        _repair_engine()
        SearchDocument.objects.exclude(video__in=published).delete()
    done = 0
    last: UUID | None = None
    while True:
        after = published if last is None else published.filter(pk__gt=last)
        batch = list(after.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not batch:
            return done
        index_videos(batch)
        done, last = done + len(batch), batch[-1]


def _repair_engine() -> None:
    """FTS5 reads all rows once more; PostgreSQL's index is the database's own business."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO video_search (video_search) VALUES ('rebuild')")


def _captions_of(video_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    texts: dict[UUID, list[str]] = {}
    captions = Caption.objects.filter(video__in=video_ids).order_by("pk")
    for video_id, body in captions.values_list("video_id", "body"):
        texts.setdefault(video_id, []).append(spoken_text(body))
    return texts


def document_of(video: Video, captions: list[str]) -> SearchDocument:
    """What a search is to see of a published video, unsaved; `captions` are plain texts."""
    title, description = words_of(video.title), words_of(video.description or "")
    spoken = _first_of(dict.fromkeys(word for text in captions for word in words_of(text)))
    tokens = [uploader_token(video.uploaded_by_id)]
    if video.category_id:
        tokens.append(category_token(video.category_id))
    words = {*title, *description, *spoken, *tokens}
    return SearchDocument(
        id=(video.created_at - _EPOCH) // timedelta(microseconds=1),
        video=video,
        version=VERSION,
        uploader_id=video.uploaded_by_id,
        category_id=video.category_id,
        title=_spaced(title),
        description=_spaced(description),
        words=" ".join(sorted(words)),
    )


def _first_of(words: Iterable[str]) -> list[str]:
    """As many as the index takes."""
    kept = list(words)[:MAX_CAPTION_WORDS]
    sizes = accumulate(len(word.encode()) for word in kept)
    return kept[: sum(size <= MAX_CAPTION_BYTES for size in sizes)]


def _spaced(words: list[str]) -> str:
    return f" {' '.join(words)} "


def _is_same(stored: SearchDocument, made: SearchDocument) -> bool:
    return all(getattr(stored, name) == getattr(made, name) for name in _COMPARED)


def _insert(documents: list[SearchDocument]) -> None:
    """Where the microsecond is taken by another video, the next one."""
    while documents:
        SearchDocument.objects.bulk_create(documents, ignore_conflicts=True)
        videos = [document.video_id for document in documents]
        stored = set(
            SearchDocument.objects.filter(video__in=videos).values_list("video_id", flat=True)
        )
        documents = [document for document in documents if document.video_id not in stored]
        for document in documents:
            document.pk += 1
