"""Waits for a video that was just uploaded, so that its page learns at once that it can be watched.

Asking five times a second would cost more processor time than waiting here, at the very time when
the video is processed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from clipset.lib.slots import NoSlotError, Slots
from videos.selectors.playback import is_watchable
from videos.selectors.watch import AWAITED_FOR

if TYPE_CHECKING:
    from uuid import UUID

    from videos.models import Video

WAIT_SECONDS: float = 0.8
LOOK_EVERY_SECONDS: Final = 0.03
# Few of the 32 threads of a process. Who gets none is answered at once.
_slots: Final = Slots(most=6, each=2)


def await_watchable(video: Video, *, viewer: UUID, plays_original: bool) -> None:
    """Waits a moment until a new video can be watched or has failed, and updates its status.

    `plays_original`: whether the viewer's browser decodes original quality.

    Raises: Video.DoesNotExist if it is deleted meanwhile.
    """
    if not video.is_unfinished or timezone.now() - video.created_at > AWAITED_FOR:
        return
    try:
        slot = _slots.take(viewer)
    except NoSlotError:
        return
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() <= deadline:
            if video.is_failed or is_watchable(video, plays_original=plays_original):
                return
            time.sleep(LOOK_EVERY_SECONDS)
            video.refresh_from_db()
    finally:
        slot.release()
