"""Reports, the audit log, the trash and reviews on the sites of `bench.pages`, and the pages of
staff that show them."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from accounts.models import User
    from siteconfig.models import AuditEntry
    from videos.models import Report, Video

VIDEOS_PER_REPORT: Final = 10  # also per video in the trash
VIDEOS_PER_REVIEW: Final = 200
ENTRIES_PER_VIDEO: Final = 10
OWN_TRASH: Final = 30  # of the viewer at least, so that the first page is full at every size
OPEN_OF: Final = 4  # one of so many reports is open
OF_THE_MIDDLE: Final = 60  # entries about the middle video
ACTIONS: Final = ("video.hide", "video.unhide", "video.edit", "comment.delete", "member.activate")
RARE_ACTION: Final = "video.move"
MANY: Final = 2000  # rows of one INSERT


def add_moderation(size: int, users: list[User], *, now: datetime) -> None:
    """Adds what staff care for: some of each kind for each video of the site."""
    from siteconfig.models import AuditEntry
    from videos.models import Report, Video

    finished = Video.objects.filter(processing_status="COMPLETED", trashed_at=None)
    videos = list(finished.order_by("created_at"))
    made: tuple[tuple[Iterator[Any], Any], ...] = (
        (_trashed(size, users, now), Video),
        (_reports(size // VIDEOS_PER_REPORT, videos, users, now), Report),
        (_entries(size * ENTRIES_PER_VIDEO, videos, users, now), AuditEntry),
    )
    for rows, model in made:
        while some := list(islice(rows, MANY)):
            model._default_manager.bulk_create(some)
    _add_reviews(videos[1::VIDEOS_PER_REVIEW], now)


def _trashed(size: int, users: list[User], now: datetime) -> Iterator[Video]:
    from accounts.models import User
    from videos.models import Video

    viewer, staff = (User.objects.get(username=name) for name in ("viewer", "staff"))
    for number in range(size // VIDEOS_PER_REPORT):
        is_own = number % 10 == 0 or number < OWN_TRASH
        yield Video(
            title=f"Trashed {number}",
            description="Nobody needs this.",
            uploaded_by=viewer if is_own else users[number % len(users)],
            created_at=now - timedelta(days=9, minutes=number),
            trashed_at=now - timedelta(minutes=number),
            trashed_by=viewer if is_own else staff,
            filename=f"trashed-{number}.mp4",
            storage_root="videos",
            original_filename="a.mp4",
            file_size_bytes=1,
            stored_bytes=9,
            processing_status="COMPLETED",
        )


def _reports(count: int, videos: list[Video], users: list[User], now: datetime) -> Iterator[Report]:
    """Of each kind of thing; a tenth about the first member, and ten open ones of one video."""
    from videos.models import Report

    middle = videos[len(videos) // 2]
    staff, first = _staff(), users[0]
    has_open = set[tuple[Any, Any]]()  # nobody has two open reports of one thing
    for number in range(count):
        video = middle if number < 10 * OPEN_OF else videos[number * VIDEOS_PER_REPORT]
        is_open = number % OPEN_OF == 0
        about = first if number % 10 == 0 else users[number % len(users)]
        is_member = number % 3 == 1
        reporter = users[(number // OPEN_OF + number // len(users)) % len(users)]
        pair = (reporter.pk, about.pk if is_member else video.pk)
        if is_open and pair in has_open:
            continue
        has_open.add(pair)
        yield Report(
            kind="MEMBER" if is_member else "VIDEO",
            video=None if is_member else video,
            member=about,
            title=about.username if is_member else video.title,
            member_name=about.username,
            reporter=reporter,
            reason="RIGHTS",
            text="This is not what it says.",
            state="OPEN" if is_open else ("RESOLVED", "REJECTED")[number % 2],
            created_at=now - timedelta(minutes=number),
            handled_at=None if is_open else now,
            handled_by=None if is_open else staff,
        )


def _entries(
    count: int, videos: list[Video], users: list[User], now: datetime
) -> Iterator[AuditEntry]:
    from siteconfig.models import AuditEntry
    from siteconfig.models.audit import name_key

    chance = random.Random(7)  # noqa: S311 the same entries at each run
    actors: list[Any] = [_staff(), *users[:20]]
    middle, every = videos[len(videos) // 2], max(1, count // OF_THE_MIDDLE)
    for number in range(count):
        video = middle if number % every == 0 else chance.choice(videos)
        action = "video.hide" if video is middle else chance.choice(ACTIONS)
        if number % every == 1:
            action = RARE_ACTION
        # The first actor does nearly everything, the last one little.
        actor = actors[0] if number % 10 else actors[1 + number % 20]
        yield AuditEntry(
            at=now - timedelta(seconds=count - number),
            actor_id=actor.pk,
            actor_name=actor.username,
            source="admin",
            action=action,
            object_kind=action.partition(".")[0],
            object_id=str(video.pk),
            object_name=video.title,
            name_key=name_key(video.title),
            member_id=video.uploaded_by_id,
            member_rank=0,
            before={"is_hidden": False},
            after={"is_hidden": True},
        )


def _add_reviews(videos: list[Video], now: datetime) -> None:
    """Hides the videos, whose uploaders ask for a review."""
    from videos.models import ReviewRequest, Video

    Video.objects.filter(pk__in=[video.pk for video in videos]).update(
        is_hidden=True, hidden_at=now, hidden_reason="OTHER", hidden_text="Bad."
    )
    ReviewRequest.objects.bulk_create(
        (ReviewRequest(video=video, text="Please look again.", asked_at=now) for video in videos),
        MANY,
    )


def _staff() -> User:
    from accounts.models import User

    return User.objects.get(username="staff")


def staff_pages(middle: Video) -> dict[str, str]:
    """Addresses of what staff see, by their names in the table."""
    from django.urls import reverse

    from accounts.models import User
    from videos.models import Report

    member = User.objects.get(username="member_0")
    reported = Report.objects.filter(state="OPEN", video=middle)[0]
    lists = {
        f"admin, {name}": reverse(f"admin:{model}_changelist")
        for name, model in (
            ("videos", "videos_video"),
            ("members", "accounts_user"),
            ("comments", "videos_comment"),
            ("reports", "videos_report"),
            ("uploads", "videos_upload"),
            ("jobs", "videos_job"),
            ("categories", "categories_category"),
        )
    }
    return {
        **lists,
        "admin, videos in the trash": f"{lists['admin, videos']}?trash=yes",
        "admin, hidden videos": f"{lists['admin, videos']}?is_hidden__exact=1",
        "admin, all reports": f"{lists['admin, reports']}?state=all",
        "admin, reports, one reason": f"{lists['admin, reports']}?reason__exact=UNFIT",
        "a report": reverse("admin:videos_report_change", args=[reported.pk]),
        "a member in the admin": reverse("admin:accounts_user_change", args=[member.pk]),
        "a video in the admin": reverse("admin:videos_video_change", args=[middle.pk]),
        "history of a video": reverse("admin:videos_video_history", args=[middle.pk]),
        **_pages_of_the_log(middle),
        "video, staff": middle.get_absolute_url(),
        "moderate menu": reverse("moderate", args=[middle.short_id]),
        "statistics, a month": "/admin/videos/dailystatistics/?days=30",
        "statistics, a year": "/admin/videos/dailystatistics/?days=365",
        "home of staff": "/",
        "needs attention": "/admin/",
    }


def _pages_of_the_log(middle: Video) -> dict[str, str]:
    from django.urls import reverse

    from siteconfig.models import AuditEntry

    log = reverse("admin:siteconfig_auditentry_changelist")
    newest = AuditEntry.objects.values_list("pk", flat=True)[0]
    return {
        "audit log": log,
        "audit log, half-way": f"{log}?before={newest // 2}",
        "audit log, an action": f"{log}?action=video.hide",
        "audit log, a rare action": f"{log}?action={RARE_ACTION}",
        "audit log, by who": f"{log}?who=staff",
        "audit log, by who and action": f"{log}?who=member_3&action=comment.delete",
        "audit log, search": f"{log}?q={middle.title[:1]}",
        "audit log, days": f"{log}?since=2025-12-31&until=2026-01-01",
    }


def moderator_pages(middle: Video) -> dict[str, str]:
    """The same for a moderator, whose rights are asked about in these queries."""
    kept = ("admin, reports", "admin, members", "audit log", "audit log, by who", "moderate menu")
    found = staff_pages(middle)
    more = ("needs attention", "a report", "history of a video")
    return {f"{name} (moderator)": found[name] for name in (*kept, *more)}
