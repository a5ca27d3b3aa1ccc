"""Files that tell where and by whom they were recorded, in all ways that cameras know.

Every maker plants the same place and the same name; `traces` finds them in bytes.
"""

from __future__ import annotations

import functools
import re
import struct
import subprocess
from typing import TYPE_CHECKING, Final, NamedTuple

from tests import boxes, clips
from tests.boxes import Box

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LATITUDE, LONGITUDE = 52.520008, -13.404954
NAME = "Mustermann"
TEXT = f"GPS ({LONGITUDE}, {LATITUDE}, 18)"
ISO_6709 = f"+{LATITUDE}{LONGITUDE:+09.5f}/"
ORIGINAL_NAME = f"{NAME} {LATITUDE} DJI_0042"
SIZE = "160x90"

# Beginnings of the numbers, since some formats round them.
WORDS: Final = ("52.5200", "52,5200", "13.40495", "13,40495", "52°31", "5231.2004", NAME)


@functools.cache
def patterns() -> dict[bytes, str]:
    """The planted values in all encodings, with what each one is."""
    found: dict[bytes, str] = {}
    for word in WORDS:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            found[word.encode(encoding)] = f"{word} in {encoding}"
    for value in (LATITUDE, LONGITUDE):
        for order in "<>":
            numbers = {
                "float": struct.pack(f"{order}f", value),
                "double": struct.pack(f"{order}d", value),
                "fixed point of 16 bits": struct.pack(f"{order}i", round(value * 65536)),
                "ten millionths": struct.pack(f"{order}i", round(value * 10**7)),
            }
            found |= {content: f"{value} as {name}, {order}" for name, content in numbers.items()}
    return found


def traces(content: bytes) -> list[str]:
    """What is planted in these bytes."""
    return [what for pattern, what in patterns().items() if pattern in content]


def telemetry() -> bytes:
    """Text and numbers as telemetry tracks hold them."""
    return b"".join((b"DEVC", TEXT.encode(), *patterns()))


# -- makers ---------------------------------------------------------------------------------------


def _tags() -> tuple[str, ...]:
    tags = {
        "title": f"Home of {NAME}",
        "artist": NAME,
        "comment": TEXT,
        "location": ISO_6709,
        "com.apple.quicktime.location.ISO6709": ISO_6709,
        "com.apple.quicktime.author": NAME,
    }
    words = [word for tag in tags.items() for word in ("-metadata", "=".join(tag))]
    for stream in ("s:v:0", "s:a:0"):
        for tag in ("title", "handler_name", "encoder", "comment"):
            words += [f"-metadata:{stream}", f"{tag}={NAME} {TEXT}"]
    return tuple(words)


@functools.cache
def _chapters() -> Path:
    path = clips.new_path("txt", "chapters")
    start = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\n"
    path.write_text(f"{start}title={NAME} {TEXT}\n")
    return path


@functools.cache
def _subtitles(text: str = TEXT) -> Path:
    path = clips.new_path("srt", "place")
    path.write_text(f"1\n00:00:00,100 --> 00:00:00,900\n{text}\n")
    return path


def _h264(suffix: str, *options: str) -> Path:
    return clips.h264_mp4(size=SIZE, suffix=suffix, options=options)


