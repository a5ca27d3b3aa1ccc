"""The trash of videos: putting them there, restoring, and deleting for good."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services.trash import restore_member, trash_members
from clipset.database.limited import Total
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.models import AuditEntry, Config
from tests.builders import (
    live_for,
    make_admin,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from tests.videos.stored_videos import wake_ups
from videos.models import Job, JobState, Removal, Rendition, SearchDocument, Video, VideoDeletion
from videos.selectors.trash import Removed, removed_with, trash_page, trash_total
from videos.services.comments import write_comment
from videos.services.deletions import delete_marked_rows, enqueue_deletions, request_deletions
from videos.services.guest_links import create_guest_link
from videos.services.likes import set_like
from videos.services.playlists import add_to_playlist
from videos.services.processing.attempt import retry_enrichment, retry_processing
from videos.services.processing.claim import claim_next_job, is_encode_waiting
from videos.services.processing.enqueue import enqueue_due_jobs
from videos.services.processing.jobs import LeaseLostError, add_job, renew_lease
from videos.services.trash import (
    delete_for_good,
    restore_video,
    trash_video,
)

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db


def rows_of_videos() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of videos, but for search documents, whose ids may differ."""
    models = (Video, *(it.related_model for it in Video._meta.related_objects))
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())  # type: ignore[union-attr]
        for model in models
        if model is not SearchDocument
    }


def age(video: Video, days: int) -> None:
    """Lets the video have been in the trash for so many days."""
    Video.objects.filter(pk=video.pk).update(trashed_at=timezone.now() - timedelta(days=days))


def acting_as(user: User) -> Any:
    return acting(lambda: Actor(user.pk, user.username, Source.SITE, user.is_staff))


def test_a_restored_video_has_everything_that_it_had() -> None:
    bob, alice = make_user("bob"), make_user("alice")
    video = make_video("Harbour", uploader=bob, category=make_category("Music"))
    write_comment(video=video, author=alice, text="At 0:10!")
    set_like(video=video, member=alice, liked=True)
    add_to_playlist(playlist=make_playlist(made_by=alice), video=video, user=alice)
    issued = create_guest_link(video=video, created_by=bob, lifetime=timedelta(days=7))
    before = rows_of_videos()
    assert trash_video(video=video, by=bob)
    assert not SearchDocument.objects.exists()
    assert not Video.objects.opened_by(issued.token).exists()
    assert not Removal.objects.exists(), "its files stay"
    restore_video(video=video, by=bob)
    assert rows_of_videos() == before
    assert Video.objects.opened_by(issued.token).exists()
    assert SearchDocument.objects.get().video_id == video.pk


def test_twice_has_the_same_effect_as_once() -> None:
    bob, mod = make_user("bob"), make_moderator()
    video = make_video(uploader=bob)
    with acting_as(mod):
        trash_video(video=video, by=mod, reason="Not ours")
        first = Video.objects.get().trashed_at
        trash_video(video=video, by=mod)
        assert Video.objects.get().trashed_at == first
        restore_video(video=video, by=mod)
        restore_video(video=video, by=mod)
    entries = AuditEntry.objects.order_by("pk").values_list("action", "reason", "member_id")
    assert list(entries) == [
        ("video.trash", "Not ours", bob.pk),
        ("video.restore", "", bob.pk),
    ]


def test_what_members_do_with_their_own_is_not_logged() -> None:
    bob = make_user("bob")
    video = make_video(uploader=bob)
    with acting_as(bob):
        trash_video(video=video, by=bob)
        restore_video(video=video, by=bob)
    assert not AuditEntry.objects.exists()


def test_without_days_a_video_is_deleted_at_once() -> None:
    Config.objects.update(trash_days=0)
    bob, mod = make_user("bob"), make_moderator()
    with acting_as(mod):
        assert not trash_video(video=make_video(uploader=bob), by=mod)
    assert not Video.objects.exists()
    assert AuditEntry.objects.get().action == "video.delete"
    assert Removal.objects.exists()


