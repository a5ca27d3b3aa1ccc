"""Comments below a video: pages that work by themselves, and the fragments of them for htmx."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clipset.lib.refusals import RateLimitedError
from videos.access import comment_of, visible_video
from videos.forms import CommentForm
from videos.models import Comment, Video
from videos.selectors.comments import (
    comment_card,
    comment_count,
    comment_page,
    markers,
    thread,
)
from videos.services.comments import (
    delete_comment,
    edit_comment,
    restore_comment,
    write_comment,
)

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest

    Context = dict[str, Any]


def talk_of(request: MemberRequest, video: Video) -> dict[str, Any]:
    """What the watch page needs to show comments; `?comment=` names the one that comes first."""
    asked = request.GET.get("comment", "")
    focus = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    page = comment_page(video, viewer=request.user, focus=focus)
    return {
        "comments": page,
        # Where no thread is shown there is no comment.
        "comment_count": comment_count(video) if page.threads else "0",
        "comment_form": CommentForm(auto_id="comment_%s"),
        "comment_markers": _markers(video) if page.threads else [],
    }


def _markers(video: Video) -> list[dict[str, Any]]:
    """As the player reads them."""
    return [asdict(marker) for marker in markers(video)]


@require_http_methods(["GET", "HEAD", "POST"])
def comments(request: MemberRequest, short_id: str) -> HttpResponse:
    """All of them, page by page; a POST writes one."""
    video = visible_video(request, short_id)
    if request.method == "POST":
        return _write(request, video)
    after = request.GET.get("after", "")
    page = comment_page(video, viewer=request.user, after=after)
    if _is_htmx(request) and after:
        return render(request, "videos/comments/threads.html", {"comments": page, "video": video})
    form = None if after else CommentForm(auto_id="comment_%s")
    return _page(request, video, comments=page, comment_form=form)


def _write(request: MemberRequest, video: Video) -> HttpResponse:
    form = CommentForm(request.POST)
    valid = form.is_valid()
    reply_to, status = None, 422
    if answers := form.cleaned_data.get("parent"):
        reply_to = comment_of(video, answers)
    try:
        if valid:
            comment = write_comment(
                video=video,
                author=request.user,
                text=form.cleaned_data["text"],
                reply_to=reply_to,
            )
            return _written(request, video, comment, reply_to)
    except ValidationError as error:
        form.add_error("text", error)
    except RateLimitedError as error:
        form.add_error("text", str(error))
        status = 429
    except Video.DoesNotExist as error:
        raise Http404("It was deleted meanwhile.") from error
    return _refused(request, video, form, status=status, reply_to=reply_to)


def _written(
    request: MemberRequest, video: Video, comment: Comment, reply_to: Comment | None
) -> HttpResponse:
    if not _is_htmx(request):
        return redirect(comment)
    context = {
        "video": video,
        "card": comment_card(comment, video=video, viewer=request.user),
        "reply_to": reply_to,
        "comment_form": CommentForm(auto_id="comment_%s"),
        "comment_count": comment_count(video),
        "comment_markers": _markers(video),
    }
    return render(request, "videos/comments/written.html", context)


def _refused(
    request: MemberRequest,
    video: Video,
    form: CommentForm,
    *,
    status: int,
    reply_to: Comment | None = None,
    editing: Comment | None = None,
) -> HttpResponse:
    """The form with what was typed and why it is not taken: alone for htmx, else on a page."""
    form.auto_id = _auto_id(reply_to, editing)
    context: Context = {"comment_form": form, "reply_to": reply_to, "editing": editing}
    if not _is_htmx(request):
        return _page(request, video, status=status, **context)
    response = _form(request, video, status=status, **context)
    response["HX-Retarget"] = f"#{form.auto_id.replace('%s', 'form')}"
    response["HX-Reswap"] = "outerHTML"
    return response


def _auto_id(reply_to: Comment | None, editing: Comment | None) -> str:
    if editing is not None:
        return f"edit_{editing.pk}_%s"
    return "comment_%s" if reply_to is None else f"reply_{reply_to.parent_id or reply_to.pk}_%s"


@require_safe
def comment(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """One thread with all its replies, page by page."""
    video = visible_video(request, short_id)
    root = _root_of(video, comment_id)
    shown = thread(root, viewer=request.user, after=request.GET.get("after", ""))
    if shown.card.state == "deleted" and not shown.replies:
        raise Http404("It was deleted.")
    if _is_htmx(request):
        context = {"thread": shown, "video": video}
        return render(request, "videos/comments/replies.html", context)
    return _page(request, video, thread=shown)


@require_safe
def reply(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """The form in which one answers a comment."""
    video = visible_video(request, short_id)
    answered = comment_of(video, comment_id)
    if answered.is_deleted:
        raise Http404("It was deleted.")
    beside = answered.parent is not None and answered.author_id != request.user.pk
    start = {"text": f"@{answered.author.username} " if beside else "", "parent": answered.pk}
    form = CommentForm(initial=start, auto_id=_auto_id(answered, None))
    context: Context = {"comment_form": form, "reply_to": answered}
    if _is_htmx(request):
        return _form(request, video, **context)
    shown = thread(_root_of(video, comment_id), viewer=request.user)
    return _page(request, video, thread=shown, **context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    video = visible_video(request, short_id)
    found = comment_of(video, comment_id)
    if not found.can_be_edited_by(request.user):
        raise Http404("It cannot be changed by this member, or not any more.")
    if request.method == "POST":
        return _save(request, video, found)
    form = CommentForm(initial={"text": found.text}, auto_id=_auto_id(None, found))
    context: Context = {"comment_form": form, "editing": found}
    if _is_htmx(request):
        return _form(request, video, **context)
    return _page(request, video, **context)


def _save(request: MemberRequest, video: Video, found: Comment) -> HttpResponse:
    form, status = CommentForm(request.POST), 422
    try:
        if form.is_valid():
            edit_comment(comment=found, text=form.cleaned_data["text"], editor=request.user)
            return _one(request, video, found)
    except ValidationError as error:
        form.add_error("text", error)
    except RateLimitedError as error:
        form.add_error("text", str(error))
        status = 429
    except Comment.DoesNotExist as error:
        raise Http404("It was deleted meanwhile.") from error
    return _refused(request, video, form, status=status, editing=found)


@require_POST
def delete(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    video = visible_video(request, short_id)
    found = comment_of(video, comment_id)
    if found.can_be_deleted_by(request.user):
        try:
            delete_comment(comment=found, by=request.user)
        except Comment.DoesNotExist as error:
            raise Http404("It was deleted meanwhile.") from error
    elif not found.can_be_restored_by(request.user):
        raise Http404("It is not this member's to delete.")
    return _one(request, video, found, counted=True)


@require_POST
def restore(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """Takes a deletion back; that of what is back already changes nothing."""
    video = visible_video(request, short_id)
    found = comment_of(video, comment_id)
    if found.can_be_restored_by(request.user):
        try:
            restore_comment(comment=found)
        except ValidationError as error:
            raise Http404("It is gone for good.") from error
    elif not found.can_be_deleted_by(request.user):
        raise Http404("It was not deleted by this member, or too long ago.")
    return _one(request, video, found, counted=True)


def _one(
    request: MemberRequest, video: Video, found: Comment, *, counted: bool = False
) -> HttpResponse:
    """The comment as it is now: alone for htmx, else in its place on the video's page."""
    if not _is_htmx(request):
        return redirect(found)
    context = {
        "video": video,
        "card": comment_card(found, video=video, viewer=request.user),
        "takes_focus": True,
        "comment_count": comment_count(video) if counted else None,
        "comment_markers": _markers(video),
    }
    return render(request, "videos/comments/changed.html", context)


def _root_of(video: Video, comment_id: int) -> Comment:
    found = comment_of(video, comment_id)
    root = found.parent or found
    root.video = video
    return root


def _page(
    request: MemberRequest, video: Video, *, status: int = 200, **context: Any
) -> HttpResponse:
    return render(request, "videos/comments/page.html", {"video": video, **context}, status=status)


def _form(
    request: MemberRequest, video: Video, *, status: int = 200, **context: Any
) -> HttpResponse:
    fragment = "videos/comments/form.html"
    return render(request, fragment, {"video": video, **context}, status=status)


def _is_htmx(request: MemberRequest) -> bool:
    return bool(getattr(request, "htmx", False))
