"""Reads what a finished result says of itself, from the boxes of its moov.

FFmpeg starts in 0.06 s of processor time, and a video has up to seven renditions, so ffprobe is not
asked. Boxes are those of ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from videos.transcode.boxes import Box, child, children, whole_file
from videos.transcode.codec_names import sound_codec
from videos.transcode.container import FileReader, is_whole
from videos.transcode.missing_samples import has_all_samples
from videos.transcode.moov import MAX_TRACKS, PICTURE_ENTRY_BYTES, all_boxes, boxes_in
from videos.transcode.ordinary_moov import NO_MEDIA, read_edits, timescale
from videos.transcode.timeline import MAX_FRAME_SECONDS, MIN_FRAME_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BOX_BYTES: Final = 1024**2  # of those that are read whole; they have some hundred bytes
# FFmpeg's names of the codecs that results have, by their sample entries.
PICTURES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("avc1", "avc3"), "h264"),
    **dict.fromkeys(("hvc1", "hev1"), "hevc"),
    "av01": "av1",
    "vp09": "vp9",
}
MPEG4_SOUND: Final = "mp4a.40."  # ISO/IEC 14496-3, so AAC; other kinds have other numbers


class MadeSound(NamedTuple):
    """A sound track with packets: FFmpeg's name of its codec, and when it starts, in seconds."""

    codec: str
    start: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFacts:
    """The facts of a result. Sizes are in pixels as shown, times in seconds.

    Attributes:
        picture: FFmpeg's name of the codec; "" for none.
        frames: number of frames in the file.
        picture_start: when the picture starts, after edit lists.
        sounds: the sound tracks with packets, in the order of the file.
        whole: whether the file is as long as its own structure says.
    """

    size_bytes: int
    whole: bool
    picture: str = ""
    width: int = 0
    height: int = 0
    frames: int = 0
    picture_start: float = 0.0
    sounds: tuple[MadeSound, ...] = ()

    def start(self, frame_seconds: float) -> float:
        """Returns when the video starts (rules 1 and 2 of ``timeline``)."""
        same = min(MAX_FRAME_SECONDS, max(MIN_FRAME_SECONDS, frame_seconds))
        first = min((sound.start for sound in self.sounds), default=self.picture_start)
        return first if self.picture_start - first > same else self.picture_start


class _Track(NamedTuple):
    """A trak: its handler, the content of its header, its number of samples, the kind and the
    content of its sample entry, and when it starts, in seconds."""

    handler: bytes
    header: bytes
    samples: int
    kind: str
    entry: bytes
    start: float


def read_made(path: Path) -> MadeFacts:
    """Returns the facts of a result, which must be finalised: else it seems to have no samples.

    Raises: ValueError with the reason for contents that are damaged; OSError.
    """
    try:
        return _facts(path, _tracks(path))
    except struct.error as error:
        raise ValueError(f"a box that is too short: {error}") from error


def _facts(path: Path, tracks: list[_Track]) -> MadeFacts:
    pictures = [one for one in tracks if one.handler == b"vide"]
    sounds = (one for one in tracks if one.handler == b"soun" and one.samples)
    whole = is_whole(path) and has_all_samples(path)
    heard = tuple(MadeSound(_codec_of_sound(one), one.start) for one in sounds)
    size = path.stat().st_size
    if not pictures:
        return MadeFacts(size_bytes=size, whole=whole, sounds=heard)
    picture = pictures[0]
    width, height = _shown_size(picture)
    return MadeFacts(
        size_bytes=size,
        whole=whole,
        picture=PICTURES.get(picture.kind, picture.kind),
        width=width,
        height=height,
        frames=picture.samples,
        picture_start=picture.start,
        sounds=heard,
    )


def _tracks(path: Path) -> list[_Track]:
    with path.open("rb") as file:
        reader = FileReader.of(file)
        moov = child(reader, whole_file(reader), b"moov")
        if moov is None:
            raise ValueError("no moov")
        scale = timescale(_content(reader, moov, b"mvhd"))
        tracks = children(reader, moov, b"trak", limit=MAX_TRACKS)
        return [_track(reader, track, scale) for track in tracks]


def _track(reader: FileReader, track: Box, movie_scale: int) -> _Track:
    lists = (b"mdia", b"minf", b"stbl")
    kind, entry = next(all_boxes(_content(reader, track, *lists, b"stsd")[8:]), (b"", b""))
    sizes = child(reader, track, *lists, b"stsz")
    return _Track(
        handler=_content(reader, track, b"mdia", b"hdlr")[8:12],
        header=_content(reader, track, b"tkhd"),
        samples=int.from_bytes(reader.read(sizes.start + 8, 4)) if sizes else 0,
        kind=kind.decode("latin-1"),
        entry=entry,
        start=_start(reader, track, movie_scale, child(reader, track, *lists, b"ctts")),
    )


def _start(reader: FileReader, track: Box, movie_scale: int, offsets: Box | None) -> float:
    """Returns when a track starts: after its empty edits, and after what is before its others.

    Args:
        offsets: the ``ctts`` (8.6.1.3); None if samples are shown in the order of the file.
    """
    first = int.from_bytes(reader.read(offsets.start + 12, 4), signed=True) if offsets else 0
    edit_list = child(reader, track, b"edts", b"elst")
    edits = read_edits(_whole(reader, edit_list)) if edit_list else []
    empty, begin = 0, 0
    for edit in edits:
        if edit.media_time != NO_MEDIA:
            begin = edit.media_time
            break
        empty += edit.duration
    late = max(0, first - begin) / timescale(_content(reader, track, b"mdia", b"mdhd"))
    return empty / movie_scale + late


def _content(reader: FileReader, parent: Box, *path: bytes) -> bytes:
    """Returns the content of a box that every file has. Raises: ValueError."""
    box = child(reader, parent, *path)
    if box is None:
        raise ValueError(f"no {path[-1]!r} where one belongs in the moov")
    return _whole(reader, box)


def _whole(reader: FileReader, box: Box) -> bytes:
    return reader.read(box.start, min(box.end - box.start, MAX_BOX_BYTES))


def _shown_size(picture: _Track) -> tuple[int, int]:
    """Returns width and height as shown: with square pixels, upright (8.3.2, 12.1.3, 12.1.4)."""
    width, height = struct.unpack_from(">HH", picture.entry, 24)
    shapes = boxes_in(picture.entry[PICTURE_ENTRY_BYTES:], b"pasp")
    across, down = struct.unpack_from(">II", next(shapes, b"\0\0\0\1\0\0\0\1"))
    if across and down:
        width = max(1, round(width * across / down))
    matrix = 52 if picture.header[:1] == b"\1" else 40
    straight, turned = struct.unpack_from(">ii", picture.header, matrix)
    return (height, width) if turned and not straight else (width, height)


def _codec_of_sound(sound: _Track) -> str:
    codec = sound_codec(sound.kind, sound.entry)
    return "aac" if codec.startswith(MPEG4_SOUND) else codec
