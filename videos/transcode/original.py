"""Plans the rendition in original quality: the uploaded picture as it is, beside H.264.

It is for players that decode HEVC, AV1, VP9, high dynamic range, 4K or 120 frames a second. All
others play the H.264 renditions, so a picture for which any doubt remains is left out. Pure, as
``plan``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from videos.filenames import ORIGINAL_QUALITY
from videos.transcode.budget import with_fitted_sounds
from videos.transcode.plan import (
    COPY_MATRICES,
    COPY_PIXELS,
    holding,
    make_plan,
    reasons_against_copy,
    reasons_of_size,
    reasons_to_encode,
)
from videos.transcode.plan_sounds import plan_sounds
from videos.transcode.types import PlannedRendition

if TYPE_CHECKING:
    from videos.transcode.media import MediaInfo, VideoStream
    from videos.transcode.types import Options, Plan, Sound

# Players can seek only to keyframes, and load whole fragments.
MAX_KEYFRAME_SECONDS: Final = 12.0

PIXELS: Final = COPY_PIXELS | {"yuv420p10le"}
MATRICES: Final = COPY_MATRICES | {"bt2020nc"}
# What other decoders see in Dolby Vision: HDR10, SDR or HLG. Its profile by the codec.
DOLBY_COMPATIBILITIES: Final = frozenset({1, 2, 4})

OPUS: Final = "opus"
ORIGINAL_SOUNDS: Final = frozenset({"aac", OPUS})
OPUS_CHANNELS: Final = 2  # more have a mapping of their own, which browsers play differently


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec that some browsers play. ``profiles``: FFmpeg's names; ``dolby_profile``: the one of
    Dolby Vision that other decoders can show."""

    profiles: frozenset[str]
    dolby_profile: int = 0


CODECS: Final[Mapping[str, Codec]] = {
    "hevc": Codec(frozenset({"Main", "Main 10"}), dolby_profile=8),
    "av1": Codec(frozenset({"Main"}), dolby_profile=10),
    "vp9": Codec(frozenset({"Profile 0", "Profile 2"})),
}
H264: Final = "h264"
ORIGINAL_CODECS: Final = frozenset({H264, *CODECS})


def plan_original(info: MediaInfo, options: Options) -> Plan | None:
    """Returns the plan for the rendition in original quality.

    None for a video that is copied, since that is the original quality already, for a picture that
    doesn't fit, and for one of which a copy was made and was unfit.

    Raises:
        SourceError: the file cannot become a video.
    """
    plan, video = make_plan(info, options), info.video
    if video is None or plan.copied or info.copy_problem or reasons_against(video, options):
        return None
    rendition = PlannedRendition(
        name=ORIGINAL_QUALITY,
        width=video.width,
        height=video.height,
        bandwidth=round(8 * info.size_bytes / max(info.duration_seconds, 1.0)),
        encoding=None,
        codec=video.codec,
    )
    original = replace(
        plan,
        reasons=(),
        treatment=None,
        renditions=(rendition,),
        later=(),
        sounds=_sounds(info, video, options),
        is_limited=False,
    )
    return with_fitted_sounds(original, options)


def reasons_against(video: VideoStream, options: Options) -> tuple[str, ...]:
    """Returns why a picture is not offered as it is; an empty tuple if it is.

    H.264 is offered if it is encoded only for its size, its frame rate or its keyframes.
    """
    too_far = holding(
        {"keyframes too far apart": video.keyframe_spacing > MAX_KEYFRAME_SECONDS},
    )
    if video.codec == H264:
        size = reasons_of_size(video, options)
        others = tuple(one for one in reasons_to_encode(video, options) if one not in size)
        return (*others, *too_far)
    codec = CODECS.get(video.codec)
    if codec is None:
        return (f"codec {video.codec}",)
    rules = {
        f"profile {video.profile}": video.profile not in codec.profiles,
        f"pixel format {video.pix_fmt}": video.pix_fmt not in PIXELS,
        f"matrix {video.color_matrix}": video.color_matrix not in MATRICES,
        "full range without a matrix": video.color_range == "pc" and not video.color_matrix,
        f"Dolby Vision profile {video.dolby_profile}": not _is_shown_without_dolby(video, codec),
    }
    return (*holding(rules), *too_far, *reasons_against_copy(video))


def _is_shown_without_dolby(video: VideoStream, codec: Codec) -> bool:
    if not video.dolby_profile:
        return True
    return (
        video.dolby_profile == codec.dolby_profile
        and video.dolby_compatibility in DOLBY_COMPATIBILITIES
    )


def _sounds(info: MediaInfo, video: VideoStream, options: Options) -> tuple[Sound, ...]:
    """Plans the sounds as for a copied picture. A single sound in Opus is copied as well, which
    browsers play beside these pictures."""
    sounds = plan_sounds(info, video, options, copied=True)
    if len(info.sounds) != 1:
        return sounds
    [audio], [sound] = info.sounds, sounds
    keep = (
        audio.codec == OPUS
        and audio.channels <= OPUS_CHANNELS
        and not audio.layout.startswith("ambisonic")
        and sound.need != "fill"
        and audio.described
    )
    return (replace(sound, copied=True, codec=OPUS, channels=audio.channels),) if keep else sounds
