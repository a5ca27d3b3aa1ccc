"""Playlists: one's own, one of them, its order, and what goes into which."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clipset.middleware import wants_script_answer
from videos.access import deleted_playlist, named_video, own_playlist, visible_video
from videos.forms import PlaylistForm
from videos.models import Playlist, PlaylistEntry, Video
from videos.selectors.playlists import (
    choices_for,
    playlist_cards,
    playlist_facts,
    playlist_page,
)
from videos.services.playlists import (
    add_to_playlist,
    create_playlist,
    create_playlist_with_video,
    delete_playlist,
    edit_playlist,
    move_entry_behind,
    move_entry_by_one,
    remove_from_playlist,
    restore_playlist,
    restore_to_playlist,
)

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest

CHANGED = "This playlist was changed in another window. Here's the latest version."


# -- One's own ------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
def playlists(request: MemberRequest) -> HttpResponse:
    """One's own; a POST makes an empty one from `title` and `description`. Scripts get 201 with
    its short id, or 422 with sentences by the field's name."""
    if request.method == "POST":
        return _create(request)
    after = request.GET.get("after", "")
    page = playlist_cards(request.user, viewer=request.user, after=after, parameters={})
    if getattr(request, "htmx", False) and after:
        return render(request, "components/playlist_cards.html", {"page": page})
    context = {
        "page": page,
        "form": PlaylistForm(),
        "is_asked": "new" in request.GET,
        "deleted": _deleted(request),
    }
    return render(request, "videos/playlists/list.html", context)


def _deleted(request: MemberRequest) -> Playlist | None:
    """What was just deleted and can be brought back; None where there is no such thing."""
    short_id = request.GET.get("deleted", "").replace("\x00", "")
    mine = Playlist.objects.undoable().filter(made_by=request.user)
    return mine.filter(short_id=short_id).first() if short_id else None


def _create(request: MemberRequest) -> HttpResponse:
    wants_json = request.headers.get("Accept", "").startswith("application/json")
    form, made = PlaylistForm(request.POST), None
    if form.is_valid():
        try:
            made = create_playlist(user=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
    if made is None:
        if wants_json:
            return JsonResponse({"errors": form.errors}, status=422)
        page = playlist_cards(request.user, viewer=request.user, after="", parameters={})
        context = {"page": page, "form": form, "is_asked": True}
        return render(request, "videos/playlists/list.html", context, status=422)
    if wants_json:
        answer = {"short_id": made.short_id, "title": made.title, "url": made.get_absolute_url()}
        return JsonResponse(answer, status=201)
    return redirect(made)


# -- One of them ----------------------------------------------------------------------------------
@require_safe
def playlist(request: MemberRequest, short_id: str) -> HttpResponse:
    found = get_object_or_404(
        Playlist.objects.present().select_related("made_by"), short_id=short_id
    )
    after = request.GET.get("after", "")
    is_own = found.made_by_id == request.user.pk
    context = {
        "playlist": found,
        "page": playlist_page(found, viewer=request.user, after=after),
        "is_own": is_own,
        "after": after,
    }
    if getattr(request, "htmx", False) and after:
        return render(request, "videos/playlists/rows.html", context)
    context["facts"] = playlist_facts(found, viewer=request.user)
    if is_own and "removed" in request.GET:
        context["removed"] = _removed(request, found)
    return render(request, "videos/playlists/playlist.html", context)


def _removed(request: MemberRequest, playlist: Playlist) -> dict[str, object] | None:
    """What was just taken out, so that it can be put back; None where there is no such thing."""
    video = (
        Video.objects.visible_to(request.user)
        .filter(short_id=request.GET["removed"].replace("\x00", ""))
        .exclude(playlist_entries__playlist=playlist)
        .first()
    )
    position = _number(request.GET.get("position", ""))
    return None if video is None or position is None else {"video": video, "position": position}


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, short_id: str) -> HttpResponse:
    found = own_playlist(request, short_id)
    initial = {"title": found.title, "description": found.description}
    is_sent = request.method == "POST"
    form = PlaylistForm(request.POST if is_sent else None, initial=initial)
    if is_sent and form.is_valid():
        try:
            edit_playlist(playlist=found, user=request.user, **form.cleaned_data)
        except Playlist.DoesNotExist as error:
            raise Http404("It was deleted meanwhile.") from error
        messages.success(request, "Changes saved")
        return redirect(found)
    context = {"form": form, "playlist": found}
    return render(request, "videos/playlists/edit.html", context, status=422 if is_sent else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, short_id: str) -> HttpResponse:
    """Asks nothing, since it can be undone. Who comes by a link finds the button on its page."""
    found = own_playlist(request, short_id)
    if request.method != "POST":
        return redirect(found)
    delete_playlist(playlist=found, user=request.user)
    return redirect(f"{reverse('playlists')}?{urlencode({'deleted': found.short_id})}")


