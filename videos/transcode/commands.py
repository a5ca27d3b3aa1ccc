"""Builds argument lists for FFmpeg with ffmpeg-python.

Only its ``compile()`` is used: its ``run()`` and ``probe()`` have no time limit and may leave
processes behind. The module ``run`` of this package starts the commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import ffmpeg

from videos.transcode.encoders import SOFTWARE, coder_options, device_options, handed_over
from videos.transcode.filling import (
    from_start,
    lengthened_sound,
    short_picture,
    standing_frames,
    with_last_frame,
)
from videos.transcode.formats import input_options
from videos.transcode.sound_commands import heard_in_outputs, sound_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction
    from pathlib import Path

    from videos.transcode.types import EncoderName, Options, Plan, PlannedRendition, Treatment

# One fragment per keyframe, each with its sidx in front, and a moov without samples at the start.
# The file can be read while it is written, and contains its own index. The moov comes with the
# first fragment, so that its edit lists are right: empty_moov would drop them, and the picture
# would begin two frames late.
FRAGMENTED = "+frag_keyframe+delay_moov+default_base_moof+dash"
# Gives each track fragments of its own, so that players can choose among sounds.
SEPARATE = "+separate_moof"
# In a copied video every frame may be a keyframe; a fragment then lasts two seconds.
MIN_FRAGMENT_MICROSECONDS = 2_000_000

MUXING: Mapping[str, Any] = {
    "format": "mp4",
    "movflags": FRAGMENTED,
    # Removes the place, time and model that a phone stores, and tags of tracks and chapters.
    "map_metadata": "-1",
    "map_chapters": "-1",
    "write_tmcd": "0",
    # Writes no version of FFmpeg.
    "fflags": "+bitexact",
    "max_muxing_queue_size": "4096",
}

# Share of frames that may fail to decode; above it, FFmpeg exits with status 69.
MAX_ERROR_RATE = 0.25
DAMAGED_STATUS = 69

# For pictures in original quality. Apple's players need parameter sets in the header (hvc1).
# FFmpeg writes the box of Dolby Vision (dvcC, dvvC) only if it may be unofficial.
COPY_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "hevc": {"tag:v": "hvc1", "strict": "unofficial"},
    "av1": {"strict": "unofficial"},
}

MIN_SHIFT_SECONDS = 0.0005  # smaller ones are rounding

# HDR to SDR. Reference white is 203 cd/m² (ITU-R BT.2408). Brighter values, up to the 1000 cd/m² of
# phones and HLG, are compressed below white. Measured: 203 -> 85 % signal, 20 -> 38 %.
REFERENCE_WHITE = 203
PEAK = 1000 / REFERENCE_WHITE

SCALE_FLAGS = "bicubic+accurate_rnd+full_chroma_int"
SWSCALE_MATRICES = {
    "bt709": "bt709",
    "smpte170m": "smpte170m",
    "bt470bg": "bt470",
    "smpte240m": "smpte240m",
    "fcc": "fcc",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}


def output_path(workdir: Path, rendition: PlannedRendition) -> Path:
    """Returns where a run writes a rendition."""
    return workdir / f"{rendition.name}.mp4"


def transcode_command(
    source: Path,
    workdir: Path,
    plan: Plan,
    options: Options,
    *,
    encoder: EncoderName = SOFTWARE,
) -> list[str]:
    """Makes all renditions of a plan, each at its ``output_path``, and decodes only once.

    FFmpeg reports progress on standard output (``-progress``).
    """
    stream, inputs = _inputs(source, plan, options)
    pictures = _pictures(stream[str(plan.video_index)], plan)
    heard = [heard_in_outputs(plan, sound, inputs) for sound in plan.sounds]
    outputs = []
    for place, (rendition, picture) in enumerate(zip(plan.renditions, pictures, strict=True)):
        sounds = plan.sounds_of(rendition)
        streams = [picture if plan.copied else handed_over(picture, encoder)]
        streams += [one[place] for one in heard[: len(sounds)]]
        arguments = {**MUXING, **_video(plan, rendition, encoder), **sound_options(plan, sounds)}
        if plan.is_separate:
            arguments["movflags"] = FRAGMENTED + SEPARATE
        target = address(output_path(workdir, rendition))
        outputs.append(ffmpeg.output(*streams, target, **arguments))
    return compiled(
        ffmpeg.merge_outputs(*outputs),
        options,
        *("-max_error_rate", str(MAX_ERROR_RATE), "-progress", "pipe:1", "-stats_period", "0.5"),
        *(() if plan.copied else device_options(encoder, options)),
    )


def _inputs(source: Path, plan: Plan, options: Options) -> tuple[Any, dict[int, Any]]:
    """Returns the input of the picture, and that of each sound by the number of its stream.

    Each is one of its own if the tracks are apart (``timeline``): FFmpeg reads it when its output
    needs it, so no track waits in memory for another. The same if a copied track changes its times
    beside an encoded one: FFmpeg then reads the encoded one first and opens the output. Its
    bitstream filters see times in the units of the source for packets that come before that.
    Otherwise all are the same.
    """
    words: dict[str, Any] = dict(
        input_options(options.accepted, options.max_pixels, options.max_streams)
    )
    if abs(plan.shift_seconds) >= MIN_SHIFT_SECONDS:
        words["itsoffset"] = f"{plan.shift_seconds:.6f}"
    stream = ffmpeg.input(address(source), **words)
    indexes = [part.index for sound in plan.sounds for part in sound.parts]
    if not (plan.timeline.is_apart or _changes_times_beside_encoded(plan)):
        return stream, dict.fromkeys(indexes, stream)
    inputs: dict[int, Any] = {}
    for place, index in enumerate(indexes):
        # ffmpeg-python takes equal inputs for one. So each queue gets another size, near the usual.
        queue = {"thread_queue_size": 8 + place} if place else {}
        inputs[index] = ffmpeg.input(address(source), vn=None, **queue, **words)
    return stream, inputs


def _changes_times_beside_encoded(plan: Plan) -> bool:
    if len({plan.copied, *(sound.copied for sound in plan.sounds)}) == 1:
        return False
    return bool(plan.copied and standing_frames(plan.timeline, plan.frames)) or any(
        sound.copied and lengthened_sound(plan.timeline, sound) for sound in plan.sounds
    )


# -- the picture


def _treated(picture: Any, treatment: Treatment, plan: Plan) -> Any:
    """Applies what is the same for all renditions: deinterlacing and the constant frame rate."""
    if treatment.field_order != "progressive":
        picture = picture.filter(
            "bwdif",
            mode="send_field" if treatment.field_rate else "send_frame",
            parity=treatment.field_order,
            deint="all",
        )
    if treatment.crop is not None:
        picture = _cropped(picture, treatment)
    filling = {**from_start(plan), **short_picture(plan)}
    return picture.filter("fps", fps=_rate(treatment.fps), **filling)


def _cropped(picture: Any, treatment: Treatment) -> Any:
    """Crops frames of the stored size. Newer versions of FFmpeg have cropped them already."""
    crop, usual = treatment.crop, _has_size(treatment.stored_size)
    assert crop is not None
    return picture.filter(
        "crop",
        w=f"if({usual},{crop.width},iw)",
        h=f"if({usual},{crop.height},ih)",
        x=f"if({usual},{crop.left},0)",
        y=f"if({usual},{crop.top},0)",
        exact=1,  # else odd offsets leave a row of what is cropped
    )


def _has_size(size: tuple[int, int]) -> str:
    """Returns an expression for filters: whether frames come in this size."""
    return f"eq(iw,{size[0]})*eq(ih,{size[1]})"


def _scaled_to(treatment: Treatment, rendition: PlannedRendition) -> dict[str, str]:
    """Returns the size for the filter "scale". Frames of another size keep their shape.

    FFmpeg sets up its filters again when the size of frames changes.
    """
    width, height, crop = rendition.width, rendition.height, treatment.crop
    usual = _has_size((crop.width, crop.height) if crop else treatment.stored_size)
    return {
        "w": f"if({usual},{width},2*max(1,round(min({width},{height}*dar)/2)))",
        "h": f"if({usual},{height},2*max(1,round(min({height},{width}/dar)/2)))",
    }


def _pictures(picture: Any, plan: Plan) -> list[Any]:
    """Returns one picture for each rendition.

    The first gets its size and colours; each other one is scaled from the next larger one, which
    costs a third less than scaling from the first and looks the same.
    """
    if plan.treatment is None:
        return [picture]
    top, *rungs = plan.renditions
    picture = _scaled(_treated(picture, plan.treatment, plan), plan.treatment, top)
    picture = with_last_frame(picture, plan.timeline, plan.treatment.fps)
    pictures = []
    for rung in rungs:
        halves = picture.split()
        pictures.append(halves[0])
        picture = (
            halves[1]
            .filter("scale", w=rung.width, h=rung.height, flags=SCALE_FLAGS)
            .filter("setsar", "1")
        )
    return [*pictures, picture]


def _scaled(picture: Any, treatment: Treatment, rendition: PlannedRendition) -> Any:
    """Scales to the rendition's size, square pixels, and 8-bit BT.709 in limited range.

    Frames of another shape get black bars.
    """
    size = _scaled_to(treatment, rendition)
    if treatment.hdr or treatment.wide_gamut:
        # Scaled down first, because linear light takes twelve bytes a pixel.
        picture = picture.filter("scale", **size, flags=SCALE_FLAGS)
        picture = _through_linear_light(picture, treatment)
    else:
        picture = picture.filter(
            "scale",
            **size,
            flags=SCALE_FLAGS,
            out_range="tv",
            out_color_matrix="bt709",
            **_colours_in(treatment),
        )
    picture = picture.filter("format", "yuv420p")
    bars = {"w": rendition.width, "h": rendition.height, "x": -1, "y": -1}  # -1: centred
    return picture.filter("pad", **bars).filter("setsar", "1")


def _colours_in(treatment: Treatment) -> dict[str, str]:
    if treatment.color_matrix == "gbr":
        return {}
    matrix = SWSCALE_MATRICES.get(treatment.color_matrix, "bt709")
    return {"in_range": treatment.color_range, "in_color_matrix": matrix}


def _through_linear_light(picture: Any, treatment: Treatment) -> Any:
    deep = "gbrp10le" if treatment.color_matrix == "gbr" else "yuv420p10le"
    picture = picture.filter("format", deep)
    # zscale reads the frames' tags and refuses frames without them.
    picture = picture.filter(
        "setparams",
        range=treatment.color_range,
        color_primaries=treatment.color_primaries,
        color_trc=treatment.color_transfer,
        colorspace=treatment.color_matrix,
    )
    picture = picture.filter(
        "zscale", transfer="linear", primaries="bt709", npl=REFERENCE_WHITE
    ).filter("format", "gbrpf32le")
    if treatment.hdr:
        picture = picture.filter("tonemap", tonemap="mobius", desat=0, peak=f"{PEAK:.3f}")
    return picture.filter(
        "zscale", transfer="bt709", matrix="bt709", range="limited", dither="ordered"
    )


def _video(plan: Plan, rendition: PlannedRendition, encoder: EncoderName) -> dict[str, Any]:
    if plan.treatment is None or rendition.encoding is None:
        return {
            "c:v": "copy",
            "min_frag_duration": MIN_FRAGMENT_MICROSECONDS,
            **COPY_OPTIONS.get(rendition.codec, {}),
            **standing_frames(plan.timeline, plan.frames),
        }
    end = plan.timeline.picture_end if plan.timeline.picture else None
    return {
        **coder_options(encoder, rendition.encoding, plan.treatment.fps, end=end),
        # Makes a fragment readable as soon as it is complete.
        "flush_packets": "1",
        **({"fps_mode": "vfr"} if plan.keeps_times else {}),
    }


# -- the command line


def address(path: Path) -> str:
    """Returns an absolute address with protocol, so that no name is read as an option or URL."""
    return f"file:{path.absolute()}"


def _rate(fps: Fraction) -> str:
    return f"{fps.numerator}/{fps.denominator}"


def compiled(target: Any, options: Options, *more: str) -> list[str]:
    """Returns the command line of ffmpeg-python's outputs; ``more`` are options in front of it."""
    start = [options.ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-v", "warning", *more]
    return cast("list[str]", ffmpeg.compile(target, cmd=start, overwrite_output=True))
