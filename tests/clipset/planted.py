"""A site with something in every state, in which all that is private carries a mark.

A mark is a word that is nowhere else on the site, and the table says which visitors may read it.
tests/clipset/test_crawl.py looks for marks in what each visitor receives.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from accounts.models import Invitation, Role, Session, User
from accounts.services.invitations import issue_invitation
from accounts.services.members import deactivate_member
from accounts.services.passwords import reset_link
from accounts.services.trash import trash_members
from clipset.lib.pictures import write_whole
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.models import AuditEntry, BackupRun, Config, DoctorRun
from siteconfig.services.audit import record
from tests.builders import (
    PASSWORD,
    make_admin,
    make_caption,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from tests.videos.transcode import built
from videos.models import (
    Comment,
    DailyStatistics,
    GuestLink,
    Job,
    Notification,
    Playlist,
    Removal,
    RemovalReason,
    Rendition,
    Report,
    Upload,
    Video,
)
from videos.services.comments import delete_comment, write_comment
from videos.services.guest_links import create_guest_link, revoke_guest_link
from videos.services.hiding import hide_comment, hide_video
from videos.services.likes import set_like
from videos.services.playlists import delete_playlist
from videos.services.reports import (
    Answer,
    reject_report,
    report_comment,
    report_member,
    report_video,
    resolve_report,
)
from videos.services.reviews import answer_review, ask_for_review
from videos.services.trash import trash_video
from videos.services.uploads.create import VideoDetails, create_upload
from videos.services.watch_progress import save_position
from videos.transcode.sound_tracks import SoundTrack, stored_tracks
from videos.transcode.storyboard import plan_storyboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Who visits. Somebody invited has a link to register, a guest one to a video.
VISITORS: Final = (
    *("nobody", "invited", "guest", "member", "uploader", "reported", "moderator", "admin"),
)
STAFF: Final = ("moderator", "admin")
OLD: Final = 26  # videos, more than a page of them
WORD: Final = "zq"  # with which a mark begins and ends; a search for it finds all of them

MEMBERS_BEGIN: Final = ("/", "/admin/", f"/?q={WORD}", f"/users/?q={WORD}")
STAFF_BEGIN: Final = tuple(
    f"/admin/{name}/?q={WORD}"
    for name in (
        *("videos/video", "videos/comment", "videos/report", "videos/playlist", "videos/upload"),
        *("videos/job", "accounts/user", "accounts/invitation", "siteconfig/auditentry"),
    )
)

# Mark without its ends -> who may read it, besides those named in PAGES_OF_NAMES.
MARKS: Final[dict[str, tuple[str, ...]]] = {
    # Videos of the uploader that others may not watch.
    "hiddentitle": ("uploader", *STAFF),
    "hiddentext": ("uploader", *STAFF),
    "hiddenwhy": ("uploader", *STAFF),
    "ownhidden": ("uploader", *STAFF),
    "reviewtext": ("uploader", *STAFF),
    "reviewanswer": ("uploader", *STAFF),
    "trashtitle": ("uploader", *STAFF),
    "trashtext": ("uploader", *STAFF),
    "pendingtitle": ("uploader", *STAFF),
    "processingtitle": ("uploader", *STAFF),
    "failedtitle": ("uploader", *STAFF),
    "failedwhy": ("uploader", *STAFF),
    "processingnote": ("uploader", *STAFF),
    "originalname": ("uploader", *STAFF),
    "storedname": STAFF,
    "uploadname": ("uploader", *STAFF),
    "uploadtitle": ("uploader", *STAFF),
    "uploadmeta": (),
    "linknote": ("uploader", *STAFF),
    "withheld": (),
    "removedcaption": (),
    "leaseowner": (),
    # Comments.
    "hiddencomment": ("member", *STAFF),  # its author
    "hiddencommentwhy": ("member", *STAFF),
    "commentofhidden": ("uploader", *STAFF),
    "commentoftrash": STAFF,
    "deletedcomment": STAFF,
    "deletedplaylist": (),  # its maker restores it from a message, once
    # A member in the trash, with a video, a comment and a playlist.
    "trashedmember": STAFF,
    "videoofmember": STAFF,
    "commentofmember": STAFF,
    "playlistofmember": STAFF,
    # Reports.
    "reporter": STAFF,
    "reporttext": STAFF,
    "reportnote": STAFF,
    "toreporter": STAFF,
    "tomember": ("reported", *STAFF),
    "memberreport": ("member", *STAFF),  # what the member reported
    "tothemember": ("member", *STAFF),
    "hider": STAFF,
    "accuser": ("admin",),
    "onmoderator": ("admin",),  # a report about the moderator who visits, and about another one
    "onothermoderator": ("admin",),
    "onadmin": (),  # about the admin who visits
    # Addresses.
    **{f"mail{name}": (name, "admin") for name in ("member", "uploader", "reported")},
    "mailmoderator": STAFF,
    "mailadmin": ("admin",),
    "mailtrashed": ("admin",),
    "mailinactive": ("admin",),
    "invitedbymoderator": ("invited", *STAFF),
    "invitedbyadmin": ("admin",),
    # The log, and what is for admins.
    "auditofmember": STAFF,
    "auditofmoderator": ("admin",),
    "auditofconfig": ("admin",),
    "backuperror": ("admin",),
    "backupplace": (),
    "doctorfinding": ("admin",),
    "doctorproblem": ("admin",),
    "removalkey": ("admin",),
    "removalerror": ("admin",),
    "useragent": (),
}
# Names of members are in the list of members for everybody who is logged in, and on their profiles.
PAGES_OF_NAMES: Final = ("directory", "profile", "member_report", "admin:accounts_user")


@dataclass
class Site:
    """Clients by visitor, the addresses at which each begins, and who may read each mark: words of
    MARKS with their ends, and secrets by their value."""

    clients: dict[str, Client]
    begins: dict[str, list[str]]
    marks: dict[str, tuple[str, ...]]
    secrets: dict[str, str]  # values of secrets, with what to call them
    # What stands in addresses, one dictionary for each thing.
    things: list[dict[str, Any]] = field(default_factory=list)


def mark(name: str) -> str:
    assert name in MARKS, name
    return f"{WORD}{name}{WORD}"


def plant(media: Path) -> Site:
    """Makes the site. Each visitor is logged in as the member of that name."""
    people = _members()
    secrets = {"the secret key": settings.SECRET_KEY}
    category = make_category("Music", created_by=people["admin"], description="Songs")
    category.image = "music.webp"
    category.save()
    write_whole(media / "categories" / "music.webp", b"picture")
    videos = dict(_videos(media, people, category))
    _comments(videos, people)
    _hidden(videos, people)
    _reports(videos, people)
    _lists(videos, people)
    tokens = _links(videos, people)
    tokens |= _invitations(people)
    _files_of_staff(people, videos)
    _audit(people, videos)
    secrets |= {f"the token of {name}": token for name, token in tokens.items()}
    _trash(videos, people)
    secrets |= _hashes()
    clients = {name: Client() for name in VISITORS}
    for name in VISITORS[VISITORS.index("member") :]:
        clients[name].force_login(people[name])
        secrets[f"the session of the {name}"] = clients[name].cookies["sessionid"].value
    Session.objects.update(user_agent=f"Mozilla/5.0 Firefox/120.0 {mark('useragent')}")
    # Each has a link of their own, which their pages show.
    readers = {"the token of open": ("guest",)}
    return Site(
        clients=clients,
        begins={
            **{name: ["/", "/admin/"] for name in ("nobody",)},
            **{name: list(MEMBERS_BEGIN) for name in VISITORS[VISITORS.index("member") :]},
            **{name: [*MEMBERS_BEGIN, *STAFF_BEGIN] for name in STAFF},
            "guest": ["/", f"/s/{tokens['open']}/", f"/s/{tokens['revoked']}/"],
            "invited": ["/", f"/register/{tokens['friend']}/"],
        },
        marks={mark(name): who for name, who in MARKS.items()}
        | {value: readers.get(name, ()) for name, value in secrets.items()}
        | {str(media).lower(): ("admin",)},
        secrets={value: name for name, value in secrets.items()},
        things=list(_things()),
    )


def _things() -> Iterator[dict[str, Any]]:
    """What fills the gaps of addresses, for each thing that somebody may not see."""
    for video in Video.objects.exclude(title__startswith="Old"):
        yield {"short_id": video.short_id, "rendition": "720p", "sound": 3}
        for caption in video.captions.all():
            yield {"short_id": video.short_id, "code": caption.code, "caption_id": caption.pk}
        for comment in video.comments.exclude(text__startswith="No "):
            yield {"short_id": video.short_id, "comment_id": comment.pk}
        for link in video.guest_links.all():
            yield {"short_id": video.short_id, "link_id": link.pk}
    yield from ({"short_id": one.short_id} for one in Playlist.objects.all())
    yield from ({"username": name} for name in User.objects.values_list("username", flat=True))
    yield from ({"notification_id": one.pk} for one in Notification.objects.order_by("-pk")[:9])
    yield from ({"invitation_id": one.pk} for one in Invitation.objects.all())
    yield from ({"upload_id": one.pk} for one in Upload.objects.all())
    for model in admin.site._registry:
        for row in model._default_manager.order_by("-pk")[:OLD]:
            yield {"object_id": str(row.pk), "model": model._meta.model_name}


def _members() -> dict[str, User]:
    def mail(name: str) -> dict[str, Any]:
        return {"email": f"{mark(f'mail{name}')}@example.org"}

    people = {
        "member": make_user("charlie", **mail("member")),
        "uploader": make_user("bob", avatar="bob.webp", password=PASSWORD, **mail("uploader")),
        "reported": make_user("rita", **mail("reported")),
        "moderator": make_moderator("mona", **mail("moderator")),
        "admin": make_admin("root", **mail("admin")),
        "other_admin": make_admin("chief"),
        "other_moderator": make_moderator("peer"),
        "hider": make_moderator(mark("hider")),
        "reporter": make_user(mark("reporter")),
        "accuser": make_user(mark("accuser")),
        "trashed": make_user(mark("trashedmember"), **mail("trashed")),
        "inactive": make_user("dave", **mail("inactive")),
    }
    User.objects.bulk_create(
        [User(username=f"guest_{number:02}", email=f"g{number}@e.org") for number in range(45)]
    )
    return people


def _videos(media: Path, people: dict[str, User], category: Any) -> Iterator[tuple[str, Video]]:
    """Videos of the uploader by name, but for `ofrita` and `ofmember`."""
    write_whole(media / "avatars" / "bob.webp", b"picture")
    by = people["uploader"]
    ready: dict[str, Any] = {"category": category, "duration_seconds": 90000.0}
    for name, fields in {
        "ready": {**ready, "title": "Holiday", "processing_note": mark("processingnote")},
        "other": {**ready, "title": "Harvest"},
        "hidden": {"title": mark("hiddentitle"), "description": mark("hiddentext")},
        "looked": {"title": "Looked at again"},
        "ownhidden": {"title": mark("ownhidden"), "is_hidden": True},
        "trashed": {"title": mark("trashtitle"), "description": mark("trashtext")},
        "pending": {"title": mark("pendingtitle"), "status": "PENDING"},
        "processing": {"title": mark("processingtitle"), "status": "PROCESSING"},
        "failed": {
            "title": mark("failedtitle"),
            "status": "FAILED",
            "error_message": mark("failedwhy"),
            "source_root": "temp",
            "source_key": "source/source.mp4",
        },
        "ofrita": {"title": "By rita", "uploader": people["reported"]},
        "ofmember": {"title": mark("videoofmember"), "uploader": people["trashed"]},
    }.items():
        made: dict[str, Any] = {"uploader": by, "category": category, **fields}
        made["filename"] = f"{mark('storedname')}-{name}.mp4"
        made["original_filename"] = f"{mark('originalname')}.mp4"
        video = make_video(**made)
        if video.is_ready:
            _files(media, video, name)
        yield name, video
    for number in range(OLD):
        (media / "videos" / f"old-{number}.mp4").write_bytes(b"video")
    Video.objects.bulk_create(
        [
            Video(
                title=f"Old {number}",
                uploaded_by=people["other_moderator"],
                filename=f"old-{number}.mp4",
                storage_root="videos",
                file_size_bytes=1,
                processing_status="COMPLETED",
                created_at=timezone.now() - timedelta(days=30 + number),
                category=category,
                duration_seconds=9.0,
            )
            for number in range(OLD)
        ]
    )


def _files(media: Path, video: Video, name: str) -> None:
    content = built.separate_mp4()
    video.file_path.write_bytes(content)
    (media / "thumbnails" / "small").mkdir(exist_ok=True)
    for folder, ending in (("thumbnails", "jpg"), ("thumbnails/small", "webp")):
        (media / folder / f"{name}.{ending}").write_bytes(b"picture")
    Video.objects.filter(pk=video.pk).update(
        thumbnail_filename=f"{name}.jpg",
        thumbnail_root="thumbnails",
        storyboard_filename=f"{name}.jpg",
        storyboard_root="thumbnails",
        storyboard_grid=asdict(plan_storyboard(160, 90, 9)),
    )
    sounds = [SoundTrack(number=n, language="und", title="", channels=2) for n in (2, 3)]
    Rendition.objects.create(
        video=video,
        name="720p",
        root="videos",
        filename=video.filename,
        version="attempt",
        is_complete=True,
        width=1280,
        height=720,
        fps=30,
        sound_tracks=stored_tracks(sounds),
        codecs="avc1.640028",
        bandwidth=1,
        average_bandwidth=1,
        duration_seconds=1,
        size_bytes=len(content),
    )
    cue = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n{}\n"
    make_caption(video, cue.format("Hello"))
    make_caption(
        video,
        cue.format(mark("withheld")),
        code="de",
        has_coordinates=True,
        is_withheld=True,
    )
    make_caption(video, cue.format(mark("removedcaption")), code="fr", deleted_at=timezone.now())


def _comments(videos: dict[str, Video], people: dict[str, User]) -> None:
    ready, charlie = videos["ready"], people["member"]
    said = write_comment(video=ready, author=charlie, text="At 0:10, and https://example.org/")
    write_comment(video=ready, author=people["uploader"], text="Thanks", reply_to=said)
    theirs = write_comment(video=ready, author=people["trashed"], text=mark("commentofmember"))
    write_comment(video=ready, author=people["uploader"], text="Why?", reply_to=theirs)
    write_comment(
        video=ready, author=people["trashed"], text=mark("commentofmember"), reply_to=said
    )
    write_comment(video=videos["hidden"], author=charlie, text=mark("commentofhidden"))
    write_comment(video=videos["trashed"], author=charlie, text=mark("commentoftrash"))
    gone = write_comment(video=ready, author=charlie, text=mark("deletedcomment"))
    delete_comment(comment=gone, by=people["moderator"])
    ugly = write_comment(video=ready, author=charlie, text=mark("hiddencomment"))
    why = mark("hiddencommentwhy")
    hide_comment(comment=ugly, by=people["hider"], reason="OTHER", text=why)
    write_comment(video=videos["ofrita"], author=people["reported"], text="Not kind")
    Comment.objects.bulk_create(
        [Comment(video=ready, author=people["other_admin"], text=f"No {n}") for n in range(22)]
    )
    other = people["other_admin"]
    comment = Comment.objects.filter(author=other)[0]
    Notification.objects.bulk_create(
        [
            Notification(member=people["uploader"], kind="COMMENTED", video=ready, comment=comment)
            for _ in range(31)
        ]
    )
    Notification.objects.create(member=people["uploader"], kind="PROCESSED", video=ready)
    Notification.objects.create(member=people["uploader"], kind="FAILED", video=videos["failed"])
    set_like(video=ready, member=charlie, liked=True)
    set_like(video=videos["hidden"], member=charlie, liked=True)
    for name in ("ready", "hidden", "trashed"):
        save_position(video=videos[name], member=charlie, seconds=40, ended=False)


def _hidden(videos: dict[str, Video], people: dict[str, User]) -> None:
    uploader, hider = people["uploader"], people["hider"]
    for name, why in (("hidden", mark("hiddenwhy")), ("looked", "Too loud")):
        hide_video(video=videos[name], by=hider, reason="OTHER", text=why)
    ask_for_review(video=videos["hidden"], by=uploader, text=mark("reviewtext"))
    asked = ask_for_review(video=videos["looked"], by=uploader, text="Please")
    answer_review(request=asked, by=hider, is_unhidden=False, message=mark("reviewanswer"))


def _reports(videos: dict[str, Video], people: dict[str, User]) -> None:
    """Open and handled reports of each kind, about each visitor with an account."""
    reporter, accuser, rita = people["reporter"], people["accuser"], people["reported"]
    text = mark("reporttext")
    report_video(video=videos["ofrita"], reporter=reporter, reason="OTHER", text=text)
    report_video(video=videos["ready"], reporter=reporter, reason="OTHER", text=text)
    report_member(member=people["member"], reporter=reporter, reason="OTHER", text=text)
    report_video(video=videos["trashed"], reporter=reporter, reason="RIGHTS")
    answer = Answer(
        note=mark("reportnote"),
        message_to_reporter=mark("toreporter"),
        message_to_member=mark("tomember"),
    )
    handled = report_member(member=rita, reporter=reporter, reason="OTHER", text=text)
    resolve_report(report=handled, by=people["hider"], answer=answer)
    comment = Comment.objects.get(author=rita)
    asked = {"reporter": people["member"], "reason": "OTHER", "text": mark("memberreport")}
    mine = report_comment(comment=comment, **asked)  # type: ignore[arg-type]
    answer = Answer(note=mark("reportnote"), message_to_reporter=mark("tothemember"))
    reject_report(report=mine, by=people["hider"], answer=answer)
    for thing in (people["trashed"], people["inactive"]):
        report_member(member=thing, **asked)  # type: ignore[arg-type]
    report_video(video=videos["ofmember"], **asked)  # type: ignore[arg-type]
    report_video(video=videos["hidden"], **asked)  # type: ignore[arg-type]
    theirs = Comment.objects.filter(author=people["trashed"])[0]
    report_comment(comment=theirs, **asked)  # type: ignore[arg-type]
    # What a member reported stays in their list by the name that it had then.
    then = {"title": "As it was", "member_name": "somebody"}
    Report.objects.filter(reporter=people["member"]).update(**then)
    for who, words in (
        ("moderator", "onmoderator"),
        ("other_moderator", "onothermoderator"),
        ("admin", "onadmin"),
    ):
        by = people["reporter"] if who == "admin" else accuser
        report_member(member=people[who], reporter=by, reason="OTHER", text=mark(words))
    closed = Report.objects.get(text=mark("onothermoderator"))
    reject_report(report=closed, by=people["other_admin"])


def _lists(videos: dict[str, Video], people: dict[str, User]) -> None:
    bob = people["uploader"]
    summer = make_playlist("Summer", made_by=bob, description="All of it")
    for position, video in enumerate(videos.values()):
        summer.entries.create(video=video, position=position)
    make_playlist("Empty", made_by=people["member"])
    make_playlist(mark("playlistofmember"), made_by=people["trashed"])
    gone = make_playlist(mark("deletedplaylist"), made_by=bob)
    delete_playlist(playlist=gone, user=bob)


def _links(videos: dict[str, Video], people: dict[str, User]) -> dict[str, str]:
    bob, week = people["uploader"], timedelta(days=7)
    note = {"created_by": bob, "lifetime": week, "note": mark("linknote")}
    links = {
        name: create_guest_link(video=videos["ready"], **note)  # type: ignore[arg-type]
        for name in ("open", "secret", "revoked", "expired")
    }
    revoke_guest_link(link=links["revoked"].link)
    long_ago = timezone.now() - 2 * week
    GuestLink.objects.filter(pk=links["expired"].link.pk).update(
        created_at=long_ago, expires_at=long_ago + week
    )
    return {name: one.token for name, one in links.items()}


def _invitations(people: dict[str, User]) -> dict[str, str]:
    issued = {
        "friend": ("invitedbymoderator", people["moderator"]),
        "late": ("invitedbymoderator", people["moderator"]),
        "stranger": ("invitedbyadmin", people["admin"]),
    }
    links = {}
    for name, (words, by) in issued.items():
        email = f"{name}@{mark(words)}.example"
        links[name] = issue_invitation(email=email, role=Role.USER, created_by=by).link
    Invitation.objects.filter(email__startswith="late@").update(
        expires_at=timezone.now() + timedelta(hours=1)
    )
    links["reset"] = reset_link(people["inactive"])
    return {name: link.rstrip("/").rpartition("/")[2] for name, link in links.items()}


def _files_of_staff(people: dict[str, User], videos: dict[str, Video]) -> None:
    """Jobs, uploads, removals and runs, as the admin lists them."""
    now = timezone.now()
    Job.objects.create(
        video=videos["processing"],
        state="RUNNING",
        lease_owner=mark("leaseowner"),
        lease_until=now + timedelta(hours=1),
        attempts=1,
        losses=1,
        started_at=now,
        progress=40,
    )
    Job.objects.create(video=videos["pending"], created_at=now - timedelta(hours=1))
    Job.objects.create(video=videos["failed"], state="FAILED", finished_at=now)
    create_upload(
        user=people["uploader"],
        size=1000,
        filename=f"{mark('uploadname')}.mp4",
        details=VideoDetails(title=mark("uploadtitle")),
        metadata=mark("uploadmeta"),
    )
    Upload.objects.update(touched_at=now - timedelta(hours=7))  # it stalls
    Removal.objects.create(
        root="videos",
        key=f"{mark('removalkey')}.mp4",
        reason=RemovalReason.REPLACED,
        tries=9,
        last_error=mark("removalerror"),
    )
    BackupRun.objects.create(
        state="FAILED",
        lease_until=now,
        finished_at=now,
        error=mark("backuperror"),
        repository=mark("backupplace"),
    )
    finding = {"check": "x", "subject": "y", "sentence": mark("doctorfinding"), "mend": ""}
    finding |= {"mended": None, "failed": None}  # type: ignore[dict-item]
    hour = timedelta(hours=1)
    DoctorRun.objects.create(
        key="old", state="STOPPED", problem=mark("doctorproblem"), created_at=now - hour
    )
    DoctorRun.objects.create(key="new", state="DONE", findings=[finding], found=1, finished_at=now)
    DailyStatistics.objects.create(day=now.date())


def _audit(people: dict[str, User], videos: dict[str, Video]) -> None:
    peer = people["other_moderator"]
    actor = Actor(peer.pk, peer.username, Source.ADMIN, is_staff=True, address="192.0.2.77")
    with acting(lambda: actor):
        about = {"member": people["uploader"].pk, "rank": 0}
        record("video.edit", videos["ready"], reason=mark("auditofmember"), **about)  # type: ignore[arg-type]
        about = {"member": people["other_admin"].pk, "rank": 2}
        record("member.quota", people["other_admin"], reason=mark("auditofmoderator"), **about)  # type: ignore[arg-type]
        before = {"video_storage_path": mark("auditofconfig")}
        record("config.change", Config.objects.get(), before=before)
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(
                actor_name="peer",
                source="admin",
                action="video.hide",
                object_kind="video",
                object_name=f"Old {number}",
                member_rank=0,
            )
            for number in range(51)
        ]
    )


def _trash(videos: dict[str, Video], people: dict[str, User]) -> None:
    trash_video(video=videos["trashed"], by=people["uploader"])
    trash_members(users=[people["trashed"]], by=people["other_admin"])
    deactivate_member(user=people["inactive"])


def _hashes() -> dict[str, str]:
    """What is stored instead of passwords and tokens, which nobody may read either."""
    found = {f"the hash of {link.pk}": link.token_hash for link in GuestLink.objects.all()}
    found |= {f"the hash of {one.email}": one.token_hash for one in Invitation.objects.all()}
    hashed = User.objects.get(username="bob").password
    return found | {"the hash of a password": hashed}
