"""Resumable uploads by tus 1.0.0 (videos.tus): maps requests to services, and results to HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from clipset.lib.refusals import RefusedError
from clipset.lib.requests import with_headers
from clipset.middleware import wants_script_answer
from clipset.server.sockets import connection_of
from siteconfig.services.config import current_config
from videos.access import own_upload
from videos.forms import UploadDetailsForm
from videos.selectors.transfers import running_transfer
from videos.selectors.uploads import bytes_left, unfinished_uploads, upload_address
from videos.services.uploads.append import (
    Body,
    append_chunk,
    create_with_chunk,
    settle_status,
    status_of,
    terminate_upload,
)
from videos.services.uploads.create import VideoDetails, refused_when_disk_fails
from videos.services.uploads.finish import first_copy
from videos.tus import answers
from videos.tus.requests import effective_method, parse_request
from videos.tus.types import (
    VERSION,
    Answer,
    Append,
    Ask,
    Create,
    OptionsRequest,
    Terminate,
    TusError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

    from clipset.lib.requests import MemberRequest
    from videos.models import Upload
    from videos.tus.types import Command


# Django's CSRF check would answer with a page. The check inside runs before any byte of the body is
# read. Visitors who are not logged in get 401 from here.
@csrf_exempt
@login_not_required
def uploads(request: MemberRequest) -> HttpResponse:
    """Creates uploads; a GET lists the member's unfinished ones as JSON."""
    speaks_tus = {"Tus-Resumable", "X-HTTP-Method-Override"} & set(request.headers)
    if request.method in {"GET", "HEAD"} and not speaks_tus:
        return _list(request)
    return _tus_response(request, None)


@csrf_exempt
@login_not_required
def one_upload(request: MemberRequest, upload_id: str) -> HttpResponse:
    """Reads the status of an upload, appends to it or ends it."""
    return _tus_response(request, upload_id)


def _list(request: MemberRequest) -> HttpResponse:
    if not wants_script_answer(request):
        return redirect("upload")
    if not _is_logged_in(request):
        return HttpResponse("Log in first.", status=401, content_type="text/plain")
    unfinished = unfinished_uploads(request.user)
    left = bytes_left(request.user.pk)
    return JsonResponse(
        {"uploads": unfinished, "quota_left": left.quota, "storage_left": left.storage}
    )


def _tus_response(request: MemberRequest, upload_id: str | None) -> HttpResponse:
    """Answers one request of the protocol. `upload_id` is None for the address of all uploads."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    method = effective_method(request.method or "", headers)
    try:
        command = _checked_command(request, method, headers, is_collection=upload_id is None)
        with refused_when_disk_fails():
            answer = _run(request, command, upload_id)
    except TusError as error:
        answer = error.answer
    except RefusedError as error:
        answer = Answer(status=error.status, body=error.sentence, headers=error.headers)
    return _http_response(request, method, answer)


def _checked_command(
    request: MemberRequest, method: str, headers: dict[str, str], *, is_collection: bool
) -> Command:
    """The command of the request. Raises: TusError: 401, 403, and those of parse_request."""
    if not _is_logged_in(request):
        raise TusError(401, "Log in first.")
    command = parse_request(method, headers, is_collection=is_collection)
    if _is_forged(request, method):
        raise TusError(403, "This page is out of date. Reload it to continue.")
    return command


def _is_logged_in(request: HttpRequest) -> bool:
    return request.user.is_authenticated


def _is_forged(request: MemberRequest, method: str) -> bool:
    """Runs Django's CSRF check, for the method that an override header may have set."""
    passed = []

    def pass_on(_: object) -> HttpResponse:
        passed.append(True)
        return HttpResponse()

    sent, request.method = request.method, method
    try:
        csrf_protect(pass_on)(request)
    finally:
        request.method = sent
    return not passed


def _http_response(request: MemberRequest, method: str, answer: Answer) -> HttpResponse:
    body = "" if method == "HEAD" else answer.body
    content_type = "text/plain; charset=utf-8"
    response = HttpResponse(body, status=answer.status, content_type=content_type)
    if not body:
        del response["Content-Type"]
    return with_headers(response, {**answer.headers, **_common_headers(request, method, answer)})


def _common_headers(request: MemberRequest, method: str, answer: Answer) -> dict[str, str]:
    """The headers that depend on the request rather than on what was done."""
    headers = {"Cache-Control": "no-store"} if method == "HEAD" else {}
    if method != "OPTIONS" or answer.status >= 400:
        headers["Tus-Resumable"] = VERSION
    if _is_logged_in(request):
        left = bytes_left(request.user.pk)
        known = {"Clipset-Quota-Left": left.quota, "Clipset-Storage-Left": left.storage}
        headers |= {name: str(size) for name, size in known.items() if size is not None}
    return headers


def _run(request: MemberRequest, command: Command, upload_id: str | None) -> Answer:
    if isinstance(command, OptionsRequest):
        return answers.offered(max_size=current_config().max_file_size_bytes)
    if isinstance(command, Create):
        return _create(request, command)
    upload = own_upload(request, upload_id or "")
    return _run_on(request, command, upload)


def _run_on(request: MemberRequest, command: Command, upload: Upload) -> Answer:
    if isinstance(command, Ask):
        return _with_video(answers.status(settle_status(upload=upload)), upload)
    if isinstance(command, Append):
        with _body(request) as body:
            status = append_chunk(upload=upload, chunk=command, body=body)
        return _with_video(answers.appended(status), upload)
    assert isinstance(command, Terminate)
    terminate_upload(upload=upload)
    return answers.terminated()


def _create(request: MemberRequest, command: Create) -> Answer:
    details = _details(request, command)
    with _body(request) as body:
        upload = create_with_chunk(user=request.user, command=command, details=details, body=body)
    created = answers.created(
        status_of(upload), location=upload_address(upload), has_body=bool(command.size)
    )
    return _with_video(created, upload)


def _details(request: MemberRequest, command: Create) -> VideoDetails:
    """The details in the metadata. Raises: TusError (422)."""
    names = ("title", "description", "category", "playlist")
    form = UploadDetailsForm({name: command.text(name) for name in names}, user=request.user)
    if not form.is_valid():
        raise TusError(422, next(str(errors[0]) for errors in form.errors.values()))
    return VideoDetails(**form.cleaned_data)


@contextmanager
def _body(request: MemberRequest) -> Iterator[Body]:
    """The body, which is not read any further when the right to send it is lost. The connection
    stays, so that the client hears of it."""
    with running_transfer(request, cut=False) as transfer:
        yield Body(
            read=request.read,
            connection=connection_of(request),
            is_stopped=lambda: transfer.is_stopped,
        )


def _with_video(answer: Answer, upload: Upload) -> Answer:
    """Adds the address of the video that the upload has become.

    If the member had uploaded the same file before, adds that video too.
    """
    if upload.video is None:
        return answer
    headers = {**answer.headers, "Clipset-Video": upload.video.get_absolute_url()}
    same = first_copy(upload.video)
    if same is not None:
        headers["Clipset-Duplicate-Of"] = same.get_absolute_url()
        headers["Clipset-Duplicate-Title"] = quote(same.title, safe="")
    return replace(answer, headers=headers)
