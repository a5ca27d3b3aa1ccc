"""Script that decodes one image, crops and scales it, and writes it as WebP or JPEG.

    python -I -S image_child.py WEBP|JPEG|SIZE WIDTH HEIGHT PACKAGES <image >result

With SIZE the result is the size of the whole image, as text.

clipset.lib.image_process starts it for each image that a member uploads. PACKAGES is the folder
with Pillow. The size of a file does not
show how much decoding costs, and decoders may have bugs. The process sets its own limits before it
imports Pillow or reads any input. It imports nothing of Clipset, so that it starts in 50 ms.

Exit status: 0 with the result, or REFUSED with one word on standard error that gives the reason (a
key of clipset.lib.pictures.REFUSALS). "pixels" is followed by the accepted number of millions. The
kernel ends the process with SIGXCPU at the limit of processor time.
"""

from __future__ import annotations

import io
import os
import re
import resource
import signal
import sys
import warnings
from typing import Final, NoReturn

MIB: Final = 1024**2
# The largest accepted images take 1.5 s on a current processor, and 300 MB.
MAX_CPU_SECONDS: Final = 6
MAX_MEMORY_BYTES: Final = 512 * MIB
MAX_RESULT_BYTES: Final = 8 * MIB
# For a process whose parent can no longer end it.
MAX_LIFE_SECONDS: Final = 60
# Lower priority than the web server (0), so that pages stay fast; higher than FFmpeg (10).
NICENESS: Final = 5


def limit_this_process() -> None:
    """Sets the limits above, but never higher than existing ones."""
    for kind, value in (
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, MAX_RESULT_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),  # no thread and no process more
        (resource.RLIMIT_NOFILE, 64),
    ):
        _, hard = resource.getrlimit(kind)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # The soft limit of processor time causes SIGXCPU, the hard limit SIGKILL.
        soft_only = kind == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY
        resource.setrlimit(kind, (most, most + 1 if soft_only else most))
    signal.alarm(MAX_LIFE_SECONDS)
    os.nice(NICENESS)


if __name__ == "__main__":
    limit_this_process()
    sys.path.append(sys.argv[4])

from PIL import (  # noqa: E402 after the limits
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

# Imported by name: otherwise Pillow imports the plugins of all 40 formats to find WebP.
PLUGINS: Final = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin, GifImagePlugin)
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
REFUSED: Final = 3
MILLION: Final = 1_000_000
# The most pixels that can be decoded in 300 MB. A JPEG is decoded at a reduced size, unless it has
# several scans, which are all kept until the last one. In other formats, a pixel takes 4 to 16
# bytes.
MAX_PIXELS: Final = {
    "JPEG": 50 * MILLION,
    "JPEG of several scans": 25 * MILLION,
    "PNG": 25 * MILLION,
    "GIF": 25 * MILLION,
    "WEBP": 16 * MILLION,
}
# Each scan of a progressive JPEG covers the whole image. Encoders write about 10.
MAX_SCANS: Final = 100
# A marker that begins a segment or is complete in itself (ITU-T T.81, B.1.1.3). Only the last of
# several 0xFF bytes before it is matched: matching all of them would take quadratic time.
MARKER: Final = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA
# EXIF's tag Orientation and the rotation for each of its values.
ORIENTATION: Final = 0x0112
TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class RefusedImageError(Exception):
    """The image is refused. The message is written to standard error."""


def convert(content: bytes, kind: str, size: tuple[int, int]) -> bytes:
    """Crops the middle of an image, scales it to `size`, and removes its metadata.

    The image is rotated as its EXIF says. WebP keeps transparency; JPEG gets a white background.

    Args:
        content: the file.
        kind: "WEBP" or "JPEG".
        size: width and height in px.

    Raises: RefusedImageError; any Exception of Pillow for a broken file.
    """
    scans = count_scans(content) if content.startswith(b"\xff\xd8") else 0
    if scans > MAX_SCANS:
        raise RefusedImageError("complex")
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _check_pixels(image, scans)
        upright = _fitted_upright(_decoded_small(image, 2 * max(size)), size).convert("RGBA")
    out = io.BytesIO()
    if kind == "WEBP":
        upright.save(out, "WEBP", quality=85, method=4)
    else:
        page = Image.new("RGB", upright.size, "white")
        page.paste(upright, mask=upright)
        page.save(out, "JPEG", quality=88, optimize=True)
    return out.getvalue()


def measured(content: bytes) -> bytes:
    """Decodes an image to its end. Returns its width and height as text. Raises: as `convert`."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _check_pixels(image, count_scans(content) if content.startswith(b"\xff\xd8") else 0)
        image.load()
        return f"{image.width} {image.height}".encode()


def count_scans(jpeg: bytes) -> int:
    """Counts the SOS markers of the first image of a JPEG, up to MAX_SCANS + 1.

    Segments are skipped by their length, so a thumbnail in the EXIF does not count. In the data of
    a scan, a 0xFF that is no marker is followed by 0x00 (ITU-T T.81, B.1.1.5).
    """
    scans, at = 0, 2
    while scans <= MAX_SCANS and (found := MARKER.search(jpeg, at)):
        marker, at = found[1][0], found.end()
        if marker == END_OF_IMAGE:
            break
        scans += marker == START_OF_SCAN
        at += int.from_bytes(jpeg[at : at + 2], "big")
    return scans


def _check_pixels(image: Image.Image, scans: int) -> None:
    """Checks the number of pixels in the header, before anything is decoded.

    Raises: RefusedImageError.
    """
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    if kind == "JPEG" and (image.info.get("progressive") or scans > 1):
        kind = "JPEG of several scans"
    if image.width * image.height > MAX_PIXELS[kind]:
        raise RefusedImageError(f"pixels {MAX_PIXELS[kind] // MILLION}")


def _decoded_small(image: Image.Image, least: int) -> Image.Image:
    """Decodes to 8 bits per channel, reduced cheaply while both sides keep at least `least` px."""
    image.draft(None, (least, least))  # a JPEG can decode to 1/8, 1/4 or 1/2 of its size
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    image = _eight_bits(image)
    factor = min(image.width // least, image.height // least)
    return image.reduce(factor) if factor > 1 else image


def _fitted_upright(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Crops and scales to `size` and rotates. Rotates last, since that copies the image."""
    orientation = image.getexif().get(ORIENTATION, 1)
    lying = size[::-1] if orientation in {5, 6, 7, 8} else size
    cut = ImageOps.fit(image, lying, Image.Resampling.LANCZOS)
    return cut.transpose(TURNS[orientation]) if orientation in TURNS else cut


def _eight_bits(image: Image.Image) -> Image.Image:
    """Converts 16-bit gray to 8 bits. Pillow's own conversion turns all values above 255 white."""
    if not image.mode.startswith("I"):
        return image
    return image.point(lambda tone: tone / 257).convert("L")


def main() -> None:
    kind, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")  # standard error is for the one word only
    try:
        content = sys.stdin.buffer.read()
        result = measured(content) if kind == "SIZE" else convert(content, kind, (width, height))
    except RefusedImageError as error:
        _refuse(str(error))
    except MemoryError:
        _refuse("complex")
    except Image.DecompressionBombError:
        _refuse("pixels")
    except Exception:  # Pillow and its plugins raise many kinds of errors for broken files
        _refuse("unreadable")
    sys.stdout.buffer.write(result)
    sys.stdout.buffer.flush()


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(why)
    sys.stderr.flush()
    os._exit(REFUSED)  # at once, since freeing the decoded image takes time


if __name__ == "__main__":
    main()