@require_POST
def undelete(request: MemberRequest, short_id: str) -> HttpResponse:
    found = deleted_playlist(request, short_id)
    try:
        restore_playlist(playlist=found, user=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("playlists")
    messages.success(request, f"“{found.title}” restored")
    return redirect(found)


# -- Its order ------------------------------------------------------------------------------------
@require_POST
def move(request: MemberRequest, short_id: str) -> HttpResponse:
    """`up` or `down` names a video that goes past its neighbour; or `video` goes right behind
    `behind`, which is empty for the first place. Scripts get 204, or 409 when one of them is not
    in it any more."""
    found = own_playlist(request, short_id)
    way = next((way for way in ("up", "down", "video") if way in request.POST), None)
    if way is None:
        raise Http404("Nothing is said to be moved.")
    video = named_video(request, way)
    try:
        if way == "video":
            other = named_video(request, "behind") if request.POST.get("behind") else None
            move_entry_behind(playlist=found, video=video, user=request.user, other=other)
        else:
            move_entry_by_one(playlist=found, video=video, user=request.user, up=way == "up")
    except Playlist.DoesNotExist as error:
        raise Http404("It was deleted meanwhile.") from error
    except PlaylistEntry.DoesNotExist:
        messages.error(request, CHANGED)  # shown by the page that comes next
        return HttpResponse(status=409) if wants_script_answer(request) else redirect(found)
    if wants_script_answer(request):
        return HttpResponse(status=204)
    return redirect(f"{_page_address(request, found)}#video-{video.short_id}")


@require_POST
def remove(request: MemberRequest, short_id: str) -> HttpResponse:
    """Takes `video` out. htmx gets a word with an undo, and what the page's head says now."""
    found = own_playlist(request, short_id)
    video = named_video(request, "video")
    try:
        position = remove_from_playlist(playlist=found, video=video, user=request.user)
    except Playlist.DoesNotExist as error:
        raise Http404("It was deleted meanwhile.") from error
    if wants_script_answer(request):
        context = {
            "playlist": found,
            "facts": playlist_facts(found, viewer=request.user),
            "removed": None if position is None else {"video": video, "position": position},
        }
        return render(request, "videos/playlists/removed.html", context)
    undo = {} if position is None else {"removed": video.short_id, "position": position}
    return redirect(_page_address(request, found, **undo))


@require_POST
def restore(request: MemberRequest, short_id: str) -> HttpResponse:
    """Puts `video` back to the `position` that it had."""
    found = own_playlist(request, short_id)
    video, position = named_video(request, "video"), _number(request.POST.get("position", ""))
    if position is None:
        raise Http404("This is no place in a playlist.")
    try:
        restore_to_playlist(playlist=found, video=video, user=request.user, position=position)
    except (Playlist.DoesNotExist, Video.DoesNotExist) as error:
        raise Http404("It was deleted meanwhile.") from error
    messages.success(request, f"“{video.title}” restored")
    return redirect(f"{_page_address(request, found)}#video-{video.short_id}")


def _page_address(request: MemberRequest, playlist: Playlist, **parameters: object) -> str:
    """The part of the list from which the form was sent."""
    if after := request.POST.get("after", ""):
        parameters["after"] = after
    query = f"?{urlencode(parameters)}" if parameters else ""
    return playlist.get_absolute_url() + query


def _number(text: str) -> int | None:
    """At most nine digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


# -- What goes into which -------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
def save(request: MemberRequest, short_id: str) -> HttpResponse:
    """In which of one's playlists a video is. A POST names the one to `add` it to or to `remove`
    it from, or the `title` of a new one. htmx gets the choices alone."""
    video = visible_video(request, short_id)
    if request.method != "POST":
        return _choices(request, video)
    try:
        said, target = _saved(request, video)
    except ValidationError as error:
        return _choices(request, video, error=" ".join(error.messages), status=422)
    except (Playlist.DoesNotExist, Video.DoesNotExist) as error:
        raise Http404("It was deleted meanwhile.") from error
    if wants_script_answer(request):
        return _choices(request, video, said=said, target=target)
    messages.success(request, f"{said} “{target.title}”.")
    return redirect("video_playlists", video.short_id)


def _saved(request: MemberRequest, video: Video) -> tuple[str, Playlist]:
    """What was done, in words, and with which playlist."""
    if short_id := request.POST.get("add"):
        target = own_playlist(request, short_id)
        add_to_playlist(playlist=target, video=video, user=request.user)
        return "Added to", target
    if short_id := request.POST.get("remove"):
        target = own_playlist(request, short_id)
        remove_from_playlist(playlist=target, video=video, user=request.user)
        return "Removed from", target
    title = request.POST.get("title", "")
    return "Added to", create_playlist_with_video(user=request.user, title=title, video=video)


def _choices(
    request: MemberRequest,
    video: Video,
    *,
    said: str = "",
    target: Playlist | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "video": video,
        "choices": choices_for(video, user=request.user),
        "title": request.POST.get("title", "") if error else "",
        "error": error,
        "said": said,
        "target": target,
    }
    alone = wants_script_answer(request)
    template = (
        "videos/playlists/add_video_choices.html" if alone else "videos/playlists/add_video.html"
    )
    return render(request, template, context, status=status)