def phone() -> Path:
    """Tags of the file and of its tracks, chapters, a time code, and boxes that FFmpeg does not
    write: XMP in a uuid and a udta, ©xyz and loci, and tags of a track."""
    clip = clips.make(
        "mov",
        *("-i", str(_h264("mp4")), "-i", str(_chapters()), "-map_chapters", "1", "-c", "copy"),
        *("-timecode", "12:34:56:00", "-movflags", "use_metadata_tags", *_tags()),
    )
    file = boxes.load(clip)
    xmp = f"<x:xmpmeta><exif:GPSLatitude>{LATITUDE}</exif:GPSLatitude>{NAME}</x:xmpmeta>".encode()
    place = struct.pack(">hh", len(ISO_6709), 0x15C7) + ISO_6709.encode()
    fixed = struct.pack(">ii", round(LONGITUDE * 65536), round(LATITUDE * 65536))
    loci = b"\0\0\0\0\x15\xc7" + NAME.encode() + b"\0\0" + fixed + bytes(4) + b"earth\0\0"
    tags = Box(b"udta", boxes=[Box(b"\xa9xyz", place), Box(b"loci", loci), Box(b"XMP_", xmp)])
    for parent in (file.find(b"moov"), *boxes.tracks(file)):
        parent.boxes.append(tags)
    file.boxes.append(Box(b"uuid", bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC") + xmp))
    return boxes.save(file, clips.new_path("mov", "phone"))


def with_telemetry(code: bytes) -> Path:
    """A data track as GoPro (gpmd), Android (camm) and Apple (mebx) write it: a track of text that
    is renamed, with binary contents."""
    data = telemetry()
    stand_in = _subtitles("Q" * len(data))
    clip = clips.make(
        "mp4",
        *("-i", str(_h264("mp4")), "-i", str(stand_in), "-map", "0", "-map", "1"),
        *("-c", "copy", "-c:s", "mov_text"),
    )
    file = boxes.load(clip)
    [track] = boxes.tracks(file, b"sbtl")
    handler, table = track.find(b"mdia", b"hdlr"), boxes.sample_table(track).find(b"stsd")
    name = f"{NAME} MET".encode().ljust(len(handler.content) - 25) + b"\0"
    handler.content = handler.content[:8] + b"meta" + handler.content[12:24] + name
    table.content = table.content.replace(b"tx3g", code)
    media = next(box for box in file.boxes if box.kind == b"mdat")
    assert b"Q" * len(data) in media.content
    media.content = media.content.replace(b"Q" * len(data), data)
    return boxes.save(file, clips.new_path("mp4", code.decode()))


# Without frames that are shown in another order: raw files have no times.
CODERS: Final = {
    "h264": clips.x264(b_frames=0),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=0:log-level=none"),
}


def sei_message(content: bytes, kind: int = 5) -> bytes:
    size = b"\xff" * (len(content) // 255) + bytes([len(content) % 255])
    return bytes([kind]) + size + content


def car_camera(*, codec: str = "h264") -> Path:
    """User data in front of each picture: unregistered, and registered by some maker (T.35)."""
    plain = telemetry()
    messages = sei_message(bytes(range(16, 32)) + plain) + sei_message(b"\xb5\x00\x3c" + plain, 4)
    messages = re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", messages)
    header = b"\x06" if codec == "h264" else b"\x4e\x01"
    raw = clips.make(codec, *clips.picture(2, SIZE), *CODERS[codec])
    content = bytearray()
    for unit in raw.read_bytes().replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]:
        if unit[0] & 31 in {1, 5} if codec == "h264" else unit[0] >> 1 < 32:
            content += b"\0\0\0\1" + header + messages + b"\x80"
        content += b"\0\0\0\1" + unit
    path = clips.new_path("mp4", "camera")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-r", "30", "-f", codec, "-i", "-"]
    subprocess.run([*command, "-c", "copy", str(path)], input=content, check=True, timeout=60)
    return path


def av1_unit(kind: int, content: bytes) -> bytes:
    """A unit (OBU) of AV1 after its header and size."""
    size, sized = len(content), bytearray()
    while size > 0x7F:
        sized.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([kind << 3 | 2]) + sized + bytes([size]) + content


def av1_camera() -> Path:
    """User data in each picture of AV1: private metadata, and registered by some maker (T.35)."""
    plain = telemetry() + b"\x80"
    planted = av1_unit(5, b"\6" + plain) + av1_unit(5, b"\4\xb5\x00\x3c" + plain)
    coder = ("-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-g", "30")
    raw = clips.make("ivf", *clips.picture(2, SIZE), *coder).read_bytes()
    content, place = bytearray(raw[:32]), 32
    while place < len(raw):
        size, time = struct.unpack_from("<IQ", raw, place)
        picture = raw[place + 12 : place + 12 + size]
        # A picture begins with an empty unit, the temporal delimiter.
        start = 2 if picture[:2] == b"\x12\0" else 0
        picture = picture[:start] + planted + picture[start:]
        content += struct.pack("<IQ", len(picture), time) + picture
        place += 12 + size
    path = clips.new_path("mp4", "av1")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "ivf", "-i", "-", "-c", "copy"]
    subprocess.run([*command, str(path)], input=content, check=True, timeout=60)
    return path


def parameter_sets() -> Path:
    """User data in the record of the decoder, in the place of parameter sets and after them."""
    file = boxes.load(_h264("mp4"))
    table = boxes.sample_table(boxes.tracks(file, b"vide")[0]).find(b"stsd")
    at = table.content.index(b"avcC") - 4
    size = int.from_bytes(table.content[at : at + 4])
    record = table.content[at + 8 : at + size]
    unit = b"\x06" + sei_message(bytes(16) + TEXT.encode()) + b"\x80"
    sets = 8 + int.from_bytes(record[6:8])
    new = record[:5] + b"\xe2" + record[6:sets] + struct.pack(">H", len(unit)) + unit
    box = Box(b"avcC", new + record[sets:] + NAME.encode()).as_bytes()
    content = bytearray(table.content[:at] + box + table.content[at + size :])
    content[8:12] = (int.from_bytes(content[8:12]) + len(box) - size).to_bytes(4)
    table.content = bytes(content)
    return boxes.save(file, clips.new_path("mp4", "sets"))


def drone() -> Path:
    """Telemetry as subtitles, beside subtitles that are none."""
    return clips.make(
        "mp4",
        *("-i", str(_h264("mp4")), "-i", str(_subtitles()), "-i", str(_subtitles("Zeppelin"))),
        *("-map", "0", "-map", "1", "-map", "2", "-c", "copy", "-c:s", "mov_text"),
        *("-metadata:s:s:0", f"handler_name={NAME}.Subtitle", *_tags()),
    )


def matroska() -> Path:
    """Tags, titles, chapters, attachments and subtitles with a place in their title."""
    notes = clips.new_path("txt", "notes")
    notes.write_bytes(telemetry())
    return clips.make(
        "mkv",
        *("-i", str(_h264("mp4")), "-i", str(_subtitles()), "-i", str(_subtitles("Zeppelin"))),
        *("-i", str(_chapters()), "-map", "0", "-map", "1", "-map", "2", "-map_metadata", "3"),
        *("-map_chapters", "3", "-c", "copy", "-c:s", "srt", "-attach", str(notes)),
        *("-metadata:s:t", "mimetype=text/plain", "-metadata:s:t", f"filename={NAME}.txt"),
        *("-metadata:s:s:1", f"title={ISO_6709}", *_tags()),
    )


def avi() -> Path:
    """Tags of AVI (LIST INFO); encoded."""
    coders = ("-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame")
    return clips.make("avi", "-i", str(_h264("mp4")), *coders, *_tags())


def webm() -> Path:
    """Tags and chapters beside VP8; encoded."""
    coders = ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "300k", "-c:a", "libopus")
    chapters = ("-i", str(_chapters()), "-map_metadata", "1", "-map_chapters", "1")
    return clips.make("webm", "-i", str(_h264("mp4")), *chapters, *coders, *_tags())


