"""Reads what a finished result says of itself, with one run of ffprobe.

Results are ordinary MP4s, which list all their samples in front of the media. So FFmpeg's demuxer
knows the number of frames and where tracks start without reading their packets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.container import is_whole
from videos.transcode.ffprobe import ffprobe
from videos.transcode.masking import plain_view
from videos.transcode.missing_samples import has_all_samples
from videos.transcode.streams import choose_video, hdr_of, is_sound, number, shape_of, whole_number
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
    parts = bytearray()
    ffprobe(
        plain_view(path),
        ["-probesize", str(PROBE_BYTES), "-show_streams", "-of", "json=compact=1"],
        options=replace(options, accepted=("mp4",)),
        on_output=parts.extend,
        tick=tick,
    )
    streams: list[Json] = json.loads(parts.decode("utf-8", "replace")).get("streams", [])
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
            frames=whole_number(picture.get("nb_frames")),
            hdr=hdr_of(picture),
            picture_start=number(picture.get("start_time")),
        )
    sounds = (one for one in streams if is_sound(one) and whole_number(one.get("nb_frames")))
    return replace(
        facts,
        sounds=tuple(
            MadeSound(str(one.get("codec_name", "")), number(one.get("start_time")))
            for one in sounds
        ),
    )