def test_only_an_admin_empties_the_trash() -> None:
    bob = make_user("bob")
    video = make_video(uploader=bob)
    root = make_admin()
    with pytest.raises(ValidationError, match="isn't in the trash"):
        delete_for_good(video=video, by=root)
    trash_video(video=video, by=bob)
    for refused in (bob, make_moderator()):
        with pytest.raises(ValidationError, match="Only an admin"):
            delete_for_good(video=video, by=refused)
        with pytest.raises(ValidationError, match="Only an admin"):
            request_deletions(videos=Video.objects.all(), requested_by=refused, for_good=True)
    with acting_as(root):
        delete_for_good(video=video, by=root)
    assert not Video.objects.exists()
    assert AuditEntry.objects.get().action == "video.delete"


def test_others_do_not_restore_it() -> None:
    video = make_video()
    trash_video(video=video, by=video.uploaded_by)
    with pytest.raises(Video.DoesNotExist):
        restore_video(video=video, by=make_user())
    assert Video.objects.get().is_trashed


def test_deleting_for_good_says_what_goes_with_it() -> None:
    bob, alice = make_user("bob"), make_user("alice")
    video = make_video(uploader=bob, stored_bytes=500, original_key="x", file_size_bytes=70)
    for text in ("One", "Two"):
        write_comment(video=video, author=alice, text=text)
    set_like(video=video, member=alice, liked=True)
    add_to_playlist(playlist=make_playlist(made_by=alice), video=video, user=alice)
    assert trash_total() == Total(0, 0)
    trash_video(video=video, by=bob)
    assert removed_with(video) == Removed(
        comments="2 comments", likes="1 like", playlist_places="1 place", size="570 bytes"
    )
    assert trash_total() == Total(1, 570)


def test_the_size_of_the_trash_is_of_the_first_videos_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("clipset.database.limited.MAX_COUNTED", 2)
    for _ in range(3):
        make_video(stored_bytes=1024, trashed_at=timezone.now())
    assert trash_total().size == "over 2 KB"


# -- days -----------------------------------------------------------------------------------------


def test_what_was_there_for_its_days_is_deleted_by_the_sweep() -> None:
    bob = make_user("bob")
    old, new, outside = (make_video(uploader=bob) for _ in range(3))
    for video in (old, new):
        trash_video(video=video, by=bob)
    age(old, 31)
    age(new, 29)
    enqueue_deletions()
    assert wake_ups() == [], "the site has not run for so many days"
    assert delete_marked_rows() == 0
    live_for(40)
    enqueue_deletions()
    assert wake_ups() == ["videos.tasks.delete_marked_rows"]
    assert delete_marked_rows() == 1
    assert set(Video.objects.all()) == {new, outside}


def test_many_expired_videos_go_in_batches() -> None:
    live_for(40)
    bob = make_user("bob")
    Video.objects.bulk_create(
        Video(
            title=f"{number}",
            filename=f"{number}.mp4",
            storage_root="videos",
            original_filename="x",
            file_size_bytes=1,
            uploaded_by=bob,
            trashed_at=timezone.now() - timedelta(days=31),
        )
        for number in range(75)
    )
    assert delete_marked_rows(seconds=0) == 50
    with CaptureQueriesContext(connection) as queries:
        assert delete_marked_rows() == 25
    assert Removal.objects.count() == 75
    assert len([it for it in queries if it["sql"].startswith('DELETE FROM "videos"')]) == 1


def test_a_selection_goes_into_the_trash_and_out_of_it_by_a_worker() -> None:
    bob, mod, root = make_user("bob"), make_moderator("mod"), make_admin("root")
    for number in range(3):
        make_video(f"Video {number}", uploader=bob)
    assert request_deletions(videos=Video.objects.all(), requested_by=mod) == 3
    delete_marked_rows()
    assert Video.objects.in_trash().count() == 3
    assert set(Video.objects.values_list("trashed_by", flat=True)) == {mod.pk}
    assert not VideoDeletion.objects.exists()
    assert not SearchDocument.objects.exists()
    trashed = AuditEntry.objects.filter(action="video.trash", actor_id=mod.pk, member_id=bob.pk)
    assert trashed.count() == 3
    chosen = Video.objects.exclude(title="Video 0")
    assert request_deletions(videos=chosen, requested_by=root, for_good=True) == 2
    with pytest.raises(ValidationError, match="being deleted for good"):
        restore_video(video=chosen[0], by=bob)
    delete_marked_rows()
    assert Video.objects.get().title == "Video 0"
    assert AuditEntry.objects.filter(action="video.delete", actor_id=root.pk).count() == 2


