"""What players other than browsers say of a file: FFmpeg, GStreamer, mediainfo and mpv.

GStreamer is that of GNOME's players and of WebKitGTK.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.parts import require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PLAYER_PARTS = ("ffmpeg", "gstreamer", "mediainfo", "mpv")
PLAYER_SECONDS = 60
AGREE_SECONDS = 0.05


@dataclass(frozen=True)
class PlayerFacts:
    """What a player says of a file.

    Attributes:
        seconds: length of the whole file.
        width, height: of the stored picture, before it is turned.
        sounds: how many sound tracks it found.
    """

    seconds: float
    width: int
    height: int
    sounds: int


def facts(path: Path) -> dict[str, PlayerFacts]:
    """Returns what each player says, by its name."""
    return {
        "ffprobe": by_ffprobe(path),
        "GStreamer": by_gstreamer(path),
        "mediainfo": by_mediainfo(path),
        "mpv": by_mpv(path),
    }


def assert_players_agree(path: Path) -> dict[str, PlayerFacts]:
    """All players find the same in a file; it is an ordinary MP4. Returns what they say."""
    told = facts(path)
    assert len({(it.width, it.height, it.sounds) for it in told.values()}) == 1, told
    lengths = sorted(it.seconds for it in told.values())
    assert lengths[-1] - lengths[0] <= AGREE_SECONDS, told
    assert "moof" not in top_level_boxes(path)
    return told


def by_ffprobe(path: Path) -> PlayerFacts:
    told = json.loads(
        _said("ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", path)
    )
    [picture] = [stream for stream in told["streams"] if stream["codec_type"] == "video"]
    return PlayerFacts(
        seconds=float(told["format"]["duration"]),
        width=picture["width"],
        height=picture["height"],
        sounds=sum(stream["codec_type"] == "audio" for stream in told["streams"]),
    )


def by_gstreamer(path: Path) -> PlayerFacts:
    said = _said(require("gstreamer"), "-v", path.resolve().as_uri())
    hours, minutes, seconds = _found(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)$", said)
    [width] = _found(r"^ +Width: (\d+)$", said)
    [height] = _found(r"^ +Height: (\d+)$", said)
    return PlayerFacts(
        seconds=int(hours) * 3600 + int(minutes) * 60 + float(seconds),
        width=int(width),
        height=int(height),
        sounds=len(re.findall(r"^ +audio(?: #\d+)?: ", said, re.MULTILINE)),
    )


def by_mediainfo(path: Path) -> PlayerFacts:
    told = json.loads(_said(require("mediainfo"), "--Output=JSON", path))
    tracks: dict[str, dict[str, Any]] = {it["@type"]: it for it in told["media"]["track"]}
    return PlayerFacts(
        seconds=float(tracks["General"]["Duration"]),
        width=int(tracks["Video"]["Width"]),
        height=int(tracks["Video"]["Height"]),
        sounds=sum(it["@type"] == "Audio" for it in told["media"]["track"]),
    )


def by_mpv(path: Path) -> PlayerFacts:
    wanted = "length=${=duration} ${=width}x${=height} tracks=${=track-list/count}"
    quiet = ["--no-config", "--vo=null", "--ao=null", "--frames=1", "--load-scripts=no"]
    said = _said(require("mpv"), *quiet, f"--term-playing-msg={wanted}", path)
    length, width, height, tracks = _found(r"length=(\S+) (\d+)x(\d+) tracks=(\d+)", said)
    return PlayerFacts(float(length), int(width), int(height), sounds=int(tracks) - 1)


def top_level_boxes(path: Path) -> list[str]:
    """Returns the types of the boxes of the top level (ISO/IEC 14496-12), in order.

    Reads headers only. Raises: AssertionError if a box ends beyond the file.
    """
    size, place, kinds = path.stat().st_size, 0, []
    with path.open("rb") as file:
        while place < size:
            file.seek(place)
            start = file.read(16)
            length, kind = struct.unpack_from(">I4s", start)
            if length == 1:
                [length] = struct.unpack_from(">Q", start, 8)
            elif length == 0:
                length = size - place
            assert length >= 8, f"{kind} at {place} has {length} bytes"
            place += length
            kinds.append(kind.decode())
    assert place == size, f"the last box, {kinds[-1]}, ends at {place} of {size}"
    return kinds


@dataclass(frozen=True)
class Part:
    """A packet, or what was decoded from one: a picture or a piece of sound. Without its time.

    Attributes:
        kind: "video" or "audio".
        md5: of its bytes or samples.
    """

    kind: str
    size: int
    md5: str


def packets(
    source: str | Path, headers: Mapping[str, str] | None = None, *, sound: int = 0
) -> list[Part]:
    """Returns the packets of a file or an address: those of the picture, then those of the sound.

    Args:
        headers: of HTTP requests.
        sound: which of several, from 0 on.
    """
    return _parts(source, headers, "-c", "copy", sound=sound)


def frames(source: str | Path, headers: Mapping[str, str] | None = None) -> list[Part]:
    """Decodes a file or an address. Returns all pictures, then all sound.

    Args:
        headers: of HTTP requests.
    """
    # Pictures with their own times: FFmpeg neither repeats nor drops any.
    return _parts(source, headers, "-vsync", "passthrough")


def _parts(
    source: str | Path, headers: Mapping[str, str] | None, *options: str, sound: int = 0
) -> list[Part]:
    """Reads what FFmpeg's format framemd5 says of the first picture and one sound track."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    command: list[str | Path] = [require("ffmpeg"), "-nostdin", "-v", "error"]
    command += [*(("-headers", lines) if lines else ()), "-i", source]
    command += ["-map", "0:v:0", "-map", f"0:a:{sound}?", *options, "-f", "framemd5", "-"]
    rows = [line.split(",") for line in _said(*command).splitlines() if not line.startswith("#")]
    kinds = ("video", "audio")
    read = [Part(kinds[int(row[0])], int(row[4]), row[5].strip()) for row in rows]
    return sorted(read, key=lambda part: kinds.index(part.kind))


def _said(*command: str | Path) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=PLAYER_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def _found(pattern: str, text: str) -> Sequence[str]:
    found = re.search(pattern, text, re.MULTILINE)
    assert found, f"no {pattern} in {text}"
    return found.groups()
