"""Uploads that can be resumed, by tus 1.0.0 (videos.tus)."""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from accounts.models import User
from accounts.services.quota import quota_state
from clipset.middleware import wants_script_answer
from clipset.server.slots import NoSlotError, Slots
from clipset.server.sockets import connection_of
from siteconfig.services.config import current_config
from videos.forms import SentWords
from videos.models import Upload, UploadState
from videos.services.uploads.append import (
    End,
    UploadBusyError,
    UploadGoneError,
    is_held,
    receive,
    wait_for_writer,
    writing,
)
from videos.services.uploads.create import (
    RefusedError,
    VideoDetails,
    create_upload,
    end_upload,
    open_uploads,
    refused_when_disk_fails,
)
from videos.services.uploads.finish import finish_resumable, first_copy, stored_bytes
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
    UploadStatus,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from django.http import HttpRequest

    from clipset.lib.requests import MemberRequest
    from clipset.server.slots import Slot
    from videos.services.uploads.append import Writer
    from videos.tus.types import Command

# Seconds until it is worth trying again.
RETRY_AFTER: Final = 5
# Bodies at once in this process, whose threads are 32. A slow line holds one for minutes.
slots: Final = Slots(most=12, each=4)
# And who waits for one that is to let go. They have room of their own: what they wait for may be
# what holds all the others.
waits: Final = Slots(most=8, each=4)


# Django's check for forged requests would answer with a page; the one inside comes before a byte
# of the body is read. Whoever is not logged in gets 401 from here.
@csrf_exempt
@login_not_required
def uploads(request: MemberRequest) -> HttpResponse:
    """Where uploads are made; a GET lists those of the member that are not finished."""
    speaks_tus = {"Tus-Resumable", "X-HTTP-Method-Override"} & set(request.headers)
    if request.method in {"GET", "HEAD"} and not speaks_tus:
        return _list(request)
    return _speak(request, None)


@csrf_exempt
@login_not_required
def one_upload(request: MemberRequest, upload_id: str) -> HttpResponse:
    return _speak(request, upload_id)


def _list(request: MemberRequest) -> HttpResponse:
    if not wants_script_answer(request):
        return redirect("upload")
    if _is_stranger(request):
        return HttpResponse("Log in first.", status=401, content_type="text/plain")
    unfinished = [
        {
            "url": _address(upload),
            "filename": upload.filename,
            "size": upload.size_bytes,
            "offset": upload.offset_bytes,
            "title": upload.title,
            "description": upload.description,
            "category": upload.category.slug if upload.category else "",
            "playlist": _playlist_of(upload),
            "created_at": upload.created_at.isoformat(),
            "expires_at": upload.expires_at.isoformat(),
        }
        for upload in open_uploads(request.user).select_related("category", "playlist")
    ]
    left = quota_state(request.user).left_bytes
    return JsonResponse({"uploads": unfinished, "quota_left": left})


def _playlist_of(upload: Upload) -> str:
    """Its short id; "" where there is none, or it is deleted."""
    playlist = upload.playlist
    return playlist.short_id if playlist is not None and playlist.deleted_at is None else ""


def _speak(request: MemberRequest, upload_id: str | None) -> HttpResponse:
    headers = {name.lower(): value for name, value in request.headers.items()}
    method = effective_method(request.method or "", headers)
    try:
        if _is_stranger(request):
            raise TusError(401, "Log in first.")
        command = parse_request(method, headers, is_collection=upload_id is None)
        if _is_forged(request, method):
            raise TusError(403, "This page is out of date. Reload it to continue.")
        with refused_when_disk_fails():
            answer = _do(request, command, upload_id)
    except TusError as refused:
        answer = refused.answer
    except RefusedError as refusal:
        answer = Answer(status=refusal.status, body=refusal.sentence, headers=refusal.headers)
    return _response(request, method, answer)


def _is_stranger(request: HttpRequest) -> bool:
    return not request.user.is_authenticated


def _is_forged(request: MemberRequest, method: str) -> bool:
    """Django's check, for the method that counts."""
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


