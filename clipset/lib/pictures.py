"""Pictures that people send: the right way up, cut to a size, as WebP without metadata."""

from __future__ import annotations

import io
import os
import secrets
import threading
from functools import partial
from pathlib import Path
from typing import IO

from django.db import transaction
from PIL import Image, ImageOps

from clipset.lib.durable import sync

MAX_BYTES = 10 * 1024**2
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MILLION = 1_000_000
# What can be decoded in some 250 MB. A JPEG is decoded small to begin with, unless it is
# progressive; of the others every pixel takes 4 to 16 bytes.
MAX_PIXELS = {
    "JPEG": 50 * MILLION,
    "progressive JPEG": 25 * MILLION,
    "PNG": 25 * MILLION,
    "GIF": 25 * MILLION,
    "WEBP": 16 * MILLION,
}
# EXIF's Orientation: what is to be done with the picture.
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# A picture of a few kB takes so much too, so that a process decodes one at a time.
_DECODING = threading.Lock()
PATIENCE = 20  # seconds

TOO_MANY_PIXELS = "This picture has too many pixels. Send a smaller one."


class PictureError(Exception):
    """The sentence says what is wrong with the picture and what to do."""


def fitted_webp(picture: IO[bytes], size: tuple[int, int]) -> bytes:
    """As `fitted` gives it, with what can be seen through."""
    out = io.BytesIO()
    fitted(picture, size).save(out, "WEBP", quality=85, method=4)
    return out.getvalue()


def fitted_jpeg(picture: IO[bytes], size: tuple[int, int]) -> bytes:
    """As `fitted` gives it, on white."""
    upright, out = fitted(picture, size), io.BytesIO()
    page = Image.new("RGB", upright.size, "white")
    page.paste(upright, mask=upright)
    page.save(out, "JPEG", quality=88, optimize=True)
    return out.getvalue()


def fitted(picture: IO[bytes], size: tuple[int, int]) -> Image.Image:
    """The middle of a picture, cut and scaled to `size` (width, height in px), turned as its
    EXIF says. Takes a second and much memory: not to be called in a transaction.

    Raises PictureError, also when other pictures keep the process busy for long.
    """
    if not _DECODING.acquire(timeout=PATIENCE):
        raise PictureError("Too many pictures come in just now. Send yours again in a minute.")
    try:
        with Image.open(picture, formats=FORMATS) as image:
            _check_pixels(image)
            return _fitted_upright(_decoded_small(image, 2 * max(size)), size).convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(TOO_MANY_PIXELS) from error
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's ways to say: broken
        raise PictureError(
            "This file can't be read as a picture. Send a JPEG, PNG, WebP or GIF."
        ) from error
    finally:
        _DECODING.release()


def _check_pixels(image: Image.Image) -> None:
    """By the header alone: nothing is decoded yet."""
    progressive = "progressive " if image.info.get("progressive") else ""
    most = MAX_PIXELS[f"{progressive}{'JPEG' if image.format == 'MPO' else image.format}"]
    if image.width * image.height > most:
        raise PictureError(f"{TOO_MANY_PIXELS} At most {most // MILLION} million are taken of it.")


def _decoded_small(image: Image.Image, least: int) -> Image.Image:
    """The picture in 8 bits a channel, as small as can be had cheaply while both sides have at
    least `least` px."""
    image.draft(None, (least, least))  # a JPEG decodes to an 8th, a 4th or half of its size
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    image = _eight_bits(image)
    factor = min(image.width // least, image.height // least)
    return image.reduce(factor) if factor > 1 else image


def _fitted_upright(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Turned last, when it is small: that takes a second picture."""
    orientation = image.getexif().get(ORIENTATION, 1)
    lying = size[::-1] if orientation in {5, 6, 7, 8} else size
    cut = ImageOps.fit(image, lying, Image.Resampling.LANCZOS)
    return cut.transpose(TURNS[orientation]) if orientation in TURNS else cut


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits a pixel with its tones: Pillow's own conversion makes all above 255 white."""
    if not image.mode.startswith("I"):
        return image
    return image.point(lambda tone: tone / 257).convert("L")


def unlink_on_commit(path: Path | None) -> None:
    """Removes a file that the caller's transaction replaces, when that is committed."""
    if path is not None:
        transaction.on_commit(partial(path.unlink, missing_ok=True))


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
