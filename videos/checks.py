"""System checks: whether this host can process videos, and settings. See siteconfig.checks."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from videos.transcode.capabilities import check_ffmpeg
from videos.transcode.confine import weaknesses
from videos.transcode.formats import DEMUXERS


@register
def check_video_tools(**_kwargs: Any) -> list[Error]:
    """Checks that FFmpeg and ffprobe exist and have all needed features. Takes about 0.2 s."""
    return [
        Error(
            f"Videos cannot be processed: {problem}",
            hint="On Debian and Ubuntu, install it with apt-get install ffmpeg.",
            id="clipset.E020",
        )
        for problem in check_ffmpeg(settings.FFMPEG_PATH)
    ]


@register
def check_confinement(**_kwargs: Any) -> list[CheckMessage]:
    """Checks that FFmpeg can be confined. Videos are processed without that, too."""
    return [CheckWarning(sentence, id="clipset.W023") for sentence in weaknesses()]


@register
def check_accel_prefix(**_kwargs: Any) -> list[Error]:
    """Checks that MEDIA_ACCEL_PREFIX is a path, if it is set."""
    prefix = settings.MEDIA_ACCEL_PREFIX
    if not prefix or re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", prefix):
        return []
    return [
        Error(
            f"MEDIA_ACCEL_PREFIX is '{prefix}', which is not the path of an address.",
            hint="Set it to the prefix of nginx's internal locations, such as /files, or leave it "
            "out.",
            id="clipset.E022",
        )
    ]


@register
def check_accepted_formats(**_kwargs: Any) -> list[Error]:
    """Checks that ACCEPTED_VIDEO_FORMATS has formats, and only known ones."""
    accepted = settings.ACCEPTED_VIDEO_FORMATS
    unknown = sorted(set(accepted) - set(DEMUXERS))
    if accepted and not unknown:
        return []
    return [
        Error(
            f"ACCEPTED_VIDEO_FORMATS has {', '.join(unknown)}, which Clipset cannot read."
            if unknown
            else "ACCEPTED_VIDEO_FORMATS is empty, so no video could be uploaded.",
            hint=f"Choose from {', '.join(DEMUXERS)}.",
            id="clipset.E021",
        )
    ]
