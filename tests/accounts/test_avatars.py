from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational

from accounts.models import User
from accounts.services.avatars import avatar_path
from clipset.lib.image_child import convert
from tests.builders import make_user
from tests.examples import examples, one_in
from tests.folders import files_below
from videos.services.removing import work_off_removals

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

RED, BLUE, GREEN, WHITE = (255, 0, 0), (0, 0, 255), (0, 128, 0), (255, 255, 255)
GPS = 0x8825
ORIENTATION = 0x0112


@pytest.fixture
def alice(client: Client) -> User:
    alice = make_user("alice")
    client.force_login(alice)
    return alice


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def send(client: Client, content: bytes, name: str = "me.png", kind: str = "image/png") -> Any:
    picture = SimpleUploadedFile(name, content, kind)
    return client.post("/settings/avatar/", {"picture": picture})


def folder(media: Path) -> Path:
    return media / "avatars"


def stored(media: Path) -> list[Path]:
    return sorted(folder(media).iterdir()) if folder(media).exists() else []


def picture_of(client: Client, username: str = "alice") -> Image.Image:
    answer = client.get(f"/profile/{username}/avatar.webp")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/webp"
    assert answer["Cache-Control"] == "private, max-age=86400"
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def near(image: Image.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    """Returns whether a pixel has a color, apart from the errors of compression."""
    found = image.convert("RGB").getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(a - b) < 40 for a, b in zip(found, colour, strict=True))


