"""Guest links, which open one video to people who are not members."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.services.members import deactivate_member
from tests.builders import live_for, make_admin, make_user, make_video
from videos.models import GuestLink, Video
from videos.querysets import UNDO_WITHIN
from videos.services import guest_links
from videos.services.guest_links import (
    IssuedGuestLink,
    count_guest_view,
    create_guest_link,
    forget_ended_links,
    restore_guest_link,
    revoke_guest_link,
)
from videos.services.hiding import hide_video, unhide_video

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def issued_for(video: Video, **fields: object) -> IssuedGuestLink:
    fields = {"lifetime": 7 * DAY, "created_by": video.uploaded_by} | fields
    return create_guest_link(video=video, **fields)  # type: ignore[arg-type]


def opens(token: str) -> list[Video]:
    return list(Video.objects.opened_by(token))


def test_a_link_opens_its_video_alone_and_its_token_is_stored_nowhere() -> None:
    video, other = make_video(), make_video()
    issued = issued_for(video, note="  Grandma\n")
    assert opens(issued.token) == [video]
    assert issued.link.note == "Grandma"
    assert opens(issued_for(other).token) == [other]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM guest_links")
        assert issued.token not in str(cursor.fetchall())


def test_what_is_no_token_opens_nothing() -> None:
    link = issued_for(make_video()).link
    for token in ("", "x", "x" * 43, link.token_hash, str(link.pk), "\x00", "\ud800"):
        assert opens(token) == []


def test_a_link_opens_nothing_while_its_maker_could_not_open_it() -> None:
    make_admin()
    video = make_video()
    token = issued_for(video).token

    hide_video(video=video, by=video.uploaded_by)
    assert opens(token) == []
    unhide_video(video=video, by=video.uploaded_by)
    assert opens(token) == [video]

    for status in ("PENDING", "PROCESSING", "FAILED"):
        Video.objects.update(processing_status=status, error_message="No.")
        assert opens(token) == []
    Video.objects.update(processing_status="COMPLETED")

    deactivate_member(user=video.uploaded_by)
    assert opens(token) == []


def test_a_link_ends_with_its_time() -> None:
    issued = issued_for(make_video(), lifetime=DAY)
    assert opens(issued.token)
    assert not GuestLink.objects.get().is_over
    GuestLink.objects.update(
        created_at=timezone.now() - 2 * DAY, expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert GuestLink.objects.get().is_over
    assert opens(issued.token) == []


def test_a_link_of_somebody_else_than_the_uploader_opens_nothing() -> None:
    issued = issued_for(make_video())
    GuestLink.objects.update(created_by=make_admin())
    assert opens(issued.token) == []


def test_a_link_goes_with_its_video() -> None:
    video = make_video()
    token = issued_for(video).token
    video.delete()
    assert opens(token) == []
    assert not GuestLink.objects.exists()


def test_a_revoked_link_is_closed_and_can_be_opened_again_for_a_moment() -> None:
    video = make_video()
    issued, other = issued_for(video), issued_for(video)
    assert revoke_guest_link(link=issued.link)
    assert not revoke_guest_link(link=issued.link), "a second time"
    assert opens(issued.token) == []
    assert opens(other.token) == [video]

    assert GuestLink.objects.get(pk=issued.link.pk).can_be_restored
    assert restore_guest_link(link=issued.link)
    assert opens(issued.token) == [video]
    assert not restore_guest_link(link=issued.link)

    revoke_guest_link(link=issued.link)
    GuestLink.objects.filter(pk=issued.link.pk).update(revoked_at=timezone.now() - UNDO_WITHIN)
    assert not GuestLink.objects.get(pk=issued.link.pk).can_be_restored
    assert not restore_guest_link(link=issued.link)
    assert opens(issued.token) == []


def test_what_is_restored_does_not_outlive_its_time() -> None:
    issued = issued_for(make_video())
    GuestLink.objects.update(
        created_at=timezone.now() - 2 * DAY,
        expires_at=timezone.now() - DAY,
        revoked_at=timezone.now(),
    )
    assert not GuestLink.objects.get(pk=issued.link.pk).can_be_restored
    restore_guest_link(link=issued.link)
    assert opens(issued.token) == []


@pytest.mark.parametrize("fields", [{"is_hidden": True}, {"status": "PROCESSING"}])
def test_no_link_is_made_that_would_open_nothing(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        issued_for(make_video(**fields))  # type: ignore[arg-type]
    assert not GuestLink.objects.exists()


def test_nobody_makes_a_link_to_the_video_of_another() -> None:
    for user in (make_user(), make_admin()):
        with pytest.raises(ValidationError, match="Only the uploader"):
            issued_for(make_video(), created_by=user)


@pytest.mark.parametrize("lifetime", [timedelta(0), -DAY, 366 * DAY])
def test_every_link_ends_some_day(lifetime: timedelta) -> None:
    with pytest.raises(ValidationError, match="a year at most"):
        issued_for(make_video(), lifetime=lifetime)
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        GuestLink.objects.create(
            video=make_video(), created_by=make_user(), created_at=now, expires_at=now
        )


def test_a_video_has_so_many_open_links_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest_links, "MAX_ACTIVE_LINKS", 2)
    video = make_video()
    first = issued_for(video)
    issued_for(video)
    with pytest.raises(ValidationError, match="2 active links"):
        issued_for(video)
    issued_for(make_video())
    revoke_guest_link(link=first.link)
    third = issued_for(video)
    with pytest.raises(ValidationError, match="2 active links"):
        restore_guest_link(link=first.link)
    assert opens(first.token) == []
    revoke_guest_link(link=third.link)
    assert restore_guest_link(link=first.link)


def test_a_view_counts_once_a_day_for_an_address() -> None:
    video = make_video()
    issued, other = issued_for(video), issued_for(video)
    counted = [
        count_guest_view(token=issued.token, client=client)
        for client in ("192.0.2.1", "192.0.2.1", "192.0.2.2")
    ]
    assert counted == [True, False, True]
    assert count_guest_view(token=other.token, client="192.0.2.1")
    issued.link.refresh_from_db()
    other.link.refresh_from_db()
    assert (issued.link.view_count, other.link.view_count) == (2, 1)
    assert issued.link.last_viewed_at is not None
    video.refresh_from_db()
    assert video.view_count == 0, "which counts members"


def test_links_that_were_over_for_long_are_forgotten() -> None:
    video, now = make_video(), timezone.now()
    kept, run_out, revoked, lately = (issued_for(video).link for _ in range(4))
    long_ago = now - 31 * DAY
    GuestLink.objects.filter(pk=run_out.pk).update(created_at=long_ago - DAY, expires_at=long_ago)
    GuestLink.objects.filter(pk=revoked.pk).update(revoked_at=long_ago)
    GuestLink.objects.filter(pk=lately.pk).update(revoked_at=now - 29 * DAY)
    assert forget_ended_links() == 0, "the clock may have leapt"
    live_for(31)
    assert forget_ended_links() == 2
    assert set(GuestLink.objects.all()) == {kept, lately}
