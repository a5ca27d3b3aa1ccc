"""Everything that staff can change is recorded in the audit log, and how.

A new action of the admin and a new view that accepts a POST fail
`test_every_way_to_change_something_is_in_the_table` until they are in tests/audited_acts, or
below with the reason why they are not recorded.
"""

from __future__ import annotations

from io import StringIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.services.members import activate_member, deactivate_member, delete_members
from siteconfig.actors import Actor, acting, acting_as_command
from siteconfig.enums import Source
from siteconfig.models import AuditEntry
from siteconfig.services.audit import record_many_by_staff
from tests.audited_acts import ACTS, COVERED, Entry, Site, logged_in
from tests.builders import (
    PASSWORD,
    make_admin,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from tests.entry_points import entry_points
from tests.recorded_actions import recorded_actions
from videos.models import Comment, Report, ReviewRequest, Video
from videos.services.audit import acts_on_videos
from videos.services.comments import delete_comment
from videos.services.hiding import hide_video
from videos.services.playlists import (
    delete_playlist_by_staff,
    restore_playlist,
    restore_playlist_by_staff,
)
from videos.services.set_aside import set_aside
from videos.services.stored_files import StoredFile

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import DjangoAssertNumQueries, Settings

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases,
    pytest.mark.long_on_postgresql,
]

RECORDED: Final = recorded_actions()
OWN: Final = "members change only their own things there"
NOTHING: Final = "changes nothing"
REPORT: Final = "every member may report; what staff decide about it is recorded"
NOT_RECORDED: Final = {
    # The site
    "like": OWN,
    "logout": OWN,
    "notifications_read": OWN,
    "one_upload": OWN,
    "password_reset": "a visitor asks for an e-mail",
    "password_reset_confirm": "who has the link is no member of staff yet",
    "playlist_delete": OWN,
    "playlist_edit": OWN,
    "playlist_move": OWN,
    "playlist_remove": OWN,
    "playlist_restore": OWN,
    "playlist_undelete": OWN,
    "playlists": OWN,
    "settings": OWN,
    "settings_avatar": OWN,
    "settings_avatar_remove": OWN,
    "settings_confirm": NOTHING,
    "settings_email": OWN,
    "settings_email_cancel": OWN,
    "settings_email_confirm": OWN,
    "settings_password": OWN,
    "second_step": OWN,
    "second_step_recovery": OWN,
    "second_step_passkey": OWN,
    "second_factor_app": OWN,
    "second_factor_passkey": OWN,
    "second_factor_codes": OWN,
    "second_factor_edit": OWN,
    "second_factor_remove": OWN,
    "settings_session_end": OWN,
    "settings_sessions_end": OWN,
    "upload": OWN,
    "upload_playlist_discard": OWN,
    "uploads": OWN,
    "video_playlists": OWN,
    "video_view": OWN,
    "caption_publish": "only the uploader can",
    "comment_edit": "only the author can",
    "comments": OWN,
    "comment_report": REPORT,
    "member_report": REPORT,
    "video_report": REPORT,
    "video_review": "only the uploader can; what staff answer is recorded",
    "guest_view": "counts a view",
    # The admin
    "admin:app_list": NOTHING,
    "admin:attention": NOTHING,
    "admin:attention_show_again": OWN,
    "admin:autocomplete": NOTHING,
    "admin:index": NOTHING,
    "admin:jsi18n": NOTHING,
    "admin:logout": OWN,
    "admin:password_change": OWN,
    "admin:password_change_done": NOTHING,
    "admin:view_on_site": NOTHING,
    "siteconfig_doctorrun_run": "looks for problems and repairs nothing",
}


# Kinds whose entries say whom they concern, so that moderators may read them.
ABOUT_MEMBERS: Final = {
    "comment",
    "guest_link",
    "invitation",
    "member",
    "playlist",
    "report",
    "session",
    "upload",
    "video",
}