def _response(request: MemberRequest, method: str, answer: Answer) -> HttpResponse:
    body = "" if method == "HEAD" else answer.body
    kind = "text/plain; charset=utf-8"
    response = HttpResponse(body, status=answer.status, content_type=kind)
    if not body:
        del response["Content-Type"]
    for name, value in answer.headers.items():
        response[name] = value
    if method == "HEAD":
        response["Cache-Control"] = "no-store"
    if method != "OPTIONS" or answer.status >= 400:
        response["Tus-Resumable"] = VERSION
    if not _is_stranger(request):
        # Read again: what was just reserved or given back counts.
        member = User.objects.get(pk=request.user.pk)
        left = quota_state(member).left_bytes
        if left is not None:
            response["Clipset-Quota-Left"] = str(left)
    return response


def _do(request: MemberRequest, command: Command, upload_id: str | None) -> Answer:
    if isinstance(command, OptionsRequest):
        return answers.offered(max_size=current_config().max_file_size_bytes)
    if isinstance(command, Create):
        return _create(request, command)
    upload = _own_upload(request, upload_id)
    if isinstance(command, Ask):
        return _ask(request, upload)
    if isinstance(command, Append):
        return _append(request, upload, command)
    assert isinstance(command, Terminate)
    return _terminate(upload)


def _own_upload(request: MemberRequest, upload_id: str | None) -> Upload:
    """Raises TusError: 404 for what is not this member's, 410 for what is over."""
    try:
        key = uuid.UUID(upload_id)
    except (TypeError, ValueError):
        raise answers.unknown() from None
    own = Upload.objects.select_related("video", "user")
    upload = own.filter(pk=key, user=request.user.pk, is_resumable=True).first()
    if upload is None:
        raise answers.unknown()
    has_video = upload.state == UploadState.FINISHED and upload.video is not None
    if upload.has_expired or not (upload.is_open or has_video):
        raise answers.gone()
    return upload


# -- what is asked --------------------------------------------------------------------------------


def _create(request: MemberRequest, command: Create) -> Answer:
    if command.size > command.length:
        raise TusError(413, "This is more than the file was said to have.")
    upload = create_upload(
        user=request.user,
        size=command.length,
        filename=command.text("filename"),
        words=_words(request, command),
        metadata=command.header,
    )
    if command.size:
        try:
            first = Append(offset=0, size=command.size, checksum=command.checksum)
            _receive(request, upload, first)
        except Exception:
            end_upload(upload=upload)  # whose address the client never gets
            raise
    created = answers.created(
        _standing(upload), location=_address(upload), has_body=bool(command.size)
    )
    return _with_video(created, upload)


def _words(request: MemberRequest, command: Create) -> VideoDetails:
    keys = ("title", "description", "category", "playlist")
    form = SentWords({key: command.text(key) for key in keys}, user=request.user)
    if not form.is_valid():
        raise TusError(422, next(str(errors[0]) for errors in form.errors.values()))
    return VideoDetails(**form.cleaned_data)


def _ask(request: MemberRequest, upload: Upload) -> Answer:
    if upload.is_open:
        try:
            if is_held(upload):
                _wait(request, upload)
        except UploadBusyError:
            raise answers.busy(seconds=RETRY_AFTER) from None
        except UploadGoneError:
            pass
        upload.refresh_from_db()
        if upload.state == UploadState.ENDED:
            raise answers.gone()
        finish_resumable(upload)
    return _with_video(answers.status(_standing(upload)), upload)


def _wait(request: MemberRequest, upload: Upload) -> None:
    slot = _take_slot(request, waits)
    try:
        wait_for_writer(upload)
    finally:
        slot.release()


def _append(request: MemberRequest, upload: Upload, command: Append) -> Answer:
    finish_resumable(upload)
    if not upload.is_open:
        answers.check_append(command, _standing(upload))
    else:
        # Bytes are only ever added, so that an offset before the saved one is wrong already.
        if command.offset < min(upload.offset_bytes, stored_bytes(upload)):
            raise answers.wrong_offset(upload.offset_bytes)
        _receive(request, upload, command)
    return _with_video(answers.appended(_standing(upload)), upload)


