"""Deletes many videos and members in batches, so that no request waits for the database.

They are marked first: videos by a row of `video_deletions`, members by `deleting_since`. A worker
then deletes a few hundred rows in each transaction, for a few seconds in each task, until nothing
is marked. The sweep of every minute resumes where a killed worker stopped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction
from django.db.models import DateTimeField, UUIDField, Value
from django.utils import timezone

from accounts.models import User
from accounts.services.members import delete_some_rows_of
from clipset.workers.task_queue import enqueue, waiting_task_count
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.services.audit import record_many_by_staff
from videos.models import Job, Video, VideoDeletion
from videos.services.audit import acts_on_videos

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.db.models import QuerySet

MAX_BATCH: Final = 100  # videos in a transaction
MAX_SECONDS: Final = 2.0
# Videos that one transaction marks. Marking 100,000 at once took 200 ms of CPU time.
MAX_MARKED: Final = 20_000
FORMER: Final = "a former member"


def request_deletions(*, videos: QuerySet[Video], requested_by: User) -> int:
    """Marks videos for deletion by a worker. A hundred thousand take a second, in several short
    transactions. Returns how many were marked."""
    chosen = (
        Video.objects.filter(pk__in=videos.order_by().values("pk"), deletion=None)
        .order_by()
        .annotate(
            at=Value(timezone.now(), output_field=DateTimeField()),
            by=Value(requested_by.pk, output_field=UUIDField()),
        )
        .values_list("pk", "at", "by")
    )
    select, params = chosen[:MAX_MARKED].query.sql_with_params()
    marked = 0
    while number := _mark(select, params):
        marked += number
    return marked


def _mark(select: str, params: Sequence[Any]) -> int:
    """Inserts the selected marks. Returns how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO video_deletions (video_id, requested_at, requested_by_id) "
            f"{select} ON CONFLICT DO NOTHING",  # the ORM's own SQL, with parameters
            params,
        )
        return int(cursor.rowcount)


def enqueue_deletions() -> None:
    """Enqueues a task if anything is marked and the queue is empty."""
    if _is_anything_marked() and not waiting_task_count():
        enqueue("videos.tasks.delete_marked_rows")


def delete_marked_rows(*, seconds: float = MAX_SECONDS) -> int:
    """Deletes marked videos and members for a while; another task, at the end of the queue, does
    the rest. Called by a worker. Returns how many rows."""
    deadline = time.monotonic() + seconds
    deleted = 0
    while batch := _delete_batch():
        deleted += batch
        if time.monotonic() > deadline:
            enqueue("videos.tasks.delete_marked_rows")
            break
    return deleted


def _is_anything_marked() -> bool:
    return VideoDeletion.objects.exists() or _members().exists()


def _members() -> QuerySet[User]:
    return User.objects.exclude(deleting_since=None).order_by("deleting_since")


def _delete_batch() -> int:
    """Deletes up to MAX_BATCH videos, or rows of one member. Returns how many; 0 at the end."""
    marks = list(VideoDeletion.objects.order_by("requested_at", "pk")[:MAX_BATCH])
    if marks:
        return _delete_marked(marks)
    member = _members().first()
    if member is None:
        return 0
    videos = Video.objects.filter(uploaded_by=member).values_list("pk", flat=True)
    if batch := list(videos[:MAX_BATCH]):
        return _delete_videos(batch)
    with transaction.atomic():
        return delete_some_rows_of(member)


def _delete_marked(marks: list[VideoDeletion]) -> int:
    """Deletes marked videos and records each, as if the member of staff who marked it had deleted
    it now."""
    with transaction.atomic():
        for user_id in {mark.requested_by_id for mark in marks}:
            video_ids = [mark.video_id for mark in marks if mark.requested_by_id == user_id]
            actor = _staff(user_id)
            with acting(lambda: actor):  # noqa: B023 called before the next turn
                acts = acts_on_videos(Video.objects.filter(pk__in=video_ids))
                record_many_by_staff("video.delete", acts)
        return _delete_videos([mark.video_id for mark in marks])


def _staff(user_id: UUID | None) -> Actor:
    """Returns who marked videos in the admin, which only staff can; their account may be gone."""
    user = None if user_id is None else User.objects.filter(pk=user_id).first()
    name = FORMER if user is None else user.username
    return Actor(user_id, name, Source.ADMIN, is_staff=True)


def _delete_videos(video_ids: list[UUID]) -> int:
    """Deletes videos. Locks jobs before videos, as workers and videos.services.details do."""
    with transaction.atomic():
        list(Job.objects.select_for_update().filter(video__in=video_ids).values_list("pk"))
        list(Video.objects.select_for_update().filter(pk__in=video_ids).values_list("pk"))
        _, rows = Video.objects.filter(pk__in=video_ids).delete()
    return rows.get("videos.Video", 0)
