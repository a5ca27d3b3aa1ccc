"""Keeps the search index up to date: each service that changes an indexed text calls it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Exists, OuterRef

from clipset.database.transactions import batch_job
from clipset.lib.words import words_of
from videos.fulltext import category_token, uploader_token
from videos.models import Caption, CaptionWords, SearchDocument, Video
from videos.models.search import VERSION
from videos.services.caption_words import (
    captions_without_words,
    fold_captions,
    words_of_captions,
)
from videos.services.search_changes import apply_changes, apply_waiting_changes, rebuild_engine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.db.models import QuerySet

BATCH: Final = 50  # videos in one transaction
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DERIVED: Final = (
    "version",
    "uploader_id",
    "category_id",
    "title",
    "description",
    "spoken",
    "words",
)


def index_video(video_id: UUID) -> None:
    """Updates the search document of a video from its rows, in the caller's transaction.

    Call it when a video is published and after each change of its captions, whose words
    videos.services.caption_words has folded before; after other changes call `index_details`.
    Deleting a video and renaming a member or category need no call. It does nothing for a video
    that is gone.
    """
    index_videos([video_id])


def index_details(video_id: UUID) -> None:
    """Updates the search document after a change of title, description, category or visibility,
    keeping the words of the captions that it holds. In the caller's transaction."""
    index_videos([video_id], keep_spoken=True)


@transaction.atomic
def index_videos(video_ids: Iterable[UUID], *, keep_spoken: bool = False) -> None:
    """Updates the search documents of videos. `keep_spoken`: without reading the captions."""
    # Locked first, so that of two changes at once the later one reads what the other stored. With
    # no_key, since both may have added a caption, whose foreign key would make each wait for the
    # other.
    locked = Video.objects.select_for_update(no_key=True).filter(pk__in=list(video_ids))
    videos = {video.pk: video for video in locked.order_by("pk")}
    stored = {
        document.video_id: document
        for document in SearchDocument.objects.filter(video__in=videos.keys())
    }
    changed = [document.pk for document in stored.values()]
    new = []
    for pk, video in videos.items():
        document = stored.get(pk)
        if not video.is_published:
            continue
        kept = document.spoken if document and keep_spoken else None
        made = document_of(video, words_of_captions(pk) if kept is None else kept)
        if document is None:
            new.append(made)
        else:
            _update(document, made)
            del stored[pk]
    SearchDocument.objects.filter(pk__in=[document.pk for document in stored.values()]).delete()
    apply_changes(changed + _insert(new))


@batch_job("rebuild_search")
def rebuild_search(*, missing_only: bool = False) -> int:
    """Rebuilds all search documents, or those that are missing or of an older version, while the
    site runs. Returns how many videos were checked."""
    index_missing_captions()
    published = Video.objects.published()
    if missing_only:
        current = SearchDocument.objects.filter(video=OuterRef("pk"), version=VERSION)
        published = published.filter(~Exists(current))
    else:
        rebuild_engine()
        SearchDocument.objects.exclude(video__in=published).delete()
    done = 0
    last: UUID | None = None
    while batch := _after(published, last):
        index_videos(batch)
        done, last = done + len(batch), batch[-1]
    apply_waiting_changes()
    return done


def _after(published: QuerySet[Video], last: UUID | None) -> list[UUID]:
    """The keys of the next BATCH videos."""
    following = published if last is None else published.filter(pk__gt=last)
    return list(following.order_by("pk").values_list("pk", flat=True)[:BATCH])


def index_captions(video_id: UUID) -> None:
    """Indexes the captions of a video that was just published, after that transaction, since
    folding and writing them takes long. If the process ends before, the sweep does it
    (`index_missing_captions`)."""
    tracks = Caption.objects.present().filter(video=video_id, pk__in=captions_without_words())
    words = [(track.pk, fold_captions(track.body)) for track in tracks.iterator(chunk_size=8)]
    if not words:
        return
    with transaction.atomic():
        # Some may have been deleted for good meanwhile.
        locked = Caption.objects.select_for_update().filter(pk__in=[pk for pk, _ in words])
        existing = set(locked.values_list("pk", flat=True))
        CaptionWords.objects.bulk_create(
            (CaptionWords(caption_id=pk, words=folded) for pk, folded in words if pk in existing),
            ignore_conflicts=True,
        )
        index_video(video_id)


def index_missing_captions() -> int:
    """Indexes captions that an older version stored, or whose worker was killed before. Returns how
    many."""
    missing = captions_without_words()
    for pk in missing:
        track = Caption.objects.filter(pk=pk).first()
        words = fold_captions(track.body) if track else ""
        with transaction.atomic():
            # It may have been deleted for good meanwhile.
            locked = Caption.objects.select_for_update().only("video").filter(pk=pk).first()
            if locked is not None:
                CaptionWords.objects.get_or_create(caption_id=pk, defaults={"words": words})
                index_video(locked.video_id)
    return len(missing)


def document_of(video: Video, spoken: str) -> SearchDocument:
    """The search document of a published video, unsaved. `spoken` are the folded words of its
    captions, with spaces between."""
    title, description = words_of(video.title), words_of(video.description or "")
    tokens = [uploader_token(video.uploaded_by_id)]
    if video.category_id:
        tokens.append(category_token(video.category_id))
    words = {*title, *description, *spoken.split(), *tokens}
    return SearchDocument(
        id=(video.created_at - _EPOCH) // timedelta(microseconds=1),
        video=video,
        version=VERSION,
        uploader_id=video.uploaded_by_id,
        category_id=video.category_id,
        title=_spaced(title),
        description=_spaced(description),
        spoken=spoken,
        words=" ".join(sorted(words)),
    )


def _spaced(words: list[str]) -> str:
    """The words with a space around each, so that a whole word can be found in the text."""
    return f" {' '.join(words)} "


def _update(document: SearchDocument, made: SearchDocument) -> None:
    """Stores the fields that differ."""
    names = [name for name in _DERIVED if getattr(document, name) != getattr(made, name)]
    for name in names:
        setattr(document, name, getattr(made, name))
    if names:
        document.save(update_fields=names)


def _insert(documents: list[SearchDocument]) -> list[int]:
    """Stores documents. A key that another video has is counted up by one. Returns the keys."""
    keys = list[int]()
    while documents:
        SearchDocument.objects.bulk_create(documents, ignore_conflicts=True)
        videos = [document.video_id for document in documents]
        stored = dict(SearchDocument.objects.filter(video__in=videos).values_list("video_id", "pk"))
        keys += stored.values()
        documents = [document for document in documents if document.video_id not in stored]
        for document in documents:
            document.pk += 1
    return keys