def halves(size: tuple[int, int] = (600, 600)) -> Image.Image:
    """Returns a picture whose upper half is red and whose lower half is blue."""
    image = Image.new("RGB", size, RED)
    ImageDraw.Draw(image).rectangle((0, size[1] // 2, *size), fill=BLUE)
    return image


# -- What is kept -------------------------------------------------------------------------------
def test_a_picture_becomes_webp_of_256_pixels(client: Client, alice: User, media: Path) -> None:
    assert send(client, encoded(halves((800, 600)), "PNG")).status_code == 302
    image = picture_of(client)
    assert (image.format, image.size) == ("WEBP", (256, 256))
    assert near(image, (128, 30), RED)
    assert near(image, (128, 226), BLUE)
    alice.refresh_from_db()
    assert stored(media) == [avatar_path(alice)]
    assert alice.avatar.startswith(alice.pk.hex)


def test_the_page_shows_the_picture_under_an_address_that_changes_with_it(
    client: Client, alice: User
) -> None:
    addresses = set()
    for colour in (RED, BLUE):
        send(client, encoded(Image.new("RGB", (300, 300), colour), "PNG"))
        alice.refresh_from_db()
        assert alice.avatar_url is not None
        assert alice.avatar_url in client.get("/settings/").content.decode()
        addresses.add(alice.avatar_url)
    assert len(addresses) == 2


@pytest.mark.parametrize(
    ("orientation", "red_at"),
    [
        (1, (128, 20)),
        (2, (128, 20)),
        (3, (128, 236)),
        (4, (128, 236)),
        (5, (20, 128)),
        (6, (236, 128)),
        (7, (236, 128)),
        (8, (20, 128)),
    ],
)
def test_a_picture_stands_upright_as_its_exif_says(
    client: Client, alice: User, orientation: int, red_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    send(client, encoded(halves(), "JPEG", exif=exif, quality=95), "me.jpg")
    image = picture_of(client)
    assert near(image, red_at, RED)
    assert near(image, (255 - red_at[0], 255 - red_at[1]), BLUE)


def test_location_device_and_comments_are_not_kept(
    client: Client, alice: User, media: Path
) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[ORIENTATION] = "SecretMaker", "SecretModel", 6
    exif[GPS] = {1: "N", 2: (IFDRational(52), IFDRational(31), IFDRational(12)), 3: "E"}
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">SecretPlace</x:xmpmeta>'
    content = encoded(
        halves(), "JPEG", exif=exif, xmp=xmp, comment=b"SecretComment", icc_profile=b""
    )
    assert b"SecretMaker" in content
    assert b"SecretPlace" in content
    assert b"SecretComment" in content
    assert send(client, content, "me.jpg").status_code == 302
    image = picture_of(client)
    assert not image.getexif()
    assert not {"exif", "xmp", "comment"} & set(image.info)
    (path,) = stored(media)
    assert b"Secret" not in path.read_bytes()
    assert b"GPS" not in path.read_bytes()


def test_transparency_is_kept(client: Client, alice: User) -> None:
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((50, 50, 250, 250), fill=(*GREEN, 255))
    send(client, encoded(image, "PNG"))
    kept = picture_of(client)
    assert kept.mode == "RGBA"
    assert kept.getpixel((3, 3))[3] == 0  # type: ignore[index]
    assert kept.getpixel((128, 128))[3] == 255  # type: ignore[index]
    assert near(kept, (128, 128), GREEN)


def palette(transparent: bool) -> bytes:
    image = halves().quantize(8)
    return encoded(image, "PNG", **({"transparency": 0} if transparent else {}))


def gif() -> bytes:
    frames = [halves(), Image.new("RGB", (600, 600), GREEN)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)


def cmyk() -> bytes:
    return encoded(halves().convert("CMYK"), "JPEG", quality=95)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (encoded(halves(), "WEBP", lossless=True), "me.webp"),
        (palette(transparent=False), "me.png"),
        (gif(), "me.gif"),
        (cmyk(), "me.jpg"),
        (encoded(halves(), "PNG"), "no extension"),
        (encoded(halves(), "JPEG"), "called.png"),
        (encoded(halves((1, 2)), "PNG"), "tiny.png"),
        (encoded(halves((20, 4000)), "PNG"), "tall.png"),
    ],
    ids=["webp", "palette", "gif", "cmyk", "no-name", "wrong-name", "tiny", "tall"],
)
def test_pictures_of_every_kind_keep_their_colours(
    client: Client, alice: User, content: bytes, name: str
) -> None:
    assert send(client, content, name).status_code == 302
    image = picture_of(client)
    assert image.size == (256, 256)
    assert near(image, (128, 20), RED)
    assert near(image, (128, 236), BLUE)


def test_a_palette_with_a_transparent_colour_stays_transparent(client: Client, alice: User) -> None:
    assert send(client, palette(transparent=True)).status_code == 302
    assert picture_of(client).mode == "RGBA"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16"])
def test_grey_pictures_of_every_depth_keep_their_tones(
    client: Client, alice: User, mode: str
) -> None:
    """The upper half is dark and the lower half light, also with 16 bits per pixel."""
    grey = Image.new("L", (400, 400), 0)
    ImageDraw.Draw(grey).rectangle((0, 200, 400, 400), fill=255 if mode == "1" else 128)
    image = (
        grey.convert("I").point(lambda tone: tone * 257).convert("I;16")
        if mode == "I;16"
        else grey.convert(mode)
    )
    assert send(client, encoded(image, "PNG")).status_code == 302
    kept = picture_of(client)
    assert near(kept, (128, 20), (0, 0, 0))
    light = 255 if mode == "1" else 128
    assert near(kept, (128, 236), (light, light, light))


def test_16_bits_of_colour_keep_their_colours(client: Client, alice: User) -> None:
    row = b"\x00" + struct.pack(">3H", 0xFFFF, 0, 0) * 300
    assert send(client, png(300, 300, row * 300, depth=16)).status_code == 302
    assert near(picture_of(client), (128, 128), RED)


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


# -- What is refused ----------------------------------------------------------------------------
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
WHOLE = encoded(halves(), "PNG")
BROKEN = {
    "text": (b"This is no picture.", "me.png"),
    "empty": (b"", "me.png"),
    "svg": (SVG, "me.svg"),
    "svg called png": (SVG, "me.png"),
    "html": (b"<html><script>alert(1)</script>", "me.gif"),
    "half a png": (WHOLE[: len(WHOLE) // 2], "me.png"),
    "half a jpeg": (encoded(Image.effect_noise((600, 600), 50), "JPEG")[:4000], "me.jpg"),
    "head of a png": (WHOLE[:33], "me.png"),
    "bad checksum": (WHOLE[:40] + b"\xff" + WHOLE[41:], "me.png"),
    "bmp": (encoded(halves(), "BMP"), "me.png"),
    "tiff": (encoded(halves(), "TIFF"), "me.png"),
    "ico": (encoded(halves((64, 64)), "ICO"), "me.png"),
    "pdf": (encoded(halves(), "PDF"), "me.png"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n", "me.png"),
    "over 10 MB": (WHOLE + b"\x00" * 10 * 1024**2, "me.png"),
    "51 million pixels": (png(8500, 6000, b"", colour=0), "me.png"),
    "100 million pixels": (png(10_000, 10_000, b"", colour=0), "me.png"),
    "a bomb": (png(50_000, 50_000, b"\x00" * 10**6, colour=0), "me.png"),
    "no pixels": (png(0, 0, b""), "me.png"),
}


@pytest.mark.parametrize("what", one_in(2, list(BROKEN)))
def test_what_is_no_fit_picture_is_refused_and_the_old_one_stays(
    client: Client, alice: User, media: Path, what: str
) -> None:
    send(client, encoded(Image.new("RGB", (300, 300), GREEN), "PNG"))
    before = stored(media)
    answer = send(client, *BROKEN[what])
    assert answer.status_code == 422
    assert 'class="field__error" id="id_picture_error"' in answer.content.decode()
    assert stored(media) == before
    assert near(picture_of(client), (128, 128), GREEN)
    alice.refresh_from_db()
    assert alice.avatar == before[0].name


def test_a_form_without_a_picture_is_refused(client: Client, alice: User) -> None:
    assert client.post("/settings/avatar/").status_code == 422
    assert client.post("/settings/avatar/", {"picture": "me.png"}).status_code == 422


@given(st.binary(max_size=300), st.sampled_from([0, 33, 60, 200]))
@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
def test_no_bytes_break_the_reader(noise: bytes, kept: int) -> None:
    """Random bytes follow the beginning of a real picture, so that decoding begins.

    The code of the child process runs in this one. It returns an image of the size that was asked
    for, or raises an Exception, which the child reports as an unreadable picture.
    """
    try:
        webp = convert(WHOLE[:kept] + noise, "WEBP", (16, 16))
    except Exception:
        return
    with Image.open(io.BytesIO(webp)) as image:
        assert (image.format, image.size) == ("WEBP", (16, 16))


# -- Names and files ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/passwd.png",
        "..\\..\\me.png",
        "/etc/passwd",
        "a" * 250 + ".png",
        "me\x00.png",
        ".htaccess",
        "\u202egnp.exe",
        "me.png/../../x",
        "con.png",
    ],
)
def test_the_name_of_the_file_that_was_sent_goes_nowhere(
    client: Client, alice: User, media: Path, name: str
) -> None:
    boundary = "frontier"
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="picture"; filename="{name}"\r\n'
            "Content-Type: image/png\r\n\r\n"
        ).encode()
        + WHOLE
        + f"\r\n--{boundary}--\r\n".encode()
    )
    answer = client.post(
        "/settings/avatar/", body, content_type=f"multipart/form-data; boundary={boundary}"
    )
    assert answer.status_code in {302, 422}
    alice.refresh_from_db()
    files = files_below(media)
    assert files == ([avatar_path(alice)] if answer.status_code == 302 else [])


