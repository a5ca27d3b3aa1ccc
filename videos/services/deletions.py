"""Deletes many videos and members in batches, so that no request waits for the database.

They are marked first: videos by a row of `video_deletions`, members by `deleting_since` or
`is_moving`. What was in the trash for Config.trash_days needs no mark. A worker then moves or
deletes some dozens of rows in each transaction, for a few seconds in each task, until nothing is
left. The sweep of every minute resumes where a killed worker stopped.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import BooleanField, DateTimeField, UUIDField, Value
from django.utils import timezone

from accounts.models import User
from accounts.services.members import delete_some_rows_of
from accounts.services.trash import (
    is_anything_left_to_move,
    mark_expired_members,
    move_some_belongings,
)
from clipset.workers.task_queue import enqueue, waiting_task_count
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.services.audit import record_many_by_staff
from siteconfig.services.config import current_config
from siteconfig.services.heartbeat import alive_before
from videos.models import Video, VideoDeletion
from videos.services.audit import acts_on_videos
from videos.services.locks import lock_videos
from videos.services.stored_total import count_stored
from videos.services.trash import ADMIN_EMPTIES, TRASHED, put_into_trash
from videos.services.trash import MAX_BATCH as MAX_TRASHED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from videos.querysets import VideoQuerySet

MAX_BATCH: Final = 50  # videos that one transaction deletes: 100 took 90 ms of CPU time
MAX_SECONDS: Final = 2.0
# Videos that one transaction marks. Marking 20,000 took 300 to 500 ms of CPU time.
MAX_MARKED: Final = 2_000
FORMER: Final = "a former member"


def request_deletions(
    *, videos: QuerySet[Video], requested_by: User, for_good: bool = False
) -> int:
    """Marks videos, which a worker then puts into the trash or, `for_good`, deletes: those in the
    trash, and all with Config.trash_days at 0. A hundred thousand take a second, in several short
    transactions. Returns how many were marked.

    Raises: ValidationError when somebody else than an admin empties the trash.
    """
    unmarked = Video.objects.filter(deletion=None)
    if for_good:
        if not requested_by.is_admin:
            raise ValidationError(ADMIN_EMPTIES)
        unmarked = unmarked.in_trash()
    else:
        unmarked = unmarked.outside_trash()
        for_good = not current_config().trash_days
    rows = (
        unmarked.order_by()
        .annotate(
            at=Value(timezone.now(), output_field=DateTimeField()),
            by=Value(requested_by.pk, output_field=UUIDField()),
            good=Value(for_good, output_field=BooleanField()),
        )
        .values_list("pk", "at", "by", "good")
    )
    # Read before the transactions: each would look for the rest among all that are marked.
    keys = list(videos.order_by().values_list("pk", flat=True))
    marked = 0
    for first in range(0, len(keys), MAX_MARKED):
        some = keys[first : first + MAX_MARKED]
        with transaction.atomic():
            _hold(some)
            marked += _mark(*rows.filter(pk__in=some).query.sql_with_params())
    return marked


def _hold(videos: list[UUID]) -> None:
    """Waits for whoever restores some of these videos, and locks them: a mark that was selected
    before would delete them after all. SQLite has one writer at a time."""
    if connection.features.has_select_for_update:
        locked = Video.objects.select_for_update(no_key=True).filter(pk__in=videos)
        list(locked.order_by("pk").values_list("pk"))


def _mark(select: str, params: Sequence[Any]) -> int:
    """Inserts the selected marks. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO video_deletions (video_id, requested_at, requested_by_id, is_for_good) "
            f"{select} ON CONFLICT DO NOTHING",  # the ORM's own SQL, with parameters
            params,
        )
        return int(cursor.rowcount)


def enqueue_deletions() -> None:
    """Enqueues a task if there is anything to move or to delete and the queue is empty."""
    if _is_anything_left() and not waiting_task_count():
        enqueue("videos.tasks.delete_marked_rows")


def delete_marked_rows(*, seconds: float = MAX_SECONDS) -> int:
    """Moves and deletes videos and members for a while; another task, at the end of the queue, does
    the rest. Called by a worker. Returns how many rows."""
    deadline = time.monotonic() + seconds
    deleted = 0
    before = _trashed_before()
    while batch := _do_batch(before):
        deleted += batch
        if time.monotonic() > deadline:
            enqueue("videos.tasks.delete_marked_rows")
            break
    return deleted


def _trashed_before() -> datetime:
    """What was put into the trash before this moment is deleted. Only days count on which the site
    ran, so that a wrong clock deletes nothing too early."""
    return alive_before(days=current_config().trash_days)


