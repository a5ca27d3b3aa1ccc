"""Reads the facts of a file with ffprobe, restricted to whitelists and the `file` protocol.

The first run reads the headers; the second lists the packets of all tracks; the third decodes some
frames of the chosen video track. All get the whitelists of ``formats``, an absolute address of the
file or of a view of it, and limits of time and memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from videos.transcode.container import is_whole
from videos.transcode.errors import FfmpegFailedError, OutOfMemoryError, SourceError
from videos.transcode.ffprobe import ffprobe
from videos.transcode.frames import NO_FRAMES, FrameFacts
from videos.transcode.guess import guessed_tracks
from videos.transcode.hidden_tracks import Header, read_with_hidden_tracks
from videos.transcode.masking import View, plain_view
from videos.transcode.matroska import NOT_CROPPED, CroppedTrack, read_cropping
from videos.transcode.media import AudioStream, MediaInfo, VideoStream
from videos.transcode.missing_samples import has_all_samples
from videos.transcode.refusals import unreadable_file
from videos.transcode.sample_entries import SampleDescriptions, read_sample_descriptions
from videos.transcode.sound import ChosenSounds, choose_sounds, trying_first_sound
from videos.transcode.streams import (
    Json,
    choose_video,
    is_sound,
    number,
    read_audio,
    read_subtitles,
    read_video,
    whole_number,
)
from videos.transcode.timeline import Span, Timeline, common_timeline, keyframe_spacing
from videos.transcode.timing import Timing
from videos.transcode.tracks import Tracks, read_tracks
from videos.transcode.types import Options, Tick, no_tick

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_HEADER_BYTES = 8 * 1024 * 1024
HEAD_BYTES = 16  # enough to tell photos from videos
NICE_BESIDE = 5  # added while what was guessed is tried, which takes longer

OnGuess = Callable[[MediaInfo], None]


def no_guess(_: MediaInfo) -> None:
    """Does nothing."""


def probe(
    path: Path,
    *,
    options: Options,
    tick: Tick = no_tick,
    reads_frames: bool = True,
    on_guess: OnGuess = no_guess,
) -> MediaInfo:
    """Returns the facts of a file.

    Args:
        reads_frames: decode frames, which own files skip.
        on_guess: called before packets and frames are read, with the facts that most files of this
            header have; not if the header says too little.

    Raises:
        SourceError: the file is not a video of an accepted format, or is too damaged to read.
        ProcessingError: ffprobe did not finish.
        OSError: the file cannot be read.
    """
    with ExitStack() as stack:
        return _probe(path, options, tick, stack, reads_frames=reads_frames, on_guess=on_guess)


def _probe(
    path: Path,
    options: Options,
    tick: Tick,
    stack: ExitStack,
    *,
    reads_frames: bool,
    on_guess: OnGuess,
) -> MediaInfo:
    """``stack``: closed after the last run of ffprobe."""
    _check_not_empty(path)
    whole = is_whole(path) and has_all_samples(path)
    header = _header(path, options, whole, tick, stack)
    streams = cast("list[Json]", header.facts.get("streams", []))
    chosen = choose_video(streams)
    facts = partial(_info, path, header, whole=whole)
    choose = partial(choose_sounds, path, hidden=header.hidden, options=options, tick=tick)
    trusting = partial(choose, trusts_aac=True)
    if chosen is None:
        return facts(None, None, NO_FRAMES, trusting)
    _check_size(chosen, options)
    guess = None if header.hidden else guessed_tracks(chosen, streams)
    if guess and on_guess is not no_guess:
        on_guess(facts(chosen, guess, NO_FRAMES, trusting))  # it is tried meanwhile
        options = replace(options, nice=options.nice + NICE_BESIDE)
    read = (header.view, chosen, streams, options, tick)
    if not reads_frames:
        return facts(chosen, *read_tracks(*read, reads_frames=False), trusting)
    with trying_first_sound(path, streams, options) as trial:
        tracks, frames = read_tracks(*read, reads_frames=True)
        trying = partial(choose, trusts_aac=False, first_trial=trial)
        return facts(chosen, tracks, frames, trying)


def _info(
    path: Path,
    header: Header,
    chosen: Json | None,
    tracks: Tracks | None,
    frames: FrameFacts,
    choose: Callable[[list[Json]], ChosenSounds],
    *,
    whole: bool,
) -> MediaInfo:
    """Returns the facts that header, packets and frames of the chosen picture lead to."""
    streams = cast("list[Json]", header.facts.get("streams", []))
    container = cast("Json", header.facts.get("format", {}))
    descriptions = read_sample_descriptions(path)
    # A track without packets is no sound.
    heard = [one for one in streams if not tracks or _has_packets(one, tracks)]
    found = choose(heard)
    timeline = _timeline(container, chosen, found.tracks, tracks)
    video: VideoStream | None = None
    if chosen and tracks:
        cropping = _cropping(path, chosen, streams)
        described = _descriptions(chosen, descriptions)
        timing = _measured(tracks.picture, timeline)
        video = read_video(chosen, timing, frames, descriptions=described, cropping=cropping)
    return MediaInfo(
        container=str(container.get("format_name", "")),
        timeline=timeline,
        shift_seconds=number(container.get("start_time")) - timeline.start,
        size_bytes=path.stat().st_size,
        whole=whole,
        video=video,
        sounds=tuple(_audio(one, tracks, descriptions) for one in found.tracks),
        subtitles=read_subtitles(streams),
        lost_sounds=found.lost,
        surplus_sounds=found.surplus,
    )


def _check_not_empty(path: Path) -> None:
    """Raises: SourceError."""
    if path.stat().st_size == 0:
        raise SourceError("This file is empty. Upload it again.")


def _check_size(chosen: Json, options: Options) -> None:
    """Raises: SourceError if FFmpeg dropped the size because -max_pixels forbids it."""
    if not whole_number(chosen.get("width")):
        raise SourceError(
            "The resolution is too high or can't be read. Export the video with at most"
            f" {options.max_pixels // 1_000_000} million pixels, which is more than 4K."
        )


def _audio(
    sound: Json, tracks: Tracks | None, descriptions: dict[int, SampleDescriptions]
) -> AudioStream:
    packets = _packets_of(sound, tracks)
    return read_audio(sound, packets=packets, descriptions=_descriptions(sound, descriptions))


# -- asking


def _header(path: Path, options: Options, whole: bool, tick: Tick, stack: ExitStack) -> Header:
    """Returns what ffprobe says of the tracks. ``stack`` keeps files that a view needs."""

    def ask(view: View, level: str) -> Json:
        return _ask(view, level, options, tick)

    try:
        return Header(ask(plain_view(path), "error"), plain_view(path), {})
    except (FfmpegFailedError, OutOfMemoryError) as error:
        # Videos need a hundredth of the memory; only damaged or forged tables need all of it.
        refusal = _refusal(path, error.detail, options.accepted, whole)
        refusal.__cause__ = error
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="clipset-")))
    try:
        header = read_with_hidden_tracks(path, folder, ask)
    except OutOfMemoryError:
        raise refusal from None
    if header is None or choose_video(header.facts.get("streams", [])) is None:
        raise refusal  # the picture itself is one that cannot be opened
    return header


def _ask(view: View, level: str, options: Options, tick: Tick) -> Json:
    parts = bytearray()

    def keep(part: bytes) -> None:
        parts.extend(part)
        if len(parts) > MAX_HEADER_BYTES:
            raise SourceError("This file has more metadata than a video needs, so it was refused.")

    arguments = ["-show_streams", "-show_format", "-of", "json=compact=1"]
    ffprobe(view, ["-v", level, *arguments], options=options, on_output=keep, tick=tick)
    return cast("Json", json.loads(parts.decode("utf-8", "replace")))


def _descriptions(stream: Json, found: dict[int, SampleDescriptions]) -> SampleDescriptions | None:
    number_of_track = str(stream.get("id", ""))
    return found.get(int(number_of_track, 0)) if number_of_track.startswith("0x") else None


def _cropping(path: Path, chosen: Json, streams: list[Json]) -> CroppedTrack:
    """Returns the cropping of the chosen track of a Matroska file: the n-th of its pictures."""
    pictures = [one["index"] for one in streams if one.get("codec_type") == "video"]
    place = pictures.index(chosen["index"])
    found = read_cropping(path)
    return found[place] if place < len(found) else NOT_CROPPED


def _refusal(path: Path, stderr: str, accepted: tuple[str, ...], whole: bool) -> SourceError:
    """Returns an error whose sentence explains what ffprobe wrote."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return SourceError(unreadable_file(stderr, accepted, head, is_whole=whole), detail=stderr)