@pytest.fixture
def site(media: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with backups set up."""
    (tmp_path / "password").write_text("long and random")
    settings.BACKUP_REPOSITORY = str(tmp_path / "backups")
    settings.BACKUP_PASSWORD_FILE = str(tmp_path / "password")
    # Only there: others look for other programs.
    found = SimpleNamespace(which=lambda _: "/usr/bin/restic")
    monkeypatch.setattr("siteconfig.backup.restic.shutil", found)
    return Site()


def test_every_way_to_change_something_is_in_the_table() -> None:
    found = entry_points(make_admin())
    assert found - COVERED - NOT_RECORDED.keys() == set(), "not in the table"
    assert (COVERED | NOT_RECORDED.keys()) - found == set(), "no longer there"
    assert COVERED & NOT_RECORDED.keys() == set()


@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_recorded_with_what_it_changed(name: str, site: Site) -> None:
    expected = ACTS[name](site)
    entries = list(AuditEntry.objects.order_by("pk"))
    told = [Entry(it.action, it.object_name, it.before, it.after) for it in entries]
    assert told == expected
    for entry in entries:
        assert entry.actor_id
        assert entry.object_kind == entry.action.partition(".")[0]
        assert entry.action in RECORDED, "tests/recorded_actions.py finds every action"
        assert entry.source in {Source.SITE, Source.ADMIN}
        if entry.object_kind in ABOUT_MEMBERS:
            assert None not in {entry.member_id, entry.member_rank}
    assert "example.org" not in str(AuditEntry.objects.values())
    assert not LogEntry.objects.exists(), "Django's log is not written beside ours"


def test_what_members_do_with_their_own_things_is_not_recorded(site: Site) -> None:
    """Nor is what a moderator does with theirs."""
    for member in (site.bob, site.mod):
        client, video = logged_in(member), make_video(uploader=member)
        client.post(reverse("video_edit", args=[video.short_id]), {"title": "Other"})
        Comment.objects.create(video=video, author=member, text="Hello")
        comment = Comment.objects.get(author=member)
        client.post(reverse("comment_delete", args=[video.short_id, comment.pk]))
        client.post(reverse("video_delete", args=[video.short_id]))
        assert Video.objects.get(pk=video.pk).is_trashed
        client.post(reverse("video_restore", args=[video.short_id]))
        assert not Video.objects.get(pk=video.pk).is_trashed
    assert not AuditEntry.objects.exists()


def test_what_members_report_and_ask_is_not_recorded(site: Site) -> None:
    """Nor is the report of a moderator, so that no entry says who reported."""
    hide_video(video=site.video, by=site.admin, reason="HARASSMENT")
    video, comment = make_video(uploader=make_user()), site.comment
    about = [
        reverse("video_report", args=[video.short_id]),
        reverse("comment_report", args=[site.video.short_id, comment.pk]),
        reverse("member_report", args=[site.bob.username]),
    ]
    for address in about:
        assert site.by_mod.post(address, {"reason": "HARASSMENT"}).status_code == 302
    review = reverse("video_review", args=[site.video.short_id])
    logged_in(site.bob).post(review, {"text": "Look again"})
    assert (Report.objects.count(), ReviewRequest.objects.count()) == (3, 1)
    assert not AuditEntry.objects.exists()


def test_an_uploader_who_is_no_staff_may_delete_comments_of_others_unrecorded(site: Site) -> None:
    comment = Comment.objects.create(video=site.video, author=make_user(), text="Hello")
    address = reverse("comment_delete", args=[site.video.short_id, comment.pk])
    logged_in(site.bob).post(address)
    assert Comment.objects.get().is_deleted
    assert not AuditEntry.objects.exists()


def test_reasons_are_recorded(site: Site) -> None:
    playlist = make_playlist(made_by=site.bob)
    with acting(lambda: Actor(site.admin.pk, "root_", Source.SITE, is_staff=True)):
        delete_comment(comment=site.comment, by=site.admin, reason="rude")
        delete_playlist_by_staff(playlist=playlist, reason="spam")
        deactivate_member(user=site.bob, reason="away")
        activate_member(user=site.bob, reason="back")
        delete_members(users=[site.bob], heir=site.admin, reason="left")
    reasons = AuditEntry.objects.order_by("pk").values_list("reason", flat=True)
    assert list(reasons) == ["rude", "spam", "away", "back", "left"]


def test_only_staff_can_restore_a_playlist_that_staff_deleted(site: Site) -> None:
    playlist = make_playlist("Best", made_by=site.bob)
    delete_playlist_by_staff(playlist=playlist)
    with pytest.raises(ValidationError):
        restore_playlist(playlist=playlist, user=site.bob)
    restore_playlist_by_staff(playlist=playlist)
    playlist.refresh_from_db()
    assert not playlist.is_deleted


@pytest.mark.parametrize(
    ("command", "options", "expected"),
    [
        (["setup_link"], {}, "setup_link.create"),
        (["remove_samples"], {"verbosity": 0}, "sample_data.remove"),
        (["mark_root", "temp"], {}, "storage_root.mark"),
        (["new_site_id"], {"interactive": False}, "config.site_id"),
        (["prune_set_aside"], {}, "set_aside.prune"),
        (
            ["createsuperuser"],
            {"username": "eve", "email": "eve@example.org", "interactive": False},
            "member.join",
        ),
    ],
)
def test_commands_are_recorded(
    media: Path, command: list[str], options: dict[str, Any], expected: str
) -> None:
    (media / "temp" / "lost.mp4").write_bytes(b"x")
    set_aside(StoredFile("temp", "lost.mp4"), why="No row names it.")
    with acting_as_command(["manage.py", *command]):
        call_command(*command, stdout=StringIO(), **options)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_id, entry.source) == (expected, None, Source.COMMAND)
    assert entry.actor_name == f"manage.py {command[0]}"


def test_many_acts_are_recorded_with_one_insert(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    uploader, staff = make_user(), make_moderator()
    videos = [make_video(uploader=one) for one in (uploader, uploader, staff)]
    actor = Actor(staff.pk, staff.username, Source.ADMIN, is_staff=True)
    with acting(lambda: actor), django_assert_num_queries(2):
        acts = acts_on_videos(Video.objects.filter(pk__in=[video.pk for video in videos]))
        record_many_by_staff("video.hide", acts)
    found = set(AuditEntry.objects.values_list("object_id", "member_id", "member_rank"))
    assert found == {(str(video.pk), uploader.pk, 0) for video in videos[:2]}, "not their own"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="makes a trigger in SQLite's language")
@pytest.mark.parametrize("page", ["login", "admin:login"])
def test_staff_who_cannot_be_recorded_are_not_logged_in(media: Path, page: str) -> None:
    make_moderator("mod", password=PASSWORD)
    client = Client(raise_request_exception=False)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER full BEFORE INSERT ON audit_entries"
            " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
        answer = client.post(reverse(page), {"username": "mod", "password": PASSWORD})
        cursor.execute("DROP TRIGGER full")
    assert answer.status_code >= 500
    assert client.get(reverse("settings")).status_code == 302
