"""Chooses the sound tracks: those that this FFmpeg really decodes, the best one first."""

from __future__ import annotations

import re
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from clipset.lib.sandbox import Access
from videos.transcode.beside import beside
from videos.transcode.confine import Limits
from videos.transcode.errors import (
    FfmpegFailedError,
    KilledBySignalError,
    OutOfMemoryError,
    OutOfTimeError,
)
from videos.transcode.formats import input_words
from videos.transcode.run import capture
from videos.transcode.streams import all_sounds, channel_mix, sound_tracks, whole_number
from videos.transcode.types import Options, Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    Json = Mapping[str, Any]

TRIAL_SECONDS: Final = 0.5
FIRST_TRIAL_LASTS: Final = 20.0  # seconds at most; an FFmpeg that hangs must not hold a job up
MAX_ERROR_RATE: Final = 0.25  # share of packets that may fail, as in the run that makes renditions
# A decoder that ends in one of these cannot be used; other signals come from outside.
CRASHES: Final = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS})

# Phones record it beside a track in AAC, which holds the same sound.
COMPANION: Final = "Apple Positional Audio"
# Names for members, by FFmpeg's name of the codec or the code in the file.
NAMES: Final = {
    "mpegh_3d_audio": "MPEG-H",
    **dict.fromkeys(("mha1", "mha2", "mhm1", "mhm2"), "MPEG-H"),
    **dict.fromkeys(("ac4", "ac-4"), "AC-4"),
    "apac": COMPANION,
    "usac": "xHE-AAC",
    "aac": "an unusual kind of AAC",
}


class ChosenSounds(NamedTuple):
    """The tracks to keep, the default one first; the formats of those that cannot be decoded; and
    the number of those that are too many."""

    tracks: tuple[Json, ...]
    lost: tuple[str, ...]
    surplus: int


class FirstTrial(NamedTuple):
    """The trial of the track that is likely to be the default one, which may still be running."""

    stream: int
    decodes: Callable[[Tick], bool]  # waits for the result


@contextmanager
def trying_first_sound(
    path: Path, streams: Sequence[Json], options: Options
) -> Iterator[FirstTrial | None]:
    """Context manager that tries the first track while the caller does something else."""
    first = next(iter(sound_tracks(streams)), None)
    if first is None or options.decodes_sounds:  # decoding all of it may take long
        yield None
        return

    def decodes(tick: Tick) -> bool:
        return _decodes(path, first, options, tick, FIRST_TRIAL_LASTS)

    with beside(decodes) as result:
        yield FirstTrial(int(first["index"]), result)


def choose_sounds(
    path: Path,
    streams: Sequence[Json],
    hidden: Mapping[int, str],
    *,
    options: Options,
    tick: Tick,
    trusts_aac: bool,
    first_trial: FirstTrial | None = None,
) -> ChosenSounds:
    """Returns the tracks that can be decoded, at most ``options.max_sounds``.

    Each trial takes 0.1 s, all at most ``options.probe_seconds``; tracks that are not tried by then
    are left out if there is another one. With ``options.decodes_sounds`` all are decoded in full.

    Args:
        hidden: names of the codecs of tracks that were hidden from ffprobe, by stream.
        trusts_aac: whether no AAC is tried, for the site's own files.

    Raises: ProcessingError if the server is at fault.
    """
    candidates = sound_tracks(streams)
    kept: list[Json] = []
    lost = [one for one in all_sounds(streams) if one not in candidates]
    surplus, end = 0, time.monotonic() + options.probe_seconds
    for track in candidates:
        if len(kept) == options.max_sounds:
            surplus += 1
            continue
        if trusts_aac and track.get("codec_name") == "aac":
            is_usable = True
        elif first_trial and first_trial.stream == track["index"]:
            is_usable = first_trial.decodes(tick)
        else:
            is_usable = _is_usable(path, track, options, tick, end, is_first=not kept)
        (kept if is_usable else lost).append(track)
    names = (_name(track, hidden) for track in lost)
    told = dict.fromkeys(name for name in names if name != COMPANION or not kept)
    others = sorted(kept[1:], key=lambda track: int(track["index"]))
    return ChosenSounds((*kept[:1], *others), tuple(told), surplus)


def _is_usable(
    path: Path, track: Json, options: Options, tick: Tick, end: float, *, is_first: bool
) -> bool:
    """`end`: by the monotonic clock. A lack of time says nothing about a decoder, since the track
    may begin late in a large file."""
    seconds = end - time.monotonic()
    return _decodes(path, track, options, tick, seconds) if seconds > 0 else is_first


def _decodes(path: Path, track: Json, options: Options, tick: Tick, seconds: float) -> bool:
    """Decodes a track, or its start, as it is decoded for renditions. A track without packets is no
    failure."""
    try:
        capture(
            _trial(path, track, options),
            limits=Limits(
                wall_seconds=seconds,
                memory_bytes=options.memory_bytes,
                file_bytes=0,
                nice=options.nice,
            ),
            on_output=lambda _: None,
            tick=tick,
            access=Access(reads=(path,)),
        )
    except OutOfTimeError:
        return True
    except (FfmpegFailedError, OutOfMemoryError):
        return False
    except KilledBySignalError as error:
        if error.signal not in CRASHES:
            raise
        return False
    return True


def _trial(path: Path, track: Json, options: Options) -> list[str]:
    mix = channel_mix(whole_number(track.get("channels")), str(track.get("channel_layout", "")))
    filters = [*filter(None, [mix]), "aresample=async=1:first_pts=0"]
    length = () if options.decodes_sounds else ("-t", str(TRIAL_SECONDS))
    return [
        *(options.ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-v", "error"),
        *("-max_error_rate", str(MAX_ERROR_RATE)),
        *input_words(options.accepted, options.max_pixels, options.max_streams),
        *("-i", f"file:{path.absolute()}", "-map", f"0:{track['index']}"),
        *(*length, "-filter:a", ",".join(filters), "-ac", "2", "-ar", "48000"),
        *("-f", "null", "-"),
    ]


def _name(stream: Json, hidden: Mapping[int, str]) -> str:
    codec = hidden.get(int(stream["index"]), str(stream.get("codec_name", "unknown")))
    tag = str(stream.get("codec_tag_string", ""))
    for word in (codec, tag):
        if word in NAMES:
            return NAMES[word]
    known = next((one for one in (codec, tag) if one != "unknown" and _is_word(one)), "")
    return f"“{known}”" if known else "an unknown format"


def _is_word(text: str) -> bool:
    return re.fullmatch(r"[\w.-]{1,20}", text, re.ASCII) is not None
