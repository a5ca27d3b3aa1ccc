"""All transactions lock rows of several tables in one order, so that none waits for another that
waits for it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.services.members import delete_members
from accounts.services.quota import reset_quota
from accounts.services.trash import restore_member, trash_members
from clipset.lib.refusals import RefusedError
from siteconfig.actors import acting
from siteconfig.models import AuditEntry
from siteconfig.services.undo import undo_entry
from tests.accounts.together import together
from tests.builders import make_admin, make_user, make_video
from tests.siteconfig.audit_log import actor_of
from videos.models import Comment, Job, ProcessingStatus, Report, ReportAct, ReportReason, Video
from videos.services.details import delete_video
from videos.services.hiding import hide_video
from videos.services.processing.attempt import cancel_processing
from videos.services.reports import (
    reopen_report,
    report_comment,
    report_member,
    report_video,
    resolve_report,
)
from videos.services.trash import delete_for_good, restore_video, trash_video
from videos.services.uploads.create import VideoDetails, create_upload
from videos.services.uploads.expire import end_upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.django_db

ORDER: Final = ("users", "jobs", "videos", "comments", "reports", "uploads")
_LOCKED: Final = re.compile(
    r'^(?:UPDATE "(\w+)"|DELETE FROM "(\w+)"|SELECT .* FROM "(\w+)".* FOR (?:NO KEY )?UPDATE)'
)


def locked_tables(act: Callable[[], object]) -> list[str]:
    """The tables in the order in which an act first locks rows of them."""
    with CaptureQueriesContext(connection) as queries:
        act()
    found = (_LOCKED.match(query["sql"]) for query in queries)
    tables = [next(filter(None, match.groups())) for match in found if match]
    return [table for table in dict.fromkeys(tables) if table in ORDER]


class World:
    """A member with things, and an admin who acts on them."""

    def __init__(self) -> None:
        self.admin, self.bob = make_admin(), make_user()
        self.video = make_video(uploader=self.bob)
        self.busy = make_video(uploader=self.bob, status=ProcessingStatus.PROCESSING)
        self.busy.quota_bytes, self.busy.quota_reserved_at = 5, timezone.now()
        self.busy.save()
        self.job = Job.objects.create(video=self.busy, run_after=timezone.now())
        self.comment = Comment.objects.create(video=self.video, author=self.bob, text="Hello")

    def undo(self, act: Callable[[], object]) -> Callable[[], object]:
        """Does something. Returns what undoes it."""
        act()
        entry = AuditEntry.objects.latest("pk")
        return lambda: undo_entry(entry=entry, by=self.admin)

    def resolve(self, act: ReportAct) -> Callable[[], list[Report]]:
        reason, reporter = ReportReason.HARASSMENT, make_user()
        reports: dict[ReportAct, Callable[[], Report]] = {
            ReportAct.HIDE_VIDEO: lambda: report_video(
                video=self.video, reporter=reporter, reason=reason
            ),
            ReportAct.DELETE_COMMENT: lambda: report_comment(
                comment=self.comment, reporter=reporter, reason=reason
            ),
            ReportAct.DEACTIVATE: lambda: report_member(
                member=self.bob, reporter=reporter, reason=reason
            ),
        }
        report = reports[act]()
        return lambda: resolve_report(report=report, by=self.admin, act=act)

    def end_upload(self) -> Callable[[], object]:
        details = VideoDetails(title="Beach")
        upload = create_upload(user=self.bob, size=9, filename="a.mp4", details=details)
        return lambda: end_upload(upload=upload)

    def delete_for_good(self) -> Callable[[], object]:
        trash_video(video=self.busy, by=self.admin)
        return lambda: delete_for_good(video=self.busy, by=self.admin)

    def reopen(self) -> Callable[[], object]:
        reports = self.resolve(ReportAct.HIDE_VIDEO)()
        return lambda: reopen_report(report=reports[0], by=self.admin)


ACTS: dict[str, Callable[[World], Callable[[], object]]] = {
    "hide": lambda it: lambda: hide_video(video=it.video, by=it.admin, reason="HARASSMENT"),
    "trash": lambda it: lambda: trash_video(video=it.busy, by=it.admin),
    "restore": lambda it: lambda: restore_video(video=it.busy, by=it.admin),
    "delete": lambda it: lambda: delete_video(video=it.busy),
    "delete for good": lambda it: it.delete_for_good(),
    "cancel": lambda it: lambda: cancel_processing(video=it.busy),
    "undo of hiding": lambda it: it.undo(
        lambda: hide_video(video=it.video, by=it.admin, reason="HARASSMENT")
    ),
    "undo of trashing": lambda it: it.undo(lambda: trash_video(video=it.busy, by=it.admin)),
    "undo of trashing a member": lambda it: it.undo(
        lambda: trash_members(users=[it.bob], by=it.admin)
    ),
    "undo of a reset": lambda it: it.undo(lambda: reset_quota(users=[it.bob.pk])),
    "trash a member": lambda it: lambda: trash_members(users=[it.bob], by=it.admin),
    "delete a member": lambda it: lambda: delete_members(users=[it.bob], heir=it.admin),
    "report, hide": lambda it: it.resolve(ReportAct.HIDE_VIDEO),
    "report, delete": lambda it: it.resolve(ReportAct.DELETE_COMMENT),
    "report, deactivate": lambda it: it.resolve(ReportAct.DEACTIVATE),
    "reopen": lambda it: it.reopen(),
    "end an upload": lambda it: it.end_upload(),
}


@pytest.mark.only_on_postgresql  # SQLite has one writer at a time and no locks of rows
@pytest.mark.parametrize("name", ACTS)
def test_rows_are_locked_in_one_order(name: str, media: Path) -> None:
    world = World()
    with acting(lambda: actor_of(world.admin)):
        act = ACTS[name](world)
        tables = locked_tables(act)
    assert tables == sorted(tables, key=ORDER.index)
    assert tables


@pytest.mark.django_db(transaction=True)
def test_a_video_and_its_uploader_are_restored_at_once(media: Path) -> None:
    world = World()
    admin, other, video = world.admin, make_admin(), world.busy
    for _ in range(5):
        with acting(lambda: actor_of(admin)):
            trash_video(video=video, by=admin)
        entry = AuditEntry.objects.latest("pk")

        def undo(entry: AuditEntry = entry) -> None:
            with acting(lambda: actor_of(admin)):
                undo_entry(entry=entry, by=admin)

        def delete_and_restore() -> None:
            trash_members(users=[world.bob], by=other)
            restore_member(user=User.objects.get(pk=world.bob.pk), by=other)

        together([lambda: tried(undo), delete_and_restore])
        found = Video.objects.get(pk=video.pk)
        if found.is_trashed:
            restore_video(video=found, by=admin)
    assert not Video.objects.in_trash().exists()


def tried(act: Callable[[], None]) -> None:
    """Does something that may be refused, but never because of a deadlock."""
    with suppress(RefusedError, ValidationError):
        act()
