"""Decides what to do with the sound tracks of a source.

Each is kept. Two mono tracks that nothing tells apart are the microphones of one camera and become
one sound.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from videos.transcode.sound_tracks import FIRST_SOUND
from videos.transcode.streams import channel_mix
from videos.transcode.types import Sound

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from videos.transcode.media import AudioStream, MediaInfo, VideoStream
    from videos.transcode.timeline import TimedSound
    from videos.transcode.types import Options

COPY_SOUND_PROFILES = frozenset({"LC", "HE-AAC", "HE-AACv2"})
COPY_SOUND_CHANNELS = 6
KEEP_SAMPLE_RATES = frozenset({44_100, 48_000})
SAMPLE_RATE = 48_000
ENCODED_CHANNELS = 2

SAME_LENGTH_SECONDS = 0.1  # by which the starts and the ends of two microphones may differ


def plan_sounds(
    info: MediaInfo, video: VideoStream, options: Options, *, copied: bool
) -> tuple[Sound, ...]:
    """Returns the sounds of the result, the default one first. `copied`: whether the picture is."""
    # Files whose picture has no packets have no times.
    times = info.timeline.sounds or (None,) * len(info.sounds)
    sounds = tuple(
        _sound(audio, timed, info, video, options, copied=copied)
        for audio, timed in zip(info.sounds, times, strict=True)
    )
    if not _are_microphones(info):
        return sounds
    first, second = (replace(one, copied=False, channels=ENCODED_CHANNELS) for one in sounds)
    return (replace(first, other=second),)


def with_encoded(sounds: Sequence[Sound], unfit: Container[int]) -> tuple[Sound, ...]:
    """Returns the sounds, of which those in these tracks of the result are encoded after all."""
    return tuple(
        replace(sound, copied=False, channels=ENCODED_CHANNELS) if number in unfit else sound
        for number, sound in enumerate(sounds, start=FIRST_SOUND)
    )


def _sound(
    audio: AudioStream,
    timed: TimedSound | None,
    info: MediaInfo,
    video: VideoStream,
    options: Options,
    *,
    copied: bool,
) -> Sound:
    """Copies AAC that browsers play. Decodes it if an edit list cuts the file or timestamps are
    missing, so that sound and picture start together; and beside a damaged picture, since browsers
    end at a packet that they cannot decode."""
    most = COPY_SOUND_CHANNELS if copied else ENCODED_CHANNELS
    need = timed.need if timed else "nothing"
    keep = (
        audio.codec == "aac"
        and audio.profile in COPY_SOUND_PROFILES
        and audio.channels <= most
        and audio.sample_rate <= SAMPLE_RATE
        and need != "fill"
        and audio.described  # FFmpeg writes the header of the output before the first packet
        and not video.has_cutting_edit_list
        and video.complete_timestamps
        and not video.is_damaged
    )
    kept_rate = audio.sample_rate in KEEP_SAMPLE_RATES
    return Sound(
        index=audio.index,
        copied=keep,
        bitrate=options.audio_bitrate,
        sample_rate=audio.sample_rate if kept_rate else SAMPLE_RATE,
        mix=channel_mix(audio.channels, audio.layout),
        source_rate=audio.sample_rate,
        packets=audio.packets,
        need=need,
        late_seconds=timed.span.start - info.timeline.start if timed and timed.span else 0.0,
        language=audio.language,
        title=audio.title,
        channels=audio.channels if keep else ENCODED_CHANNELS,
    )


def _are_microphones(info: MediaInfo) -> bool:
    """Returns whether the sounds are two mono tracks that nothing tells apart.

    They have the same times and language, and no titles.
    """
    spans = [timed.span for timed in info.timeline.sounds]
    if len(info.sounds) != 2 or len(spans) != 2:
        return False
    (first, second), (one, other) = info.sounds, spans
    return (
        first.channels == second.channels == 1
        and first.language == second.language
        and not first.title
        and not second.title
        and one is not None
        and other is not None
        and abs(one.start - other.start) <= SAME_LENGTH_SECONDS
        and abs(one.end - other.end) <= SAME_LENGTH_SECONDS
    )
