"""The upload page, and uploads by a plain form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from accounts.services.quota import quota_state
from accounts.services.quota_refusals import note_refusal
from accounts.services.stored_limit import stored_state
from clipset.lib.refusals import RefusedError
from clipset.lib.requests import with_headers
from siteconfig.services.config import current_config
from videos.forms import UploadForm
from videos.selectors.playlists import own_playlists
from videos.selectors.transfers import running_transfer
from videos.selectors.uploads import storage_left
from videos.services.playlists import discard_playlist
from videos.services.uploads.create import VideoDetails, accepted_extensions, begin_upload
from videos.services.uploads.expire import end_upload
from videos.services.uploads.finish import finish_upload, first_copy
from videos.services.uploads.form_handler import VideoUploadHandler

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest
    from videos.models import Upload, Video

MAX_FILES: Final = 20  # at once, on a page with scripts


# Django's CSRF check reads the whole body. Size and quota are checked before, and the CSRF check
# follows inside.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: MemberRequest) -> HttpResponse:
    """The page; a POST uploads one video. Scripts get JSON."""
    if request.method != "POST":
        return _page(request, UploadForm())
    try:
        length = int(request.META.get("CONTENT_LENGTH") or "")
    except ValueError:
        return HttpResponse("Say how long the body is.", status=411, content_type="text/plain")
    try:
        reserved = begin_upload(user=request.user, content_length=length)
    except RefusedError as error:
        return _refused(request, UploadForm(), error)
    try:
        return _receive(request, reserved)
    finally:
        # Has no effect once the upload has become a video.
        end_upload(upload=reserved)


def _receive(request: MemberRequest, reserved: Upload) -> HttpResponse:
    """Reads the body, writing the video to its folder."""
    handler = VideoUploadHandler(request, reserved)
    request.upload_handlers = [handler]
    try:
        with running_transfer(request, cut=True) as transfer:
            form = UploadForm(request.POST, request.FILES)
        if transfer.is_stopped:
            raise UnreadablePostError("The right to send the upload was lost.")
        if handler.refusal is not None:
            # Before the CSRF check, whose token may be behind the part that was not read.
            form.errors.pop("file", None)
            return _refused(request, form, handler.refusal)
        return csrf_protect(_store)(request, reserved, form)
    finally:
        handler.close()


def _store(request: MemberRequest, reserved: Upload, form: UploadForm) -> HttpResponse:
    if not form.is_valid():
        return _page(request, form, status=422)
    file = form.cleaned_data["file"]
    try:
        video = finish_upload(
            upload=reserved,
            path=file.path,
            size=file.size,
            original_filename=file.sent_name,
            details=VideoDetails(
                title=form.cleaned_data["title"],
                description=form.cleaned_data["description"],
                category=form.cleaned_data["category"],
            ),
            content_hash=file.content_hash,
        )
    except RefusedError as error:
        return _refused(request, form, error)
    return _stored(request, video)


def _stored(request: MemberRequest, video: Video) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"url": video.get_absolute_url()}, status=201)
    messages.success(request, "Uploaded. Your video is being processed.")
    same = first_copy(video)
    if same is not None:
        link = format_html('<a href="{}">{}</a>', same.get_absolute_url(), same.title)
        sentence = "You've already uploaded this file: {}. You can delete one of them."
        messages.warning(request, format_html(sentence, link))
    return redirect(video)


def _refused(request: MemberRequest, form: UploadForm, error: RefusedError) -> HttpResponse:
    """The form again, with the sentence at its file."""
    if form.is_bound:
        form.add_error("file", error.sentence)
        response = _page(request, form, status=error.status)
    else:
        response = _page(request, form, status=error.status, refusal=error.sentence)
    return with_headers(response, error.headers)


def _page(
    request: MemberRequest, form: UploadForm, *, status: int = 200, refusal: str = ""
) -> HttpResponse:
    if request.method == "POST" and _wants_json(request):
        errors = form.errors.get_json_data() if form.is_bound else {}
        errors = {name: [error["message"] for error in found] for name, found in errors.items()}
        if refusal:
            errors["file"] = [refusal]
        return JsonResponse({"errors": errors}, status=status)
    config = current_config()
    quota = quota_state(request.user, config=config)
    stored = stored_state(request.user, config=config)
    if 0 in {quota.left_bytes, stored.left_bytes}:
        # The page refuses all files then, so nothing else would tell staff that they want to
        # upload.
        note_refusal(user=request.user, size=None)
    context = {
        "form": form,
        "refusal": refusal,
        "quota": quota,
        "stored": stored,
        "storage_left": storage_left(request.user, config=config),
        "max_file_size_bytes": config.max_file_size_bytes,
        "accepted": settings.ACCEPTED_VIDEO_FORMATS,
        "extensions": accepted_extensions(),
        "max_files": MAX_FILES,
        "playlists": own_playlists(request.user),
    }
    return render(request, "videos/upload/page.html", context, status=status)


def _wants_json(request: MemberRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


@require_POST
def playlist_discard(request: MemberRequest, short_id: str) -> HttpResponse:
    """Deletes a new playlist after all uploads into it were cancelled.

    204 if it was deleted, 404 if it stays or does not exist.
    """
    is_deleted = discard_playlist(user=request.user, short_id=short_id)
    return HttpResponse(status=204 if is_deleted else 404)
