"""Makes the rendition in original quality: a copy of the picture in the layout of renditions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from videos.transcode.aac import reason_to_encode
from videos.transcode.budget import with_fitted_sounds
from videos.transcode.commands import output_path
from videos.transcode.fragment_starts import has_independent_fragments
from videos.transcode.original import plan_original
from videos.transcode.pipeline import checked_renditions, make_renditions
from videos.transcode.plan_sounds import with_encoded
from videos.transcode.types import NEARLY_DONE, no_tick

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.media import MediaInfo
    from videos.transcode.results import Made
    from videos.transcode.types import Options, Tick


@dataclass(frozen=True, slots=True)
class Original:
    """A rendition in original quality, in the work folder."""

    made: Made
    has_independent_fragments: bool


def make_original(
    source: Path, workdir: Path, info: MediaInfo, *, options: Options, tick: Tick = no_tick
) -> Original | None:
    """Makes ``workdir/original.mp4``. Needs as long as a copy. Returns None if the picture does not
    fit by what is known of the source.

    Args:
        info: facts of the source.
        tick: called about once a second throughout. What it raises ends this function.

    Raises:
        UnfitCopyError: players cannot start at each fragment of the copy.
        DifferentTimesError: its tracks do not start and end as planned.
        SourceError, ProcessingError, OSError: as for ``transcode``.
    """
    plan = plan_original(info, options)
    if plan is None:
        return None
    workdir.mkdir(exist_ok=True)
    path = output_path(workdir, plan.top)
    make = partial(make_renditions, source, workdir, info, options=options, tick=tick)
    make(plan)
    if any(sound.copied for sound in plan.sounds) and (unfit := reason_to_encode(path)):
        plan = replace(plan, sounds=with_encoded(plan.sounds, unfit))
        plan = with_fitted_sounds(plan, options)
        make(plan)
    late = partial(tick, NEARLY_DONE)
    is_independent = has_independent_fragments(path, plan.top.codec, tick=late)
    (made,) = checked_renditions(workdir, info, plan, tick=tick)
    return Original(made, is_independent)