def _is_anything_left() -> bool:
    before = _trashed_before()
    return (
        VideoDeletion.objects.exists()
        or _members().exists()
        or _expired(before).exists()
        or is_anything_left_to_move(before=before)
    )


def _members() -> QuerySet[User]:
    return User.objects.exclude(deleting_since=None).order_by("deleting_since")


def _expired(before: datetime) -> VideoQuerySet:
    """Videos whose days in the trash are over. Those of members in the trash go with them."""
    old = Video.objects.in_trash().filter(trashed_at__lt=before, was_trashed_with_member=False)
    return old.order_by("trashed_at", "pk")


def _do_batch(before: datetime) -> int:
    """Moves or deletes some rows of one kind. Returns how many; 0 at the end."""
    for is_for_good in (False, True):
        marks = VideoDeletion.objects.filter(is_for_good=is_for_good).select_related("requested_by")
        batch = list(
            marks.order_by("requested_at", "pk")[: MAX_BATCH if is_for_good else MAX_TRASHED]
        )
        if batch:
            return _delete_marked(batch) if is_for_good else _trash_marked(batch)
    return (
        move_some_belongings()
        or _delete_expired(before)
        or mark_expired_members(before=before)
        or _delete_some_of_member()
    )


def _delete_expired(before: datetime) -> int:
    keys = list(_expired(before).values_list("pk", flat=True)[:MAX_BATCH])
    with transaction.atomic():
        lock_videos(keys)
        # Once more: one of them may have been restored meanwhile.
        return _delete_videos(
            list(_expired(before).filter(pk__in=keys).values_list("pk", flat=True))
        )


def _delete_some_of_member() -> int:
    member = _members().first()
    if member is None:
        return 0
    videos = Video.objects.filter(uploaded_by=member).values_list("pk", flat=True)
    if batch := list(videos[:MAX_BATCH]):
        return _delete_videos(batch)
    with transaction.atomic():
        return delete_some_rows_of(member)


def _trash_marked(marks: list[VideoDeletion]) -> int:
    """Puts marked videos into the trash and records each, as if the member of staff who marked it
    had done so now."""
    with transaction.atomic():
        marks = _still_there(marks)
        for member, keys in _by_member(marks):
            moved = put_into_trash(keys, by=member, at=timezone.now())
            _record("video.trash", member, [video.pk for video in moved], **TRASHED)
        VideoDeletion.objects.filter(pk__in=[mark.pk for mark in marks]).delete()
    return len(marks)


def _delete_marked(marks: list[VideoDeletion]) -> int:
    """Deletes marked videos for good and records each, as if the member of staff who marked it had
    done so now."""
    with transaction.atomic():
        marks = _still_there(marks)
        for member, keys in _by_member(marks):
            _record("video.delete", member, keys)
        return _delete_videos([mark.video_id for mark in marks])


def _still_there(marks: list[VideoDeletion]) -> list[VideoDeletion]:
    """Locks the marked videos. Returns the marks that are left: another worker may have been
    faster, or a video was restored with its uploader."""
    lock_videos(mark.video_id for mark in marks)
    found = VideoDeletion.objects.filter(pk__in=[mark.pk for mark in marks])
    return list(found.select_related("requested_by"))


def _by_member(marks: list[VideoDeletion]) -> list[tuple[User | None, list[UUID]]]:
    """The marked videos by who marked them; None for a member who is gone."""
    found: dict[UUID | None, list[UUID]] = defaultdict(list)
    members = {mark.requested_by_id: mark.requested_by for mark in marks}
    for mark in marks:
        found[mark.requested_by_id].append(mark.video_id)
    return [(members[pk], keys) for pk, keys in found.items()]


def _record(action: str, member: User | None, videos: list[UUID], **states: dict[str, Any]) -> None:
    """Records an act on each video. Only staff mark videos, in lists of the admin."""
    pk, name = (None, FORMER) if member is None else (member.pk, member.username)
    actor = Actor(pk, name, Source.ADMIN, is_staff=True)
    with acting(lambda: actor):
        acts = acts_on_videos(Video.objects.filter(pk__in=videos), **states)
        record_many_by_staff(action, acts)


def _delete_videos(video_ids: list[UUID]) -> int:
    """Deletes videos for good."""
    with transaction.atomic():
        lock_videos(video_ids)
        videos = Video.objects.filter(pk__in=video_ids)
        members = set(videos.order_by().values_list("uploaded_by", flat=True))
        _, rows = videos.delete()
        transaction.on_commit(lambda: _count_again(members), robust=True)
    return rows.get("videos.Video", 0)


def _count_again(members: set[UUID]) -> None:
    count_stored(members)
