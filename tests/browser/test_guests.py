"""A guest's player when its link is revoked, and screenshots of the pages; see test_by_hand.py."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests import clips
from tests.browser.conftest import results
from tests.browser.player import wait_until
from tests.videos.stored_videos import kept_video
from videos.models import GuestLink
from videos.services.guest_links import create_guest_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User
    from videos.models import Video

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]
DESCRIPTION = "The harvest of 2024, from the first morning on.\n\nMore: https://example.org/hills"


@pytest.fixture
def video(bob: User) -> Video:
    clip = clips.h264_mp4(seconds=3, size="640x360")
    return kept_video(
        bob, clip, is_enriched=False, title="Harvest in the hills", description=DESCRIPTION
    )


def test_a_guests_player_says_when_the_link_is_closed_while_it_plays(
    visit: Callable[..., Page], video: Video, problems: list[str]
) -> None:
    guest = visit(None)
    issued = create_guest_link(
        video=video, created_by=video.uploaded_by, lifetime=timedelta(days=1)
    )
    guest.goto(f"/s/{issued.token}/")
    wait_until(guest, "video.readyState >= 1")
    GuestLink.objects.update(revoked_at=timezone.now())
    guest.locator("video").evaluate("video => { video.src = 'stream.mp4?again'; }")
    expect(guest.locator(".player__hint")).to_have_text(
        "This link no longer works. Ask for a new one."
    )
    problems.clear()


@pytest.mark.long  # takes screenshots; test_access.py looks at the page of a guest in each run
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pictures_of_the_pages_of_guests(
    visit: Callable[..., Page],
    bob: User,
    video: Video,
    problems: list[str],
    width: int,
    colours: str,
) -> None:
    look = {"viewport": {"width": width, "height": 844}, "color_scheme": colours}
    member, guest = visit(bob, **look), visit(None, **look)
    share = f"{video.get_absolute_url()}share/"

    def shoot(page: Page, name: str) -> None:
        overflow = "() => document.documentElement.scrollWidth - innerWidth"
        assert page.evaluate(overflow) <= 0, name
        path = results(f"guests/{name}-{width}-{colours}.png")
        page.screenshot(path=path, full_page=True)

    member.goto(share)
    shoot(member, "share-none")
    tokens = [
        create_guest_link(
            video=video, created_by=bob, lifetime=timedelta(days=days), note=note
        ).token
        for days, note in ((7, "Grandma"), (30, "The rowing club, for the evening"), (1, ""),
                           (365, "x" * 100), (7, "Uncle Tom"))
    ]  # fmt: skip
    GuestLink.objects.filter(note="Grandma").update(
        view_count=12, last_viewed_at=timezone.now() - timedelta(hours=3)
    )
    GuestLink.objects.filter(note="Uncle Tom").update(revoked_at=timezone.now())
    GuestLink.objects.filter(note="").update(
        created_at=timezone.now() - timedelta(days=2),
        expires_at=timezone.now() - timedelta(days=1),
    )
    member.goto(share)
    shoot(member, "share-some")
    member.get_by_label(re.compile("Label")).fill("Aunt Mary")
    member.click("text=Create guest link")
    expect(member.locator("#guest-link")).to_be_visible()
    shoot(member, "share-made")
    guest.goto(f"/s/{tokens[0]}/")
    wait_until(guest, "video.readyState >= 2")
    shoot(guest, "guest")
    guest.goto(f"/s/{tokens[-1]}/")
    shoot(guest, "guest-closed")
    problems[:] = [said for said in problems if "410" not in said]
