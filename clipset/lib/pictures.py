"""Pictures that people send: the right way up, cut to a size, as WebP without metadata."""

from __future__ import annotations

import io
import os
from functools import partial
from pathlib import Path
from typing import IO

from django.db import transaction
from PIL import Image, ImageOps

MAX_BYTES = 10 * 1024**2
MAX_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


class PictureError(Exception):
    """The sentence says what is wrong with the picture and what to do."""


def fitted_webp(picture: IO[bytes], size: tuple[int, int]) -> bytes:
    """The middle of a picture, cut and scaled to `size` (width, height in px), turned as its
    EXIF says. Raises PictureError."""
    try:
        with Image.open(picture, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PictureError("This picture has too many pixels. Send a smaller one.")
            upright = _eight_bits(ImageOps.exif_transpose(image)).convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError("This picture has too many pixels. Send a smaller one.") from error
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's ways to say: broken
        raise PictureError(
            "This file can't be read as a picture. Send a JPEG, PNG, WebP or GIF."
        ) from error
    out = io.BytesIO()
    ImageOps.fit(upright, size, Image.Resampling.LANCZOS).save(out, "WEBP", quality=85, method=4)
    return out.getvalue()


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
    """Writes a file that is there in whole or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
