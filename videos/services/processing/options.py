"""Options for FFmpeg, from settings and configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.conf import settings

from siteconfig.services.config import current_config
from videos.transcode.types import QUALITIES, Options

if TYPE_CHECKING:
    from videos.transcode.types import QualityName


def transcode_options(**changes: object) -> Options:
    """Options from the current settings and configuration. `changes` replace single ones."""
    config = current_config()
    crf, preset = QUALITIES[cast("QualityName", config.quality)]
    given: dict[str, object] = {
        "ffmpeg": settings.FFMPEG_PATH,
        "accepted": tuple(settings.ACCEPTED_VIDEO_FORMATS),
        "max_short_side": config.max_short_side,
        "ladder": config.ladder,
        "crf": crf,
        "preset": preset,
        "encoder": config.encoder,
        "wall_clock_floor_seconds": settings.VIDEO_PROCESSING_TIMEOUT,
        **changes,
    }
    return Options(**given)  # type: ignore[arg-type] # names and values of the dataclass