def test_marks_of_an_older_version_still_delete_for_good() -> None:
    video = make_video()
    VideoDeletion.objects.create(video=video)
    delete_marked_rows()
    assert not Video.objects.exists()


# -- processing -----------------------------------------------------------------------------------


def test_jobs_of_the_trash_wait_until_their_video_is_restored() -> None:
    bob = make_user("bob")
    video = make_video(uploader=bob, status="PENDING")
    job = add_job(video=video)
    trash_video(video=video, by=bob)
    assert claim_next_job() is None
    from django_q.models import OrmQ

    OrmQ.objects.all().delete()
    assert not enqueue_due_jobs()
    restore_video(video=video, by=bob)
    assert wake_ups() == ["videos.tasks.run_next_job"]
    assert claim_next_job() == job


def test_a_running_job_stops_and_goes_on_after_a_while() -> None:
    bob = make_user("bob")
    video = make_video(uploader=bob, status="PENDING")
    add_job(video=video)
    held = claim_next_job()
    assert held is not None
    Rendition.objects.create(
        video=video,
        name="720p",
        filename="x.mp4",
        root="temp",
        is_complete=False,
        version="v",
        width=1280,
        height=720,
        fps=25,
        codecs="",
        bandwidth=0,
        average_bandwidth=0,
        duration_seconds=0,
        size_bytes=0,
    )
    trash_video(video=video, by=bob)
    with pytest.raises(LeaseLostError):
        renew_lease(held, percent=1, seconds_left=None)
    assert not Rendition.objects.exists(), "the growing one"
    job = Job.objects.get()
    assert (job.state, job.losses, job.failures) == (JobState.WAITING, 0, 0)
    restore_video(video=video, by=bob)
    assert claim_next_job() is None, "its worker may not know yet"
    assert claim_next_job(now=timezone.now() + timedelta(seconds=21)) == job


def test_an_encode_in_the_trash_holds_nothing_up() -> None:
    video = make_video(status="PENDING")
    add_job(video=video, kind="ENCODE")  # type: ignore[arg-type]
    Job.objects.update(run_after=timezone.now() - timedelta(minutes=1))
    assert is_encode_waiting()
    trash_video(video=video, by=video.uploaded_by)
    assert not is_encode_waiting()


def test_a_retry_is_refused_in_the_trash() -> None:
    failed = make_video(status="FAILED", source_root="temp", source_key="x")
    ready = make_video()
    for video, service in ((failed, retry_processing), (ready, retry_enrichment)):
        trash_video(video=video, by=video.uploaded_by)
        with pytest.raises(ValidationError, match="is in the trash"):
            service(video=video)
    assert not failed.may_be_retried_by(make_moderator())


def test_no_guest_link_is_created_to_the_trash() -> None:
    video = make_video()
    trash_video(video=video, by=video.uploaded_by)
    with pytest.raises(ValidationError, match="in the trash"):
        create_guest_link(video=video, created_by=video.uploaded_by, lifetime=timedelta(days=1))


# -- its page -------------------------------------------------------------------------------------


def test_the_trash_is_listed_page_by_page_with_the_same_number_of_queries() -> None:
    bob = make_user("bob")
    now = timezone.now()
    for number in range(26):
        make_video(f"{number}", uploader=bob, trashed_at=now - timedelta(hours=number))
    make_video("of another", trashed_at=now)
    make_video("outside", uploader=bob)
    with CaptureQueriesContext(connection) as queries:
        first = trash_page(bob, after="")
    assert len(queries) == 3
    assert [row.video.title for row in first.rows] == [str(number) for number in range(24)]
    assert first.rows[0].state.days_left == 29
    assert first.total == Total(26, 0)
    assert first.next_url is not None
    after = first.next_url.partition("after=")[2]
    second = trash_page(bob, after=after)
    assert [row.video.title for row in second.rows] == ["24", "25"]
    assert second.next_url is None


def test_a_video_does_not_leave_the_trash_before_its_uploader() -> None:
    member, admin = make_user(), make_admin()
    video = make_video(uploader=member)
    trash_video(video=video, by=member)
    trash_members(users=[member], by=admin)
    with pytest.raises(ValidationError, match="Restore the member first"):
        restore_video(video=video, by=make_moderator())
    restore_member(user=member, by=admin)
    restore_video(video=video, by=member)
    assert Video.objects.outside_trash().filter(pk=video.pk).exists()
