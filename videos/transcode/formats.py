"""Whitelists of the demuxers and decoders that FFmpeg may use for uploaded files.

FFmpeg detects formats by contents, not by name: it would open a playlist with the name ``a.mp4`` as
a playlist and read the files in it. Formats outside the lists are refused before they are parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Demuxer names by file name extension. A file may have the extension of another accepted format.
DEMUXERS = {
    "mp4": "mov,mp4,m4a,3gp,3g2,mj2",
    "m4v": "mov,mp4,m4a,3gp,3g2,mj2",
    "mov": "mov,mp4,m4a,3gp,3g2,mj2",
    "3gp": "mov,mp4,m4a,3gp,3g2,mj2",
    "qt": "mov,mp4,m4a,3gp,3g2,mj2",
    "mkv": "matroska,webm",
    "webm": "matroska,webm",
    "avi": "avi",
    "flv": "flv",
    "wmv": "asf",
    "mpg": "mpeg,mpegts",
    "mpeg": "mpeg,mpegts",
    "ts": "mpegts",
    "mts": "mpegts",
    "m2ts": "mpegts",
    "ogv": "ogg",
}

# Extensions that are accepted with another one: the same container by another name.
COVERED = {"mp4": ("m4v", "3gp"), "mov": ("qt",)}

# ``-codec_whitelist`` takes *decoder* names. ffprobe refuses the whole file if a track, even a
# cover picture, has a decoder that is not listed; ``masking`` hides such tracks from it. Tracks
# without any decoder are ignored.
VIDEO_DECODERS = (
    "h264 hevc libdav1d libaom-av1 av1 vp9 vp8 mpeg4 mpeg2video mpeg1video h263 mjpeg prores dnxhd"
    " cfhd dvvideo vc1 wmv1 wmv2 wmv3 msmpeg4v1 msmpeg4v2 msmpeg4 flv theora ffv1 huffyuv ffvhuff"
    " utvideo qtrle svq1 svq3 cinepak rawvideo v210"
)
PICTURE_DECODERS = "png bmp gif webp tiff"
AUDIO_DECODERS = (
    "aac aac_latm mp3float mp3 mp2float mp2 ac3 eac3 dca truehd mlp opus libopus vorbis libvorbis"
    " flac alac tta wavpack amrnb amrwb wmav1 wmav2 wmapro wmalossless"
    " adpcm_ms adpcm_ima_wav adpcm_ima_qt adpcm_swf nellymoser gsm gsm_ms pcm_u8 pcm_s8"
    " pcm_s16le pcm_s16be pcm_s24le pcm_s24be"
    " pcm_s32le pcm_s32be pcm_f32le pcm_f32be pcm_f64le pcm_f64be pcm_alaw pcm_mulaw pcm_dvd"
    " pcm_bluray"
)
SUBTITLE_DECODERS = (
    "mov_text subrip srt ass ssa webvtt text dvdsub dvbsub pgssub xsub cc_dec libzvbi_teletextdec"
)
# Names of codecs, not of decoders: subtitles that are text, not pictures.
TEXT_SUBTITLE_CODECS = frozenset({"subrip", "ass", "ssa", "mov_text", "webvtt", "text"})
CODEC_WHITELIST = ",".join(
    f"{VIDEO_DECODERS} {PICTURE_DECODERS} {AUDIO_DECODERS} {SUBTITLE_DECODERS}".split()
)

# A track of one frame in these codecs is a still picture, whatever the container says.
PICTURE_CODECS = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff"})


# FFmpeg reads up to these limits until it knows each track. Its defaults of 5 s and 5 MB end before
# the first frame of a picture that starts later than its sound. Other files take no longer.
ANALYZE_MICROSECONDS = 3_600_000_000
ANALYZE_BYTES = 20_000_000


def with_covered(accepted: Iterable[str]) -> tuple[str, ...]:
    """Returns the extensions, each followed by those that are accepted with it."""
    names = (name for one in accepted for name in (one, *COVERED.get(one, ())))
    return tuple(dict.fromkeys(names))


def extension_by_contents(head: bytes) -> str:
    """Returns the usual extension of a file that has none, without the dot; "bin" if unknown.

    Args:
        head: its first 64 bytes.
    """
    if head[4:8] == b"ftyp":
        return "mov" if head[8:12] == b"qt  " else "mp4"
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm" if b"webm" in head else "mkv"
    return "avi" if head.startswith(b"RIFF") and head[8:12] == b"AVI " else "bin"


def format_whitelist(accepted: Iterable[str]) -> str:
    """Returns ``-format_whitelist`` for file name extensions (without dot, any case)."""
    names: dict[str, None] = {}
    for extension in accepted:
        for name in DEMUXERS.get(extension.lower(), "").split(","):
            if name:
                names[name] = None
    return ",".join(names)


def input_options(
    accepted: Iterable[str], max_pixels: int, max_streams: int, protocols: str = "file"
) -> dict[str, str]:
    """Returns the options that every FFmpeg and ffprobe gets before an uploaded file."""
    return {
        "protocol_whitelist": protocols,
        "format_whitelist": format_whitelist(accepted),
        "codec_whitelist": CODEC_WHITELIST,
        "max_pixels": str(max_pixels),
        "max_streams": str(max_streams),
        "analyzeduration": str(ANALYZE_MICROSECONDS),
        "probesize": str(ANALYZE_BYTES),
    }


def input_words(
    accepted: Iterable[str], max_pixels: int, max_streams: int, protocols: str = "file"
) -> list[str]:
    """Returns the same options as command line arguments."""
    options = input_options(accepted, max_pixels, max_streams, protocols)
    return [word for name, value in options.items() for word in (f"-{name}", value)]
