"""Sentences about files that cannot become videos, which name what the file is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from videos.transcode.errors import CUT_SHORT
from videos.transcode.formats import VIDEO_DECODERS

PROTECTED = (
    "This video is protected (DRM), so it can't be played here. Upload a version without copy"
    " protection."
)
TOO_MANY_TRACKS = "exceeds max_streams"  # FFmpeg reports this as a lack of memory

# What cameras record and only their makers' programs read, by the code of four letters in the file,
# or by the name that newer versions of FFmpeg have for it.
CAMERA_CODECS: Mapping[str, str] = {
    "aprn": "ProRes RAW",
    "aprh": "ProRes RAW HQ",
    "prores_raw": "ProRes RAW",
    "apv1": "APV",
    "apv": "APV",
    **dict.fromkeys(("brxq", "brst", "brvn", "brs2", "brhq", "brlt", "brxt"), "Blackmagic RAW"),
    "CRAW": "Canon Cinema RAW Light",
}
# Codecs that no browser plays and that FFmpeg reads late or never.
OTHER_CODECS: Mapping[str, str] = {
    **dict.fromkeys(("vvc1", "vvi1", "vvc"), "H.266 (VVC)"),
    **dict.fromkeys(("evc1", "evc"), "EVC"),
    **dict.fromkeys(("lvc1", "lcevc"), "LCEVC"),
    **dict.fromkeys(("jxsm", "jxs1", "jpegxs"), "JPEG XS"),
    **dict.fromkeys(("mjp2", "jpeg2000"), "JPEG 2000"),
    **dict.fromkeys(("avs2", "avs3"), "AVS"),
    **dict.fromkeys(("icod", "aic"), "Apple Intermediate Codec"),
    **dict.fromkeys(("MAGY", "magicyuv"), "MagicYUV"),
    **dict.fromkeys(("LAGS", "lagarith"), "Lagarith"),
}
# The brands of photos in containers like MP4 (ISO/IEC 23008-12).
PHOTO_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"})
PHOTO_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8")


def unreadable_codec(codec: str, tag: str) -> str:
    """Returns the sentence for a picture that FFmpeg cannot decode.

    Args:
        codec: FFmpeg's name; "" if it does not know the codec.
        tag: the code of four letters in the file, or "" or "[0][0][0][0]".
    """
    for name in (codec, tag):
        if name in CAMERA_CODECS:
            return (
                f"This camera records in {CAMERA_CODECS[name]}. Export it as H.264 or ProRes 422."
            )
        if name in OTHER_CODECS:
            return f"This video is in {OTHER_CODECS[name]}. Convert it to H.264 and upload that."
    known = codec or (tag if re.fullmatch(r"[A-Za-z0-9 ._-]{3,4}", tag) else "")
    if not known or codec in VIDEO_DECODERS.split():  # unnamed, or damaged
        return (
            "The picture of this video can't be read. If it plays on your device, export it as an"
            " MP4 file with H.264 and upload that."
        )
    return (
        f"This video is in a format that can't be read, “{known}”. Convert it to H.264 and upload"
        " that."
    )


def unreadable_file(stderr: str, accepted: Sequence[str], head: bytes, *, is_whole: bool) -> str:
    """Returns the sentence that explains why ffprobe refused a file.

    Args:
        stderr: what ffprobe wrote.
        accepted: the accepted file name extensions.
        head: the first bytes of the file.
        is_whole: whether the file is as long as its own structure says.
    """
    kinds = ", ".join(accepted)
    codec = re.search(r"Codec \(([\w.-]+)\) not on whitelist", stderr)
    if codec is not None:
        return _unlisted_codec(codec[1])
    is_photo = head[4:8] == b"ftyp" and head[8:12] in PHOTO_BRANDS
    if is_photo or head.startswith(PHOTO_STARTS):
        return "This file is a photo. Upload a video."
    if "Format not on whitelist" in stderr:
        return f"This isn't a video file in a supported format ({kinds})."
    if not is_whole:
        return CUT_SHORT
    if TOO_MANY_TRACKS in stderr:
        return "This file has too many tracks. Export it with one video track."
    return f"This file isn't a video, or it's damaged. Supported formats: {kinds}."


def _unlisted_codec(name: str) -> str:
    if name in CAMERA_CODECS or name in OTHER_CODECS:
        return unreadable_codec(name, "")
    return (
        f"This file contains an unsupported track type, “{name}”. Convert it to an MP4 file and"
        " upload that."
    )
