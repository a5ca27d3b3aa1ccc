"""The comments on a video, as its page shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone

from clipset.lib.keyset import next_address, parse_cursor
from clipset.lib.units import compact_count
from videos.models import Comment
from videos.querysets import outside_trash_q, shown_comments_q

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User
    from videos.models import Video
    from videos.querysets import CommentQuerySet

PAGE_SIZE: Final = 20  # threads
REPLIES_SHOWN: Final = 3  # of each thread; the oldest ones
REPLIES_PAGE: Final = 40
MAX_MARKERS: Final = 200
MARKER_TEXT: Final = 140  # characters
MAX_COUNTED: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentCard:
    """One comment.

    `state` is "" for a comment that the viewer may read, "undo" for one that the viewer has just
    deleted, "hidden" for one that a moderator hid from the viewer, and "deleted" for one that is
    not shown but still has replies. `is_hidden` is for its author and staff, who read it still.
    """

    comment: Comment
    thread_id: int
    state: str
    is_focus: bool
    by_uploader: bool
    can_edit: bool
    can_delete: bool
    can_reply: bool
    can_report: bool
    is_hidden: bool
    can_hide: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A comment with replies below it.

    `more_url` leads to the replies that are not shown: those after the last one, or all of them if
    `shows_one`, when only the requested reply is shown.
    """

    card: CommentCard
    replies: list[CommentCard] = field(default_factory=list)
    more_url: str | None = None
    shows_one: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentPage:
    """A page of threads; `next_url` is None on the last page."""

    video: Video
    threads: list[Thread]
    next_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A place on the timeline in seconds, and the comment that names it."""

    seconds: int
    author: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentSection:
    """The comments on the page of a video, their number and their markers on the timeline."""

    page: CommentPage
    count: str
    markers: list[Marker]


def comment_page(
    video: Video, *, viewer: User, after: str = "", focus: int | None = None
) -> CommentPage:
    """The threads behind the cursor `after`, newest first.

    The thread of the comment `focus` is the first one on the first page. Three queries, and one
    more for `focus`.
    """
    position = _position(after)
    top = _thread_of(video, viewer, focus) if focus is not None and position is None else None
    roots = _shown_roots(video, viewer)
    if position is not None:
        roots = roots.filter(pk__lt=position)
    if top is not None:
        roots = roots.exclude(pk=top.parent_id or top.pk)
    rows = list(roots.order_by("-pk")[: PAGE_SIZE + 1])
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = _list_url(video, rows[-1].pk)
    if top is not None:
        rows.insert(0, top.parent or top)
    return CommentPage(
        video=video, threads=_threads(rows, video, viewer, focus=top), next_url=next_url
    )


def thread(root: Comment, *, viewer: User, after: str = "") -> Thread:
    """A comment with its replies behind the cursor `after`, oldest first. One query."""
    position = _position(after) or 0
    shown = Comment.objects.filter(_shown_to(viewer), parent=root, pk__gt=position)
    rows = list(shown.select_related("author").order_by("pk")[: REPLIES_PAGE + 1])
    more_url = None
    if len(rows) > REPLIES_PAGE:
        rows.pop()
        more_url = _replies_url(root.video, root.pk, rows[-1].pk)
    return Thread(
        card=comment_card(root, video=root.video, viewer=viewer),
        replies=[comment_card(row, video=root.video, viewer=viewer) for row in rows],
        more_url=more_url,
    )


def comment_card(
    comment: Comment, *, video: Video, viewer: User, focus: Comment | None = None
) -> CommentCard:
    """The card of a comment. No query if the comment was fetched with its author."""
    comment.video = video
    is_live = comment.is_shown
    if is_live:
        state = "" if comment.can_be_read_by(viewer) else "hidden"
    else:
        is_undoable = comment.can_be_restored_by(viewer) and not comment.author.is_trashed
        state = "undo" if is_undoable else "deleted"
    return CommentCard(
        comment=comment,
        thread_id=comment.parent_id or comment.pk,
        state=state,
        is_focus=focus is not None and focus.pk == comment.pk,
        by_uploader=comment.author_id == video.uploaded_by_id,
        can_edit=comment.can_be_edited_by(viewer),
        can_delete=comment.can_be_deleted_by(viewer),
        can_reply=is_live and not comment.is_hidden,
        can_report=is_live and not comment.is_hidden and comment.author_id != viewer.pk,
        is_hidden=is_live and comment.is_hidden,
        can_hide=is_live and comment.can_be_hidden_by(viewer),
    )


def comment_count(video: Video) -> str:
    """The number of comments as a short text; "1K+" above MAX_COUNTED. One query."""
    # Without the empty order_by, all rows would be sorted first.
    live = Comment.objects.readable().filter(video=video).order_by()
    found = live[: MAX_COUNTED + 1].count()
    return f"{compact_count(MAX_COUNTED)}+" if found > MAX_COUNTED else str(found)


def markers(video: Video) -> list[Marker]:
    """The markers of the newest comments that name a moment of the video, by time. One query."""
    found = Comment.objects.readable().filter(video=video, moment__isnull=False)
    if video.duration_seconds is not None:
        found = found.filter(moment__lte=int(video.duration_seconds))
    newest = found.order_by("-pk").values_list("moment", "author__username", "text")[:MAX_MARKERS]
    found_markers = [
        Marker(seconds=seconds, author=author, text=" ".join(text.split())[:MARKER_TEXT])
        for seconds, author, text in newest
        if seconds is not None
    ]
    return sorted(found_markers, key=lambda marker: marker.seconds)


def comment_section(video: Video, *, viewer: User, focus: int | None) -> CommentSection:
    """The first page of comments below a video. Five queries, and one more for `focus`."""
    page = comment_page(video, viewer=viewer, focus=focus)
    if not page.threads:
        return CommentSection(page=page, count="0", markers=[])
    return CommentSection(page=page, count=comment_count(video), markers=markers(video))


def _shown_to(viewer: User) -> Q:
    """Comments that everybody is shown, and those that the viewer can still restore."""
    undoable = Q(deleted_by=viewer, deleted_at__gt=timezone.now() - Comment.undo_within)
    return shown_comments_q() | (undoable & outside_trash_q("author__"))


def _shown_roots(video: Video, viewer: User) -> CommentQuerySet:
    """The first comments of threads, also those that are not shown and still have replies."""
    roots = Comment.objects.filter(video=video, parent__isnull=True).select_related("author")
    replies = Comment.objects.shown().filter(parent=OuterRef("pk"))
    return roots.filter(_shown_to(viewer) | Exists(replies))


def _thread_of(video: Video, viewer: User, focus: int) -> Comment | None:
    """The comment that an address names; None if this viewer cannot see it."""
    found = Comment.objects.filter(_shown_to(viewer), pk=focus, video=video)
    return found.select_related("author", "parent__author").first()


def _threads(
    roots: list[Comment], video: Video, viewer: User, *, focus: Comment | None
) -> list[Thread]:
    """Threads with the first replies of each. Two queries, whose cost does not grow with the
    replies.
    """
    if not roots:
        return []
    replies = _first_replies(roots, viewer)
    threads = []
    for root in roots:
        below = replies.get(root.pk, [])
        shown = below[:REPLIES_SHOWN]
        more_url = _replies_url(video, root.pk, shown[-1].pk) if len(below) > len(shown) else None
        shows_one = focus is not None and focus.parent_id == root.pk and focus not in shown
        if focus is not None and shows_one:
            shown, more_url = [focus], _replies_url(video, root.pk, None)
        cards = [comment_card(row, video=video, viewer=viewer, focus=focus) for row in shown]
        card = comment_card(root, video=video, viewer=viewer, focus=focus)
        threads.append(Thread(card=card, replies=cards, more_url=more_url, shows_one=shows_one))
    return threads


def _first_replies(roots: Iterable[Comment], viewer: User) -> dict[int, list[Comment]]:
    """Replies by the thread: one more than is shown, to know whether there are more."""
    ids = [root.pk for root in roots]
    of_same = Comment.objects.filter(_shown_to(viewer), parent=OuterRef("pk")).order_by("pk")
    last = of_same.values("pk")[REPLIES_SHOWN : REPLIES_SHOWN + 1]
    ends = dict(
        Comment.objects.filter(pk__in=ids).annotate(end=Subquery(last)).values_list("pk", "end")
    )
    wanted = Q(pk__in=[])
    for root_id, end in ends.items():
        wanted |= Q(parent=root_id) if end is None else Q(parent=root_id, pk__lte=end)
    found: dict[int, list[Comment]] = {}
    replies = Comment.objects.filter(_shown_to(viewer), wanted)
    for reply in replies.select_related("author").order_by("pk"):
        assert reply.parent_id is not None
        found.setdefault(reply.parent_id, []).append(reply)
    return found


def _list_url(video: Video, last: int) -> str:
    return reverse("comments", args=[video.short_id]) + next_address((last,))


def _replies_url(video: Video, root_id: int, last: int | None) -> str:
    address = reverse("comment", args=[video.short_id, root_id])
    return address if last is None else address + next_address((last,))


def _position(after: str) -> int | None:
    cursor = parse_cursor(after, int)
    return None if cursor is None else cursor[0]