@pytest.mark.django_db(transaction=True)
def test_the_old_picture_goes_once_the_new_one_is_there(
    client: Client, alice: User, media: Path
) -> None:
    send(client, WHOLE)
    first = stored(media)
    send(client, encoded(Image.new("RGB", (300, 300), GREEN), "PNG"))
    work_off_removals()
    assert len(stored(media)) == 1
    assert stored(media) != first
    assert near(picture_of(client), (128, 128), GREEN)


@pytest.mark.django_db(transaction=True)
def test_a_picture_can_be_removed(client: Client, alice: User, media: Path) -> None:
    send(client, WHOLE)
    for _ in range(2):
        assert client.post("/settings/avatar/remove/").status_code == 302
        work_off_removals()
        assert stored(media) == []
        assert client.get("/profile/alice/avatar.webp").status_code == 404
    alice.refresh_from_db()
    assert alice.avatar_url is None


def test_one_changes_only_ones_own_picture(client: Client, alice: User, media: Path) -> None:
    send(client, WHOLE)
    client.force_login(make_user("bob"))
    send(client, encoded(Image.new("RGB", (300, 300), GREEN), "PNG"))
    assert len(stored(media)) == 2
    assert near(picture_of(client, "ALICE"), (128, 20), RED)
    assert near(picture_of(client, "bob"), (128, 128), GREEN)


def test_a_file_that_is_gone_from_the_disk_is_a_404_and_can_be_replaced(
    client: Client, alice: User, media: Path
) -> None:
    send(client, WHOLE)
    stored(media)[0].unlink()
    assert client.get("/profile/alice/avatar.webp").status_code == 404
    assert client.get("/settings/").status_code == 200
    assert send(client, WHOLE).status_code == 302
    assert picture_of(client).size == (256, 256)
