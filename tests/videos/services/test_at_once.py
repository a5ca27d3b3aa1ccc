"""Two people, or a person and a worker, who act on the same thing at the same moment.

Whoever comes second finds what the first one left: no deadlock, no row without its owner, no half
of an act. Each pair runs a few times, since threads meet at different places.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.members import set_role
from accounts.services.trash import restore_member, trash_members
from clipset.lib.refusals import RefusedError
from siteconfig.actors import acting
from siteconfig.models import AuditEntry, Config
from tests.accounts.together import together
from tests.builders import live_for, make_admin, make_moderator, make_user, make_video
from tests.siteconfig.audit_log import actor_of
from videos.models import Comment, Report, ReportAct, Upload, Video, VideoDeletion
from videos.services.comments import delete_comment, write_comment
from videos.services.deletions import delete_marked_rows, request_deletions
from videos.services.hiding import hide_comment, hide_video
from videos.services.reports import report_member, report_video, resolve_report
from videos.services.trash import delete_for_good, restore_video, trash_video
from videos.services.uploads.create import VideoDetails, create_upload
from videos.services.uploads.finish import finish_resumable

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 2
Act = tuple[User | None, "Callable[[], object]"]


def at_once(*acts: Act) -> list[bool]:
    """Runs the acts in threads, each by its member. Returns which were done; others were refused
    with a sentence, or found nothing to act on."""

    def run(by: User | None, act: Callable[[], object]) -> bool:
        try:
            with acting(lambda: None if by is None else actor_of(by)):
                act()
        except (ValidationError, RefusedError, ObjectDoesNotExist):
            return False
        except IntegrityError:  # the site logs out whoever is deleted during a request
            if by is None or User.objects.filter(pk=by.pk).exists():
                raise
            return False
        return True

    return together([lambda act=act: run(*act) for act in acts])  # type: ignore[misc]


def actions() -> list[str]:
    return sorted(AuditEntry.objects.values_list("action", flat=True))


def fresh(video: Video) -> Video | None:
    return Video.objects.filter(pk=video.pk).first()


def trashed_video(*, by: User, days: int = 0) -> Video:
    video = make_video()
    trash_video(video=video, by=by)
    Video.objects.update(trashed_at=timezone.now() - timedelta(days=days))
    return video


def test_a_video_is_restored_or_purged_but_not_half_of_each() -> None:
    root = make_admin()
    live_for(60)
    for _ in range(ROUNDS):
        video = trashed_video(by=root, days=40)
        is_restored, _ = at_once(
            (root, partial(restore_video, video=video, by=root)), (None, delete_marked_rows)
        )
        left = fresh(video)
        assert (left is not None) == is_restored
        assert left is None or not left.is_trashed


def test_a_video_is_restored_or_deleted_for_good() -> None:
    root, mona = make_admin(), make_moderator()
    for _ in range(ROUNDS):
        video = trashed_video(by=root)
        is_restored, is_deleted = at_once(
            (mona, partial(restore_video, video=video, by=mona)),
            (root, partial(delete_for_good, video=video, by=root)),
        )
        assert is_restored != is_deleted
        assert (fresh(video) is not None) == is_restored


def test_the_trash_is_emptied_in_bulk_or_a_video_restored() -> None:
    root, mona = make_admin(), make_moderator()
    for _ in range(ROUNDS):
        video = trashed_video(by=root)

        def empty() -> None:
            request_deletions(videos=Video.objects.all(), requested_by=root, for_good=True)
            delete_marked_rows()

        is_restored, _ = at_once(
            (mona, partial(restore_video, video=video, by=mona)), (root, empty)
        )
        left = fresh(video)
        assert (left is not None) == is_restored
        assert left is None or not left.is_trashed


def test_a_video_that_is_being_restored_is_not_marked_to_be_deleted_for_good() -> None:
    root = make_admin()
    video = trashed_video(by=root)

    def mark() -> None:
        try:
            request_deletions(videos=Video.objects.all(), requested_by=root, for_good=True)
        finally:
            connections.close_all()

    with transaction.atomic():
        restore_video(video=video, by=root)
        other = Thread(target=mark)
        other.start()
        other.join(0.5)
    other.join(30)
    assert not VideoDeletion.objects.exists()
    delete_marked_rows()
    assert Video.objects.exists()


def test_a_video_is_hidden_and_trashed_by_two() -> None:
    root, mona = make_admin(), make_moderator()
    for _ in range(ROUNDS):
        video = make_video()
        assert at_once(
            (mona, partial(hide_video, video=video, by=mona, reason="PRIVACY")),
            (root, partial(trash_video, video=video, by=root)),
        ) == [True, True]
        video.refresh_from_db()
        assert video.is_hidden
        assert video.is_trashed
    assert actions() == ["video.hide"] * ROUNDS + ["video.trash"] * ROUNDS


def test_two_who_trash_a_video_do_it_once() -> None:
    root, mona = make_admin(), make_moderator()
    video = make_video()
    assert at_once(
        (mona, lambda: trash_video(video=video, by=mona)),
        (root, lambda: trash_video(video=video, by=root)),
    ) == [True, True]
    assert actions() == ["video.trash"]


# What moderators do to things of a member while an admin puts that member into the trash.
def _hide(video: Video, comment: Comment, by: User) -> object:
    return hide_video(video=video, by=by, reason="PRIVACY")


def _hide_comment(video: Video, comment: Comment, by: User) -> object:
    return hide_comment(comment=comment, by=by, reason="HARASSMENT")


def _trash(video: Video, comment: Comment, by: User) -> object:
    return trash_video(video=video, by=by)


def _delete_comment(video: Video, comment: Comment, by: User) -> object:
    return delete_comment(comment=comment, by=by)


def _resolve(video: Video, comment: Comment, by: User) -> object:
    report = Report.objects.get(video=video)
    return resolve_report(report=report, by=by, act=ReportAct.HIDE_VIDEO)


def _deactivate(video: Video, comment: Comment, by: User) -> object:
    report = Report.objects.get(kind="MEMBER", member=video.uploaded_by)
    return resolve_report(report=report, by=by, act=ReportAct.DEACTIVATE)


def _promote(video: Video, comment: Comment, by: User) -> object:
    root = User.objects.filter(role=Role.ADMIN).latest("created_at")
    return set_role(user=video.uploaded_by, role=Role.MODERATOR, granted_by=root)


def _write(video: Video, comment: Comment, by: User) -> object:
    return write_comment(video=video, author=comment.author, text="Again")


@pytest.mark.parametrize(
    "act",
    [_hide, _hide_comment, _trash, _delete_comment, _resolve, _deactivate, _promote, _write],
)
def test_a_member_goes_into_the_trash_while_somebody_acts_on_their_things(
    act: Callable[[Video, Comment, User], object],
) -> None:
    root, mona = make_admin(), make_moderator()
    for _ in range(ROUNDS):
        member = make_user()
        video = make_video(uploader=member)
        comment = write_comment(video=video, author=member, text="Mine")
        reporter = make_user()
        report_video(video=video, reporter=reporter, reason="UNFIT")
        report_member(member=member, reporter=reporter, reason="UNFIT")
        _, is_trashed = at_once(
            (mona, partial(act, video, comment, mona)),
            (root, partial(trash_members, users=[member], by=root)),
        )
        assert is_trashed
        delete_marked_rows()
        member.refresh_from_db()
        video.refresh_from_db()
        assert member.is_trashed
        assert video.is_trashed
        assert not member.is_active


def test_a_member_is_restored_while_a_worker_moves_their_videos() -> None:
    root = make_admin()
    for _ in range(ROUNDS):
        member = make_user()
        video = make_video(uploader=member)
        trash_members(users=[member], by=root)
        assert all(
            at_once(
                (root, partial(restore_member, user=member, by=root)),
                (None, delete_marked_rows),
            )
        )
        delete_marked_rows()
        video.refresh_from_db()
        assert not video.is_trashed


@pytest.mark.parametrize("days", [0, 30])
def test_a_member_is_deleted_while_their_upload_finishes(days: int) -> None:
    """Without a trash the member's row goes at once, and nothing may be left without it."""
    Config.objects.update(trash_days=days)
    root = make_admin()
    for _ in range(ROUNDS):
        member = make_user()
        upload = whole_upload(member)
        _, is_deleted = at_once(
            (member, partial(finish_resumable, upload)),
            (root, partial(trash_members, users=[member], by=root)),
        )
        assert is_deleted
        delete_marked_rows()
        assert not Video.objects.outside_trash().filter(uploaded_by=member.pk).exists()
        assert User.objects.filter(pk=member.pk).exists() == bool(days)


@pytest.mark.parametrize("kind", ["comment", "report"])
def test_a_member_is_deleted_while_they_write(kind: str) -> None:
    Config.objects.update(trash_days=0)
    root, video = make_admin(), make_video()
    for _ in range(ROUNDS):
        member = make_user()
        write_comment(video=video, author=member, text="Mine")
        write: dict[str, Callable[[], object]] = {
            "comment": partial(write_comment, video=video, author=member, text="Hm"),
            "report": partial(report_video, video=video, reporter=member, reason="UNFIT"),
        }
        _, is_deleted = at_once(
            (member, write[kind]), (root, partial(trash_members, users=[member], by=root))
        )
        assert is_deleted
        assert not User.objects.filter(pk=member.pk).exists()
        assert not Comment.objects.filter(author=member.pk).exists()


def whole_upload(member: User) -> Upload:
    """A resumable upload whose bytes are all there."""
    details = VideoDetails(title="Sea")
    upload = create_upload(user=member, size=4, filename="sea.mp4", details=details)
    upload.folder_path.mkdir()
    upload.source_path.write_bytes(b"sea.")
    Upload.objects.filter(pk=upload.pk).update(offset_bytes=4)
    upload.refresh_from_db()
    return upload