# -- measuring


def _measured(picture: Timing, timeline: Timeline) -> Timing:
    return replace(picture, keyframe_spacing=keyframe_spacing(picture, timeline))


def _packets_of(sound: Json, tracks: Tracks | None) -> int:
    return tracks.sounds[int(sound["index"])].packets if tracks else 0


def _has_packets(stream: Json, tracks: Tracks) -> bool:
    return not is_sound(stream) or _packets_of(stream, tracks) > 0


def _timeline(
    container: Json, video: Json | None, sounds: Sequence[Json], tracks: Tracks | None
) -> Timeline:
    declared = _declared(container, video, *sounds)
    if tracks is None:
        return Timeline(start=declared.start, end=declared.end)
    heard = [tracks.sounds[int(one["index"])] for one in sounds]
    return common_timeline(tracks.picture, heard, declared=declared)


def _declared(container: Json, *streams: Json | None) -> Span:
    """Returns when the chosen tracks start and end by the header.

    The container's own duration is used only if nothing else is known: in Matroska it may be the
    timestamp of the end instead of the time from the start to the end.
    """
    start = number(container.get("start_time"))
    ends = [
        number(one.get("start_time")) + number(one.get("duration"))
        for one in streams
        if one is not None and number(one.get("duration")) > 0
    ]
    return Span(start, max(start, *ends) if ends else start + number(container.get("duration")))