def _terminate(upload: Upload) -> Answer:
    if end_upload(upload=upload):
        return answers.terminated()
    upload.refresh_from_db()
    if upload.video is None:
        raise answers.gone()
    raise TusError(
        409,
        "This upload has become a video. Delete it on its page.",
        headers={"Clipset-Video": upload.video.get_absolute_url()},
    )


# -- receiving ------------------------------------------------------------------------------------


def _receive(request: MemberRequest, upload: Upload, append: Append) -> None:
    """Writes the body, and finishes the upload with its last byte. Brings `upload` up to date.

    Raises TusError and RefusedError, whatever came until then being saved.
    """
    slot = _take_slot(request, slots)
    try:
        with writing(upload) as writer:
            answers.check_append(append, _standing(upload, offset=writer.offset))
            with _watched(request, writer):
                end = receive(
                    writer,
                    request.read,
                    append.size,
                    sha1=append.checksum.digest if append.checksum else None,
                )
        upload.refresh_from_db()
        if writer.lost == End.LOST and upload.state != UploadState.FINISHED:
            end = End.LOST
    except UploadBusyError:
        raise answers.busy(seconds=RETRY_AFTER) from None
    except UploadGoneError:
        raise answers.gone() from None
    finally:
        slot.release()
    _check_end(end, upload)
    finish_resumable(upload)


def _take_slot(request: MemberRequest, room: Slots) -> Slot:
    try:
        return room.take(request.user.pk)
    except NoSlotError as taken:
        status = 429 if taken.is_own else 503
        sentence = (
            "You are sending several files at once. This one goes on in a moment."
            if taken.is_own
            else "The server is busy. This upload will continue shortly."
        )
        raise TusError(status, sentence, headers={"Retry-After": str(RETRY_AFTER)}) from None


def _watched(request: MemberRequest, writer: Writer) -> AbstractContextManager[None]:
    connection = connection_of(request)
    return nullcontext() if connection is None else connection.watched(writer.goes_on)


def _check_end(end: End, upload: Upload) -> None:
    """Raises TusError for everything but the whole of a body."""
    offset = {"Upload-Offset": str(upload.offset_bytes)}
    if end == End.CUT:
        raise TusError(408, "What you sent stopped halfway. Go on from there.", headers=offset)
    if end == End.DAMAGED:
        raise answers.wrong_checksum()
    if end == End.STOPPING:
        sentence = "The site is restarting. The upload will continue in a moment."
        raise TusError(503, sentence, headers={"Retry-After": str(RETRY_AFTER), **offset})
    if end == End.ASKED:
        raise answers.busy(seconds=RETRY_AFTER)
    if end == End.LOST:
        if not User.objects.filter(pk=upload.user_id, is_active=True).exists():
            raise TusError(403, "Your account was closed.")
        raise answers.gone() if not upload.is_open else answers.busy(seconds=RETRY_AFTER)


# -- what is told ---------------------------------------------------------------------------------


def _address(upload: Upload) -> str:
    return reverse("one_upload", args=[upload.pk])


def _standing(upload: Upload, *, offset: int | None = None) -> UploadStatus:
    if offset is None:
        offset = upload.offset_bytes
        if upload.is_open:
            offset = min(offset, stored_bytes(upload))
    return UploadStatus(
        offset=offset,
        length=upload.size_bytes,
        expires=http_date(upload.expires_at.timestamp()),
        header=upload.metadata,
    )


def _with_video(answer: Answer, upload: Upload) -> Answer:
    """Once it has become one; and the first one of the same contents, if it is not."""
    if upload.video is None:
        return answer
    headers = {**answer.headers, "Clipset-Video": upload.video.get_absolute_url()}
    same = first_copy(upload.video)
    if same is not None:
        headers["Clipset-Duplicate-Of"] = same.get_absolute_url()
        headers["Clipset-Duplicate-Title"] = quote(same.title, safe="")
    return replace(answer, headers=headers)
