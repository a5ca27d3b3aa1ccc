"""Reads what a finished result says of itself, with one run of ffprobe.

The run takes 0.1 s, and may go on while a copy is finalised. How many samples there are is read
from the tables that finalising writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.boxes import child, children, whole_file
from videos.transcode.container import FileReader, is_whole
from videos.transcode.ffprobe import ffprobe
from videos.transcode.masking import plain_view
from videos.transcode.missing_samples import has_all_samples
from videos.transcode.sample_entries import track_number
from videos.transcode.streams import choose_video, hdr_of, is_sound, number, shape_of
from videos.transcode.timeline import MAX_FRAME_SECONDS, MIN_FRAME_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.media import Hdr
    from videos.transcode.streams import Json
    from videos.transcode.types import Options, Tick


# Some frames of the picture. With more, FFmpeg reads on to the first packet of the sound, whose
# description is in the header as well.
PROBE_BYTES = 200_000


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
        hdr: its transfer; "" for standard dynamic range.
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
    hdr: Hdr = ""
    picture_start: float = 0.0
    sounds: tuple[MadeSound, ...] = ()

    def start(self, frame_seconds: float) -> float:
        """Returns when the video starts (rules 1 and 2 of ``timeline``)."""
        same = min(MAX_FRAME_SECONDS, max(MIN_FRAME_SECONDS, frame_seconds))
        first = min((sound.start for sound in self.sounds), default=self.picture_start)
        return first if self.picture_start - first > same else self.picture_start


def read_made(path: Path, *, options: Options, tick: Tick) -> MadeFacts:
    """Returns the facts of a result.

    Raises: ProcessingError if ffprobe cannot read it; OSError.
    """
    return made_facts(path, read_made_header(path, options=options, tick=tick))


def read_made_header(path: Path, *, options: Options, tick: Tick) -> list[Json]:
    """Returns what ffprobe says of the tracks of a result, which may not be finalised yet.

    Raises: ProcessingError if ffprobe cannot read it.
    """
    parts = bytearray()
    ffprobe(
        plain_view(path),
        ["-probesize", str(PROBE_BYTES), "-show_streams", "-of", "json=compact=1"],
        options=replace(options, accepted=("mp4",)),
        on_output=parts.extend,
        tick=tick,
    )
    streams: list[Json] = json.loads(parts.decode("utf-8", "replace")).get("streams", [])
    return streams


def made_facts(path: Path, streams: list[Json]) -> MadeFacts:
    """Returns the facts of a finalised result.

    Args:
        streams: of ``read_made_header``. The numbers of samples are read from the file.

    Raises: OSError.
    """
    samples = _sample_counts(path)
    facts = MadeFacts(
        size_bytes=path.stat().st_size, whole=is_whole(path) and has_all_samples(path)
    )
    if (picture := choose_video(streams)) is not None:
        shape = shape_of(picture)
        facts = replace(
            facts,
            picture=str(picture.get("codec_name", "")),
            width=shape["width"],
            height=shape["height"],
            frames=_samples(picture, samples),
            hdr=hdr_of(picture),
            picture_start=number(picture.get("start_time")),
        )
    sounds = (one for one in streams if is_sound(one) and _samples(one, samples))
    return replace(
        facts,
        sounds=tuple(
            MadeSound(str(one.get("codec_name", "")), number(one.get("start_time")))
            for one in sounds
        ),
    )


def _samples(stream: Json, counts: dict[int, int]) -> int:
    return counts.get(int(str(stream.get("id", "0")), 0), 0)


def _sample_counts(path: Path) -> dict[int, int]:
    """Returns the numbers of samples by track, as the sample tables say (``stsz``, 8.7.3)."""
    counts: dict[int, int] = {}
    with path.open("rb") as file:
        reader = FileReader.of(file)
        moov = child(reader, whole_file(reader), b"moov")
        for track in children(reader, moov, b"trak") if moov else ():
            number = track_number(reader, track)
            sizes = child(reader, track, b"mdia", b"minf", b"stbl", b"stsz")
            if number is not None and sizes is not None:
                counts[number] = int.from_bytes(reader.read(sizes.start + 8, 4))
    return counts
