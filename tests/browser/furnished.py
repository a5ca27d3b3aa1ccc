"""Fills a site with examples of everything that pages show."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from PIL import Image

from accounts.models import Invitation, Role, User
from accounts.services.avatars import set_avatar
from accounts.services.invitations import issue_invitation
from accounts.services.passwords import reset_link
from clipset.lib.pictures import write_whole
from tests import clips
from tests.builders import make_category, make_playlist, make_user, make_video
from tests.videos.stored_videos import kept_video
from videos.models import (
    Caption,
    Comment,
    GuestLink,
    Job,
    Notification,
    NotificationKind,
    ProcessingStatus,
    Video,
)
from videos.selectors.comments import REPLIES_SHOWN
from videos.services.captions import add_caption
from videos.services.comments import delete_comment, edit_comment, write_comment
from videos.services.guest_links import create_guest_link, revoke_guest_link
from videos.services.hiding import hide_comment, hide_video
from videos.services.likes import set_like
from videos.services.reports import (
    Answer,
    reject_report,
    report_comment,
    report_member,
    report_video,
    resolve_report,
)
from videos.services.reviews import ask_for_review
from videos.services.search_index import index_video
from videos.services.trash import trash_video
from videos.services.watch_progress import save_position

if TYPE_CHECKING:
    from pathlib import Path

SRT = b"1\n00:00:00,500 --> 00:00:01,500\nThe harvest begins\n"
DESCRIPTION = (
    "From 0:01 on one sees the valley.\n\nMore at https://example.org/ and below, where there is "
    "room for much more than three lines, so that the rest of it is folded until somebody asks.\n\n"
    "Filmed on the last warm evening of the year.\n\nThe music is our own."
)


def furnish(root: User, media: Path) -> dict[str, str]:
    """Fills the site and returns the values for the {braces} of tests/browser/pages.py.

    `root` is an admin. bob uploads, alice is another member, dora is new and has nothing, wendy has
    used up her quota of this week.
    """
    bob, alice = make_user("bob"), make_user("alice")
    make_user("dora")
    make_user("wendy", weekly_upload_limit_bytes=1024, weekly_upload_bytes=1024)
    for number in range(4):
        make_user(f"Konstantin_von_und_zu_Hohenfels_{number}")
    set_avatar(user=alice, picture=_picture())
    music = make_category("Music", created_by=root, description="Songs, and what else sounds.")
    music.image = "music.webp"
    music.save()
    write_whole(media / "categories" / music.image, _picture("WEBP").read())
    make_category("Bare", created_by=root)

    video_file = _video(bob, category=music)
    names = {"video": video_file.short_id} | _comments(video_file, alice, bob) | _links(video_file)
    thumbnail: dict[str, Any] = {
        "thumbnail_filename": video_file.thumbnail_filename,
        "thumbnail_root": video_file.thumbnail_root,
    }
    for number in range(6):
        make_video(
            f"Video {number}", uploader=alice, category=music, view_count=number * 321, **thumbnail
        )
    make_video("Averylongtitlewithoutanyspaces" * 4, uploader=alice, **thumbnail)
    begun = make_video(
        "The old bridge",
        uploader=alice,
        description="Built of stone.",
        duration_seconds=3723.0,
        **thumbnail,
    )
    save_position(video=begun, member=bob, seconds=1400, ended=False)
    hidden, hidden_too = (
        hide_video(
            video=make_video(title, uploader=bob, **thumbnail),
            by=root,
            reason="PRIVACY",
            text="The song at the end is not ours.",
        )
        for title in ("Not for everybody", "Not for everybody either")
    )
    ugly = write_comment(video=video_file, author=alice, text="That's not music.")
    hide_comment(comment=ugly, by=root, reason="HARASSMENT", text="Say it kindly.")
    ask_for_review(video=hidden, by=bob, text="I made the song myself, listen again at 1:20.")
    waiting = make_video("In the queue", uploader=bob, status=ProcessingStatus.PENDING)
    Job.objects.create(video=waiting)
    making = make_video("Being made", uploader=bob, status=ProcessingStatus.PROCESSING, **thumbnail)
    Job.objects.create(
        video=making,
        state="RUNNING",
        lease_owner="w",
        lease_until=timezone.now() + timedelta(hours=1),
        progress=42,
        seconds_left=90,
    )
    failed = make_video("Did not work", uploader=bob, status=ProcessingStatus.FAILED)
    trashed = make_video("Regretted", uploader=bob, description=DESCRIPTION, **thumbnail)
    trashed_waiting = make_video("Too soon", uploader=bob, status=ProcessingStatus.PENDING)
    of_root = make_video("Yesterday's test", uploader=root, **thumbnail)
    unwanted = make_video("Unwanted", uploader=alice, **thumbnail)
    for video, by in ((trashed, bob), (trashed_waiting, bob), (of_root, root)):
        trash_video(video=video, by=by)
    for kind, video in (
        (NotificationKind.PROCESSED, video_file),
        (NotificationKind.FAILED, failed),
    ):
        Notification.objects.create(member=bob, kind=kind, video=video)
    _reports(bob, alice, begun, Comment.objects.get(pk=names["said"]))
    summer = make_playlist("Summer by the sea", made_by=bob, description="All of it, in order.")
    for place, video in enumerate(Video.objects.published()[:5]):
        summer.entries.create(video=video, position=place)
    return names | {
        "bare": begun.short_id,
        "hidden": hidden.short_id,
        "hidden_too": hidden_too.short_id,
        "waiting": waiting.short_id,
        "making": making.short_id,
        "failed": failed.short_id,
        "trashed": trashed.short_id,
        "unwanted": unwanted.short_id,
        "trashed_waiting": trashed_waiting.short_id,
        "playlist": summer.short_id,
        "empty_playlist": make_playlist("Winter", made_by=bob).short_id,
        "reset_link": "/" + reset_link(make_user("paul")).split("/", 3)[3],
        **_invitations(root),
    }


def _picture(kind: str = "PNG") -> io.BytesIO:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((320, 180)).convert("RGB").save(out, kind)
    out.seek(0)
    return out


def _video(bob: User, **fields: Any) -> Video:
    """Makes a video that plays and has everything that a video can have."""
    clip = clips.h264_mp4(seconds=2, size="1152x640", fps="10", gop=20)
    video_file = Video.objects.get(pk=kept_video(bob, clip).pk)
    fields |= {"title": "Harvest in the hills", "description": DESCRIPTION, "view_count": 12345}
    fields |= {"processing_note": "The sound couldn't be kept."}
    Video.objects.filter(pk=video_file.pk).update(**fields)
    video_file.refresh_from_db()
    index_video(video_file.pk)
    add_caption(video=video_file, contents=SRT, language="en", label="")
    add_caption(video=video_file, contents=SRT, language="de", label="")
    withheld = add_caption(video=video_file, contents=SRT, language="fr", label="")
    Caption.objects.filter(pk=withheld.pk).update(has_coordinates=True, is_withheld=True)
    return video_file


def _comments(video_file: Video, alice: User, bob: User) -> dict[str, str]:
    said = write_comment(video=video_file, author=alice, text="What a light at 0:01! More of it?")
    for number in range(REPLIES_SHOWN + 1):
        write_comment(
            video=video_file, author=bob, text=f"Number {number}: https://e.org/", reply_to=said
        )
    mine = write_comment(video=video_file, author=bob, text="Who is on the left?")
    edit_comment(comment=mine, text="Who stands on the left at 0:01?", editor=bob)
    gone = write_comment(video=video_file, author=alice, text="Oh no")
    write_comment(video=video_file, author=bob, text="What did you say?", reply_to=gone)
    delete_comment(comment=gone, by=alice)
    set_like(video=video_file, member=bob, liked=True)
    return {"said": str(said.pk), "mine": str(mine.pk)}


def _reports(bob: User, alice: User, video: Video, comment: Comment) -> None:
    """Makes an open and a handled report by bob, and one that was about bob."""
    mona = make_user("mona", role=Role.MODERATOR)
    report = report_comment(comment=comment, reporter=bob, reason="HARASSMENT")
    answer = Answer(message_to_reporter="Thanks. alice was asked to be kind.")
    resolve_report(report=report, by=mona, answer=answer)
    report_video(video=video, reporter=bob, reason="OTHER", text="I filmed this, not alice.")
    report = report_member(member=bob, reporter=alice, reason="UNFIT", text="Again and again.")
    reject_report(report=report, by=mona, answer=Answer(message_to_member="Please be brief."))


def _links(video_file: Video) -> dict[str, str]:
    """Makes guest links: an active one, one revoked a moment ago, an expired one."""
    bob, week = video_file.uploaded_by, timedelta(days=7)
    link = create_guest_link(video=video_file, created_by=bob, lifetime=week, note="Mary")
    closed = create_guest_link(
        video=video_file, created_by=bob, lifetime=week, note="The neighbours"
    )
    revoke_guest_link(link=closed.link)
    old = create_guest_link(video=video_file, created_by=bob, lifetime=week)
    GuestLink.objects.filter(pk=old.link.pk).update(
        created_at=timezone.now() - 2 * week, expires_at=timezone.now() - week, view_count=3
    )
    return {"guest": link.token, "closed": closed.token}


def _invitations(root: User) -> dict[str, str]:
    """Makes invitations: a pending one, a used one, an expired one."""
    issued = {
        name: issue_invitation(email=f"{name}@example.org", role=Role.USER, created_by=root)
        for name in ("mary", "used", "late")
    }
    now = timezone.now()
    pick = Invitation.objects.filter
    pick(pk=issued["used"].invitation.pk).update(used_at=now)
    pick(pk=issued["late"].invitation.pk).update(expires_at=now - timedelta(days=1))
    tokens = {name: one.link.rstrip("/").rpartition("/")[2] for name, one in issued.items()}
    return {"invitation": tokens["mary"], "used": tokens["used"]}
