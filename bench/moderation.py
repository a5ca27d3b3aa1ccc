"""Reports, the trash, reviews and jobs on the sites of `bench.pages`, and the pages of staff that
show them."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from bench.audit_log import pages_of_the_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from accounts.models import User
    from videos.models import Job, Report, Video

VIDEOS_PER_REPORT: Final = 10  # also per video in the trash
VIDEOS_PER_REVIEW: Final = 200  # also per hidden video
LEAST: Final = 100  # of each, so that the first page of each list is full at every size
OWN_TRASH: Final = 30  # of the viewer at least, for the same reason
OPEN_OF: Final = 4  # one of so many reports is open, but at least LEAST
MANY: Final = 2000  # rows of one INSERT


def add_moderation(size: int, users: list[User], *, now: datetime) -> None:
    """Adds what staff care for: some of each kind for each video of the site."""
    from videos.models import Job, Report, Video

    finished = Video.objects.filter(processing_status="COMPLETED", trashed_at=None)
    videos = list(finished.order_by("created_at"))
    trashed = max(LEAST, size // VIDEOS_PER_REPORT)
    reports = max(LEAST * OPEN_OF, size // VIDEOS_PER_REPORT)
    made: tuple[tuple[Iterator[Any], Any], ...] = (
        (_trashed(trashed, users, now), Video),
        (_reports(reports, videos, users, now), Report),
        (_done(videos, now), Job),
    )
    for rows, model in made:
        while some := list(islice(rows, MANY)):
            model._default_manager.bulk_create(some)
    hidden = max(LEAST, size // VIDEOS_PER_REVIEW)
    _add_reviews(videos[1 :: len(videos) // hidden], now)


def _done(videos: list[Video], now: datetime) -> Iterator[Job]:
    """One for each video; LEAST have failed, and as many are of another kind."""
    from videos.models import Job

    every = len(videos) // LEAST
    for number, video in enumerate(videos):
        yield Job(
            video=video,
            kind="ENRICH" if number % every == 1 else "PUBLISH",
            state="DONE" if number % every else "FAILED",
            created_at=video.created_at,
            started_at=video.created_at,
            finished_at=now,
        )


def _trashed(count: int, users: list[User], now: datetime) -> Iterator[Video]:
    from accounts.models import User
    from videos.models import Video

    viewer, staff = (User.objects.get(username=name) for name in ("viewer", "staff"))
    for number in range(count):
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
        video = (
            middle if number < 10 * OPEN_OF else videos[number * VIDEOS_PER_REPORT % len(videos)]
        )
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
    from videos.models import Report, Video

    member = User.objects.get(username="member_0")
    reported = Report.objects.filter(state="OPEN", video=middle)[0]
    trashed = Video.objects.get(title="Trashed 1").short_id
    return {
        **_lists(),
        "a report": reverse("admin:videos_report_change", args=[reported.pk]),
        "profile, staff": member.get_absolute_url(),
        "a member in the admin": reverse("admin:accounts_user_change", args=[member.pk]),
        "before deleting for good": reverse("video_delete_for_good", args=[trashed]),
        "a video in the admin": reverse("admin:videos_video_change", args=[middle.pk]),
        "history of a video": reverse("admin:videos_video_history", args=[middle.pk]),
        **pages_of_the_log(middle),
        "video, staff": middle.get_absolute_url(),
        "moderate menu": reverse("moderate", args=[middle.short_id]),
        "statistics, a month": "/admin/videos/dailystatistics/?days=30",
        "statistics, a year": "/admin/videos/dailystatistics/?days=365",
        "home of staff": "/",
        "needs attention": "/admin/",
    }


def _lists() -> dict[str, str]:
    """Addresses of lists in the admin."""
    from django.urls import reverse

    from categories.models import Category

    category = Category.objects.get(name="Music").pk
    names = {
        "videos": "videos_video",
        "members": "accounts_user",
        "comments": "videos_comment",
        "reports": "videos_report",
        "uploads": "videos_upload",
        "jobs": "videos_job",
        "categories": "categories_category",
        "playlists": "videos_playlist",
    }
    of = {name: reverse(f"admin:{model}_changelist") for name, model in names.items()}
    return {
        **{f"admin, {name}": address for name, address in of.items()},
        "admin, videos in the trash": f"{of['videos']}?trash=yes",
        "admin, hidden videos": f"{of['videos']}?is_hidden__exact=1",
        "admin, failed videos": f"{of['videos']}?processing_status__exact=FAILED",
        "admin, videos of a category": f"{of['videos']}?category__id__exact={category}",
        "admin, jobs that wait": f"{of['jobs']}?state__exact=WAITING",
        "admin, failed jobs": f"{of['jobs']}?state__exact=FAILED",
        "admin, jobs of a kind": f"{of['jobs']}?kind__exact=ENRICH",
        "admin, all reports": f"{of['reports']}?state=all",
        "admin, reports, one reason": f"{of['reports']}?reason__exact=UNFIT",
    }


def moderator_pages(middle: Video) -> dict[str, str]:
    """The same for a moderator, whose rights are asked about in these queries."""
    kept = ("admin, reports", "admin, members", "audit log", "audit log, by who", "moderate menu")
    found = staff_pages(middle)
    more = ("needs attention", "a report", "history of a video")
    return {f"{name} (moderator)": found[name] for name in (*kept, *more)}
