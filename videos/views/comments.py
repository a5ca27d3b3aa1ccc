"""Comments on a video: whole pages, and fragments of them for htmx."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clipset.lib.refusals import RateLimitedError
from clipset.lib.requests import is_htmx, is_next_page
from clipset.ui.undo_tags import undo_tag
from videos.access import comment_of, deleted_is_404, moderated_comment, visible_video
from videos.forms import CommentForm
from videos.models import Comment, Video
from videos.moderation_forms import HideForm
from videos.selectors.comments import comment_card, comment_count, comment_page, markers, thread
from videos.services.comments import delete_comment, edit_comment, restore_comment, write_comment
from videos.services.hiding import hide_comment, unhide_comment

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest

    Context = dict[str, Any]


@require_http_methods(["GET", "HEAD", "POST"])
def comments(request: MemberRequest, short_id: str) -> HttpResponse:
    """All comments, page by page; a POST writes one."""
    video = visible_video(request, short_id)
    if request.method == "POST":
        return _write(request, video)
    after = request.GET.get("after", "")
    page = comment_page(video, viewer=request.user, after=after)
    if is_next_page(request):
        return render(request, "videos/comments/threads.html", {"comments": page, "video": video})
    form = None if after else CommentForm.new()
    return _page(request, video, comments=page, comment_form=form)


def _write(request: MemberRequest, video: Video) -> HttpResponse:
    form = CommentForm(request.POST)
    is_valid = form.is_valid()
    parent_id = form.cleaned_data.get("parent")
    reply_to = comment_of(video, parent_id) if parent_id else None
    status = 422
    try:
        if is_valid:
            with deleted_is_404():
                comment = write_comment(
                    video=video,
                    author=request.user,
                    text=form.cleaned_data["text"],
                    reply_to=reply_to,
                )
            return _written(request, video, comment, reply_to)
    except (ValidationError, RateLimitedError) as error:
        status = _add_error(form, error)
    return _invalid(request, video, form, status=status, reply_to=reply_to)


def _add_error(form: CommentForm, error: ValidationError | RateLimitedError) -> int:
    """Puts the sentence of the error into the form. Returns the status of the response."""
    if isinstance(error, RateLimitedError):
        form.add_error("text", error.sentence)
        return error.status
    form.add_error("text", error)
    return 422


def _written(
    request: MemberRequest, video: Video, comment: Comment, reply_to: Comment | None
) -> HttpResponse:
    if not is_htmx(request):
        return redirect(comment)
    context = {
        "video": video,
        "card": comment_card(comment, video=video, viewer=request.user),
        "reply_to": reply_to,
        "comment_form": CommentForm.new(),
        "comment_count": comment_count(video),
        "comment_markers": _markers(video),
    }
    return render(request, "videos/comments/written.html", context)


def _invalid(
    request: MemberRequest,
    video: Video,
    form: CommentForm,
    *,
    status: int,
    reply_to: Comment | None = None,
    editing: Comment | None = None,
) -> HttpResponse:
    """The form with what was typed and its errors: alone for htmx, else on a page."""
    form.name_fields(reply_to=reply_to, editing=editing)
    context: Context = {"comment_form": form, "reply_to": reply_to, "editing": editing}
    if not is_htmx(request):
        return _page(request, video, status=status, **context)
    response = _form(request, video, status=status, **context)
    response["HX-Retarget"] = f"#{form.id_prefix}_form"
    response["HX-Reswap"] = "outerHTML"
    return response


@require_safe
def comment(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """One thread with all its replies, page by page."""
    video = visible_video(request, short_id)
    root = _root_of(video, comment_id)
    shown = thread(root, viewer=request.user, after=request.GET.get("after", ""))
    if shown.card.state == "deleted" and not shown.replies:
        raise Http404("The comment was deleted.")
    if is_htmx(request):
        context = {"thread": shown, "video": video}
        return render(request, "videos/comments/replies.html", context)
    return _page(request, video, thread=shown)


@require_safe
def reply(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """The form for a reply to a comment."""
    video = visible_video(request, short_id)
    parent = comment_of(video, comment_id)
    if not parent.is_shown or parent.is_hidden:
        raise Http404("The comment was deleted or hidden.")
    form = CommentForm.reply_to(parent, author=request.user)
    context: Context = {"comment_form": form, "reply_to": parent}
    if is_htmx(request):
        return _form(request, video, **context)
    shown = thread(_root_of(video, comment_id), viewer=request.user)
    return _page(request, video, thread=shown, **context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """The form that changes a comment."""
    video = visible_video(request, short_id)
    found = comment_of(video, comment_id)
    if not found.can_be_edited_by(request.user):
        raise Http404("This member cannot change the comment, or no longer.")
    if request.method == "POST":
        return _save(request, video, found)
    context: Context = {"comment_form": CommentForm.edit(found), "editing": found}
    if is_htmx(request):
        return _form(request, video, **context)
    return _page(request, video, **context)


def _save(request: MemberRequest, video: Video, found: Comment) -> HttpResponse:
    form, status = CommentForm(request.POST), 422
    try:
        if form.is_valid():
            with deleted_is_404():
                edit_comment(comment=found, text=form.cleaned_data["text"], editor=request.user)
            return _changed(request, video, found)
    except (ValidationError, RateLimitedError) as error:
        status = _add_error(form, error)
    return _invalid(request, video, form, status=status, editing=found)


@require_POST
def delete(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """Deletes a comment; has no effect on one that is already deleted."""
    video = visible_video(request, short_id)
    found = comment_of(video, comment_id)
    if found.can_be_deleted_by(request.user):
        with deleted_is_404():
            delete_comment(comment=found, by=request.user)
    elif not found.can_be_restored_by(request.user):
        raise Http404("This member cannot delete the comment.")
    return _changed(request, video, found, with_count=True)


@require_POST
def restore(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """Undoes a deletion; has no effect on a comment that is already restored."""
    video = visible_video(request, short_id)
    found = comment_of(video, comment_id)
    if found.can_be_restored_by(request.user):
        try:
            restore_comment(comment=found)
        except ValidationError as error:
            raise Http404("The comment was deleted for good.") from error
    elif not found.can_be_deleted_by(request.user):
        raise Http404("This member did not delete the comment, or too long ago.")
    return _changed(request, video, found, with_count=True)


@require_http_methods(["GET", "HEAD", "POST"])
def hide(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """The reasons for hiding a comment; a POST hides it with one of them."""
    found = moderated_comment(request, short_id, comment_id)
    was_hidden = found.is_hidden
    form = HideForm(request.POST if request.method == "POST" else None)
    try:
        if form.is_valid():
            with deleted_is_404():
                hide_comment(comment=found, by=request.user, **form.cleaned_data)
            sentence = "Reason changed" if was_hidden else "Comment hidden"
            return _changed(request, found.video, found, with_count=True, sentence=sentence)
    except ValidationError as error:
        form.add_error(None, error)
    return _reasons(request, found, form, status=422 if form.is_bound else 200)


def _reasons(
    request: MemberRequest, found: Comment, form: HideForm, *, status: int
) -> HttpResponse:
    name = "reasons" if is_htmx(request) else "hide"
    context = {"video": found.video, "comment": found, "form": form}
    response = render(request, f"videos/comments/{name}.html", context, status=status)
    if form.is_bound:
        response["HX-Retarget"] = f"#hide-slot-{found.pk}"
        response["HX-Reswap"] = "innerHTML"
    return response


@require_POST
def unhide(request: MemberRequest, short_id: str, comment_id: int) -> HttpResponse:
    """Shows a hidden comment again; has no effect on one that is not hidden."""
    found = moderated_comment(request, short_id, comment_id)
    with deleted_is_404():
        unhide_comment(comment=found, by=request.user)
    sentence = "Comment unhidden"
    return _changed(request, found.video, found, with_count=True, sentence=sentence)


def _changed(
    request: MemberRequest,
    video: Video,
    found: Comment,
    *,
    with_count: bool = False,
    sentence: str = "",
) -> HttpResponse:
    """The comment as it is now: alone for htmx, else in its place on the video's page.

    `sentence` says what staff did, with a button that undoes it.
    """
    if not is_htmx(request):
        if sentence:
            messages.success(request, sentence, extra_tags=undo_tag())
        return redirect(found)
    context = {
        "video": video,
        "card": comment_card(found, video=video, viewer=request.user),
        "takes_focus": True,
        "comment_count": comment_count(video) if with_count else None,
        "comment_markers": _markers(video),
        "sentence": sentence,
    }
    return render(request, "videos/comments/changed.html", context)


def _markers(video: Video) -> list[dict[str, Any]]:
    """The markers as the player reads them, for a `json_script`."""
    return [asdict(marker) for marker in markers(video)]


def _root_of(video: Video, comment_id: int) -> Comment:
    """The first comment of the thread that this comment belongs to."""
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
