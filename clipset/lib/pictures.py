"""Pictures that people upload: the right way up, cut to a size, as WebP or JPEG without metadata.

Each is decoded in a process of its own (clipset/lib/image_child.py), never in this one.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from clipset.lib.disk import StorageUnavailableError
from clipset.lib.durable import sync
from clipset.lib.refusals import RefusedError
from clipset.lib.shared_slots import SharedSlots
from clipset.lib.slots import NoSlotError
from clipset.lib.unavailable import STORAGE_AWAY, Unavailable, why_unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

logger = logging.getLogger(__name__)

MAX_BYTES = 10 * 1024**2
CHILD: Final = Path(__file__).with_name("image_child.py")
# The child has 6 s of processor time (image_child.MAX_CPU_SECONDS), which take longer where other
# processes want the processor.
WALL_SECONDS = 20.0
# How many pictures of members are decoded at once, by all web workers together, and how long
# another one waits for its turn.
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

# The word that the child gives, and the sentence for it.
REFUSALS: Final = {"complex": TOO_COMPLEX, "pixels": TOO_MANY_PIXELS, "unreadable": UNREADABLE}
REFUSED: Final = 3  # the child's exit status with such a word

# Made when the web server loads the site, before it forks: its workers share them.
_slots = SharedSlots(MAX_AT_ONCE)


class PictureError(RefusedError):
    """A picture that cannot be used. The sentence says why, and what to do."""


class PictureNotStoredError(PictureError):
    """Nothing is wrong with the picture, but with the disk: 507 for a full one, else 503."""

    def __init__(self, why: Unavailable) -> None:
        status = 507 if why.is_full else 503
        super().__init__(why.sentence, status=status, retry_after=why.retry_after)


@contextmanager
def storing_picture() -> Iterator[None]:
    """Raises PictureNotStoredError in the place of whatever the storage says."""
    try:
        yield
    except (OSError, StorageUnavailableError) as error:
        logger.warning("a picture could not be stored: %s", error)
        raise PictureNotStoredError(why_unavailable(error) or STORAGE_AWAY) from error


def fitted_webp(picture: IO[bytes], size: tuple[int, int], *, member: UUID | None = None) -> bytes:
    """WebP of the middle of a picture, cut and scaled to `size` (width, height in px), turned as
    its EXIF says; with transparency. Takes up to WALL_SECONDS: not to be called in a transaction.

    `member` is who uploaded it, which is to be given in every request: one picture of each is
    decoded at a time, and MAX_AT_ONCE in all. None is for workers, which are few.

    Raises: PictureError.
    """
    return _converted(picture, "WEBP", size, member)


def fitted_jpeg(picture: IO[bytes], size: tuple[int, int], *, member: UUID | None = None) -> bytes:
    """As `fitted_webp`, as a JPEG on a white background."""
    return _converted(picture, "JPEG", size, member)


def _converted(picture: IO[bytes], kind: str, size: tuple[int, int], member: UUID | None) -> bytes:
    picture.seek(0)
    content = picture.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PictureError("This picture is too large. Upload one of at most 10 MB.")
    turn = nullcontext() if member is None else _slots.held(member, wait_seconds=WAIT_SECONDS)
    try:
        with turn:
            return _run_child(content, kind, size)
    except NoSlotError as error:
        raise PictureError(OWN_IS_BUSY if error.is_own else ALL_ARE_BUSY) from error
    except OSError as error:  # of memory or processes there are no more
        logger.exception("a picture could not be processed")
        raise PictureError(NOT_POSSIBLE) from error


def _run_child(content: bytes, kind: str, size: tuple[int, int]) -> bytes:
    """Raises: PictureError; OSError where no process can be started.

    The picture, the result and the child's last words are files in memory: the kernel bounds what
    the child writes to them (RLIMIT_FSIZE), and nobody has to pump pipes.
    """
    # setpriv: it dies with the thread that starts it, which is this one and waits for it.
    command = ["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "--"]
    command += [sys.executable, "-I", "-B", str(CHILD), kind, str(size[0]), str(size[1])]
    with _memory("picture") as source, _memory("result") as result, _memory("words") as words:
        source.write(content)
        source.seek(0)
        process = subprocess.Popen(
            command, stdin=source, stdout=result, stderr=words, env={}
        )  # no secrets
        try:
            status = process.wait(WALL_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise PictureError(TOO_LONG) from error
        finally:
            process.kill()
            process.wait()
        if status != 0:
            words.seek(0)
            raise PictureError(_sentence(status, words.read(2000).decode("ascii", "replace")))
        result.seek(0)
        return result.read()


def _memory(name: str) -> IO[bytes]:
    return os.fdopen(os.memfd_create(name), "w+b", buffering=0)


def _sentence(status: int, words: str) -> str:
    """What to tell of a child that gave no result, by its exit status and what it said."""
    word, _, millions = words.partition(" ")
    if status == REFUSED and word in REFUSALS:
        most = f", with at most {int(millions)} million pixels" if millions.isdecimal() else ""
        return REFUSALS[word].format(most)
    if status in {-signal.SIGXCPU, -signal.SIGXFSZ}:
        return TOO_COMPLEX
    logger.error("decoding a picture ended with status %s: %s", status, words)
    if status in {-signal.SIGKILL, -signal.SIGALRM}:  # by the kernel, where memory is short
        return TOO_LONG
    # Any other signal is a decoder's bug; any other status, a child that did not start.
    return UNREADABLE if status < 0 else NOT_POSSIBLE


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that is there in whole or not at all, also after a power cut, and whoever else
    writes it at the same time.

    Its folder is made where it is missing, but not what that lies in: a storage root whose disk
    is not mounted must not be made.
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