def cover() -> Path:
    """A cover with EXIF-like comments, beside the video."""
    picture = clips.new_path("jpg", "cover")
    start = clips.cover().read_bytes()
    comment = telemetry()
    picture.write_bytes(
        start[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + start[2:]
    )
    return clips.make(
        "mp4",
        *("-i", str(_h264("mp4")), "-i", str(picture), "-map", "0", "-map", "1", "-c", "copy"),
        *("-disposition:v:1", "attached_pic"),
    )


class Case(NamedTuple):
    """A file, and whether its picture is copied."""

    make: Callable[[], Path]
    is_copied: bool = True


CASES: Final[dict[str, Case]] = {
    "car camera": Case(car_camera),
    "tags of a phone": Case(phone),
    "GoPro": Case(lambda: with_telemetry(b"gpmd")),
    "Android": Case(lambda: with_telemetry(b"camm")),
    "Apple": Case(lambda: with_telemetry(b"mebx")),
    "drone": Case(drone),
    "parameter sets": Case(parameter_sets),
    "matroska": Case(matroska),
    "car camera in HEVC": Case(lambda: car_camera(codec="hevc"), is_copied=False),
    "AV1": Case(av1_camera, is_copied=False),
    "avi": Case(avi, is_copied=False),
    "webm": Case(webm, is_copied=False),
    "cover": Case(cover),
}
