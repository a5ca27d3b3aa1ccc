"""A member's playlists, one playlist, its order, and adding videos to it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clipset.lib.query_parameters import int_parameter, short_id_parameter
from clipset.lib.requests import is_next_page
from clipset.middleware import wants_script_answer
from videos.access import (
    deleted_is_404,
    deleted_playlist,
    named_video,
    own_playlist,
    visible_video,
)
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
MAX_POSITION_DIGITS = 9


# -- a member's playlists --------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def playlists(request: MemberRequest) -> HttpResponse:
    """The member's playlists; a POST creates an empty one from `title` and `description`.

    Scripts get 201 with its short id, or 422 with sentences by the field's name.
    """
    if request.method == "POST":
        return _create(request)
    after = request.GET.get("after", "")
    page = playlist_cards(request.user, viewer=request.user, after=after, parameters={})
    if is_next_page(request):
        return render(request, "components/playlist_cards.html", {"page": page})
    context = {
        "page": page,
        "form": PlaylistForm(),
        "is_asked": "new" in request.GET,
        "deleted": _deleted(request),
    }
    return render(request, "videos/playlists/list.html", context)


def _deleted(request: MemberRequest) -> Playlist | None:
    """The playlist of `?deleted=` if it can still be restored."""
    short_id = short_id_parameter(request.GET, "deleted")
    own = Playlist.objects.undoable().filter(made_by=request.user)
    return own.filter(short_id=short_id).first() if short_id else None


def _create(request: MemberRequest) -> HttpResponse:
    wants_json = request.headers.get("Accept", "").startswith("application/json")
    form, made = PlaylistForm(request.POST), None
    if form.is_valid():
        try:
            made = create_playlist(user=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
    if made is None:
        return _invalid(request, form, wants_json=wants_json)
    if wants_json:
        answer = {"short_id": made.short_id, "title": made.title, "url": made.get_absolute_url()}
        return JsonResponse(answer, status=201)
    return redirect(made)


def _invalid(request: MemberRequest, form: PlaylistForm, *, wants_json: bool) -> HttpResponse:
    if wants_json:
        return JsonResponse({"errors": form.errors}, status=422)
    page = playlist_cards(request.user, viewer=request.user, after="", parameters={})
    context = {"page": page, "form": form, "is_asked": True}
    return render(request, "videos/playlists/list.html", context, status=422)


# -- one playlist ----------------------------------------------------------------------------------


@require_safe
def playlist(request: MemberRequest, short_id: str) -> HttpResponse:
    """The videos of a playlist in their order, as far as the member may see them."""
    shown = Playlist.objects.shown().select_related("made_by")
    found = get_object_or_404(shown, short_id=short_id)
    after = request.GET.get("after", "")
    is_own = found.made_by_id == request.user.pk
    context = {
        "playlist": found,
        "page": playlist_page(found, viewer=request.user, after=after),
        "is_own": is_own,
        "after": after,
    }
    if is_next_page(request):
        return render(request, "videos/playlists/rows.html", context)
    context["facts"] = playlist_facts(found, viewer=request.user)
    if is_own and "removed" in request.GET:
        context["removed"] = _removed(request, found)
    return render(request, "videos/playlists/playlist.html", context)


def _removed(request: MemberRequest, playlist: Playlist) -> dict[str, object] | None:
    """The video of `?removed=` and its former `?position=`, if it can be put back."""
    video = (
        Video.objects.visible_to(request.user)
        .filter(short_id=short_id_parameter(request.GET, "removed"))
        .exclude(playlist_entries__playlist=playlist)
        .first()
    )
    position = int_parameter(request.GET, "position", max_digits=MAX_POSITION_DIGITS)
    return None if video is None or position is None else {"video": video, "position": position}


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, short_id: str) -> HttpResponse:
    found = own_playlist(request, short_id)
    initial = {"title": found.title, "description": found.description}
    is_sent = request.method == "POST"
    form = PlaylistForm(request.POST if is_sent else None, initial=initial)
    if is_sent and form.is_valid():
        with deleted_is_404():
            edit_playlist(playlist=found, user=request.user, **form.cleaned_data)
        messages.success(request, "Changes saved")
        return redirect(found)
    context = {"form": form, "playlist": found}
    return render(request, "videos/playlists/edit.html", context, status=422 if is_sent else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, short_id: str) -> HttpResponse:
    """Deletes without a question, since it can be undone. A GET redirects to the playlist."""
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


# -- its order -------------------------------------------------------------------------------------


@require_POST
def move(request: MemberRequest, short_id: str) -> HttpResponse:
    """Moves a video: `up` or `down` names one that changes places with its neighbour, or `video`
    one that goes right behind `behind` (to the first place if that is empty).

    Scripts get 204, or 409 if one of the two videos is no longer in the playlist.
    """
    found = own_playlist(request, short_id)
    with deleted_is_404():
        try:
            video = _move(request, found)
        except PlaylistEntry.DoesNotExist:
            messages.error(request, CHANGED)  # shown by the page that comes next
            return HttpResponse(status=409) if wants_script_answer(request) else redirect(found)
    if wants_script_answer(request):
        return HttpResponse(status=204)
    return redirect(f"{_page_address(request, found)}#video-{video.short_id}")


def _move(request: MemberRequest, playlist: Playlist) -> Video:
    """Moves the video that the form names, and returns it.

    Raises: Http404 if the form names none; PlaylistEntry.DoesNotExist; Playlist.DoesNotExist.
    """
    way = next((name for name in ("up", "down", "video") if name in request.POST), None)
    if way is None:
        raise Http404("The form names no video.")
    video = named_video(request, way)
    if way == "video":
        other = named_video(request, "behind") if request.POST.get("behind") else None
        move_entry_behind(playlist=playlist, video=video, user=request.user, other=other)
    else:
        move_entry_by_one(playlist=playlist, video=video, user=request.user, up=way == "up")
    return video


@require_POST
def remove(request: MemberRequest, short_id: str) -> HttpResponse:
    """Removes `video`. htmx gets a toast with an undo button, and the new facts of the playlist."""
    found = own_playlist(request, short_id)
    video = named_video(request, "video")
    with deleted_is_404():
        position = remove_from_playlist(playlist=found, video=video, user=request.user)
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
    """Puts `video` back to its former `position`."""
    found = own_playlist(request, short_id)
    video = named_video(request, "video")
    position = int_parameter(request.POST, "position", max_digits=MAX_POSITION_DIGITS)
    if position is None:
        raise Http404("This is no position in a playlist.")
    with deleted_is_404():
        restore_to_playlist(playlist=found, video=video, user=request.user, position=position)
    messages.success(request, f"“{video.title}” restored")
    return redirect(f"{_page_address(request, found)}#video-{video.short_id}")


def _page_address(request: MemberRequest, playlist: Playlist, **parameters: object) -> str:
    """The address of the part of the list from which the form was sent."""
    if after := request.POST.get("after", ""):
        parameters["after"] = after
    query = f"?{urlencode(parameters)}" if parameters else ""
    return playlist.get_absolute_url() + query


# -- adding a video --------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def save(request: MemberRequest, short_id: str) -> HttpResponse:
    """The member's playlists, each with whether the video is in it.

    A POST names a playlist to `add` it to or to `remove` it from, or the `title` of a new one. htmx
    gets only the choices.
    """
    video = visible_video(request, short_id)
    if request.method != "POST":
        return _choices(request, video)
    try:
        with deleted_is_404():
            target, is_added = _saved(request, video)
    except ValidationError as error:
        return _choices(request, video, error=" ".join(error.messages), status=422)
    if wants_script_answer(request):
        return _choices(request, video, target=target, is_added=is_added)
    sentence = "Added to “{}”" if is_added else "Removed from “{}”"
    messages.success(request, sentence.format(target.title))
    return redirect("video_playlists", video.short_id)


def _saved(request: MemberRequest, video: Video) -> tuple[Playlist, bool]:
    """The playlist that was changed, and whether the video is in it now."""
    if short_id := request.POST.get("add"):
        target = own_playlist(request, short_id)
        add_to_playlist(playlist=target, video=video, user=request.user)
        return target, True
    if short_id := request.POST.get("remove"):
        target = own_playlist(request, short_id)
        remove_from_playlist(playlist=target, video=video, user=request.user)
        return target, False
    title = request.POST.get("title", "")
    return create_playlist_with_video(user=request.user, title=title, video=video), True


def _choices(
    request: MemberRequest,
    video: Video,
    *,
    target: Playlist | None = None,
    is_added: bool = False,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "video": video,
        "choices": choices_for(video, user=request.user),
        "title": request.POST.get("title", "") if error else "",
        "error": error,
        "target": target,
        "is_added": is_added,
    }
    alone = wants_script_answer(request)
    template = (
        "videos/playlists/add_video_choices.html" if alone else "videos/playlists/add_video.html"
    )
    return render(request, template, context, status=status)
