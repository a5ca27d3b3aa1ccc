"""Processing of uploaded images: rotation, cropping and scaling, to WebP or JPEG without metadata.

Each image is decoded in a separate, confined process (clipset.lib.image_process).
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import subprocess
from contextlib import contextmanager, nullcontext
from typing import IO, TYPE_CHECKING, Final

from clipset.lib.disk import StorageUnavailableError
from clipset.lib.durable import sync
from clipset.lib.image_process import run_child
from clipset.lib.refusals import RefusedError
from clipset.lib.sandbox import signal_of
from clipset.lib.shared_slots import SharedSlots
from clipset.lib.slots import NoSlotError
from clipset.lib.unavailable import STORAGE_AWAY, Unavailable, why_unavailable
from clipset.lib.units import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

logger = logging.getLogger(__name__)

MAX_BYTES = 10 * 1024**2
MAX_SIZE: Final = human_bytes(MAX_BYTES)
TOO_LARGE: Final = f"This picture is too large. The limit is {MAX_SIZE}."
# The child may use 6 s of processor time (image_child.MAX_CPU_SECONDS), which take longer on a busy
# machine.
WALL_SECONDS = 20.0
# How many images all web workers together decode at once, and how long another one waits.
MAX_AT_ONCE = 6
WAIT_SECONDS = 5.0

TOO_COMPLEX = (
    "This picture is too complex to process. Save it again as an ordinary JPEG or PNG and upload"
    " that."
)
TOO_MANY_PIXELS = "This picture has too many pixels. Upload a smaller one{}."
UNREADABLE = "This file can't be read as a picture. Upload a JPEG, PNG, WebP or GIF."
TOO_LONG = (
    "Processing this picture took too long. Try again in a few minutes. If that fails too, save it"
    " again as an ordinary JPEG or PNG and upload that."
)
OWN_IS_BUSY = "Your previous picture is still being processed. Try again in a few seconds."
ALL_ARE_BUSY = (
    "The site is processing many pictures right now. Try again in a minute; nothing was changed."
)
NOT_POSSIBLE = "The site can't process pictures right now. Tell an admin, and try again later."

# Sentences for the words that the child writes.
REFUSALS: Final = {"complex": TOO_COMPLEX, "pixels": TOO_MANY_PIXELS, "unreadable": UNREADABLE}
REFUSED: Final = 3  # the child's exit status with such a word

# Created before the web server forks, so that its workers share them.
_slots = SharedSlots(MAX_AT_ONCE)


class PictureError(RefusedError):
    """An image that cannot be used. The sentence says why and what to do."""


class PictureNotStoredError(PictureError):
    """The disk failed, not the image: status 507 if it is full, else 503."""

    def __init__(self, why: Unavailable) -> None:
        status = 507 if why.is_full else 503
        super().__init__(why.sentence, status=status, retry_after=why.retry_after)


@contextmanager
def storing_picture() -> Iterator[None]:
    """Turns errors of the disk into PictureNotStoredError."""
    try:
        yield
    except (OSError, StorageUnavailableError) as error:
        logger.warning("an image could not be stored: %s", error)
        raise PictureNotStoredError(why_unavailable(error) or STORAGE_AWAY) from error


def fitted_webp(picture: IO[bytes], size: tuple[int, int], *, member: UUID | None = None) -> bytes:
    """Crops the middle of an image, scales it, and returns it as WebP with its transparency.

    The image is rotated as its EXIF says. Takes up to WALL_SECONDS, so do not call it in a
    transaction.

    Args:
        size: width and height in px.
        member: the uploader; required in requests. One image per member and MAX_AT_ONCE in all are
            decoded at a time. None is for workers, which are few.

    Raises: PictureError.
    """
    return _converted(picture, "WEBP", size, member)


def fitted_jpeg(picture: IO[bytes], size: tuple[int, int], *, member: UUID | None = None) -> bytes:
    """The same as `fitted_webp`, but as a JPEG on a white background."""
    return _converted(picture, "JPEG", size, member)


def whole_size(picture: IO[bytes]) -> tuple[int, int]:
    """Decodes an image to its end. Returns its width and height in px. For workers.

    Raises: PictureError.
    """
    width, height = _converted(picture, "SIZE", (0, 0), None).split()
    return int(width), int(height)


def _converted(picture: IO[bytes], kind: str, size: tuple[int, int], member: UUID | None) -> bytes:
    picture.seek(0)
    content = picture.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PictureError(f"This picture is too large. Upload one of at most {MAX_SIZE}.")
    turn = nullcontext() if member is None else _slots.held(member, wait_seconds=WAIT_SECONDS)
    try:
        with turn:
            return _run_child(content, kind, size)
    except NoSlotError as error:
        raise PictureError(OWN_IS_BUSY if error.is_own else ALL_ARE_BUSY) from error
    except OSError as error:  # too little memory or too many processes
        logger.exception("an image could not be processed")
        raise PictureError(NOT_POSSIBLE) from error


def _run_child(content: bytes, kind: str, size: tuple[int, int]) -> bytes:
    """Runs the child and returns its result. Raises: PictureError; OSError."""
    try:
        ended = run_child(content, [kind, str(size[0]), str(size[1])], seconds=WALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise PictureError(TOO_LONG) from error
    if ended.status != 0:
        raise PictureError(_sentence(ended.status, ended.words))
    return ended.result


def _sentence(status: int, words: str) -> str:
    """The sentence for a child without a result, by its exit status and its message."""
    word, _, millions = words.partition(" ")
    if status == REFUSED and word in REFUSALS:
        most = f", with at most {int(millions)} million pixels" if millions.isdecimal() else ""
        return REFUSALS[word].format(most)
    ended_by = signal_of(status)
    if ended_by in {signal.SIGXCPU, signal.SIGXFSZ}:
        return TOO_COMPLEX
    logger.error("decoding an image ended with status %s: %s", status, words)
    if ended_by in {signal.SIGKILL, signal.SIGALRM}:  # SIGKILL comes from the kernel, out of memory
        return TOO_LONG
    # Any other signal is a bug of a decoder; any other status means that the child did not start.
    return UNREADABLE if ended_by else NOT_POSSIBLE


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file completely or not at all, also at a power cut or with concurrent writers.

    Creates its folder if it is missing, but not the parents of that folder: a storage root whose
    disk is not mounted must not be created.
    """
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)
