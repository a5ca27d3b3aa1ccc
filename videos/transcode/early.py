"""Copies a source while its packets and frames are still read, which takes as long as the copy.

The copy is also cleaned and finalised meanwhile, as ``pipeline`` does it with others. It is used if
the plan says the very same command in the end; else it is thrown away.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from clipset.lib.durable import sync
from clipset.lib.sandbox import Access
from clipset.lib.work_folder import clear_away
from videos.transcode.aac import reason_to_encode
from videos.transcode.beside import beside
from videos.transcode.commands import output_path, transcode_command
from videos.transcode.errors import NoStorageError, SourceError, TranscodeError
from videos.transcode.finalise import finalise
from videos.transcode.limits import limits_of
from videos.transcode.nal import reason_against_copy
from videos.transcode.plan import make_plan
from videos.transcode.run import run
from videos.transcode.types import NEARLY_DONE
from videos.transcode.user_data import remove_user_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from videos.transcode.media import MediaInfo
    from videos.transcode.types import Options, Plan, PlannedRendition, Tick

FOLDER = "early"
TICK_SECONDS = 0.1  # how soon it ends when it is thrown away


class EarlyCopy:
    """At most one copy, in a folder of its own in the work folder."""

    def __init__(self, source: Path, workdir: Path, options: Options, stack: ExitStack) -> None:
        self._source = source
        self._workdir = workdir
        self._folder = workdir / FOLDER
        self._options = options
        self._stack = stack
        self._command: Sequence[str] = ()
        self._result: Callable[[Tick], _Copy] | None = None
        self.is_finished = False  # whether the copy that was taken last is cleaned and finalised

    def start(self, info: MediaInfo) -> None:
        """Starts if these facts, which may be wrong, lead to a copy. Does not wait for it."""
        try:
            plan = make_plan(info, self._options)
        except (NoStorageError, SourceError):
            return
        if not plan.copied or not all(sound.copied for sound in plan.sounds):
            return
        command = transcode_command(self._source, self._folder, plan, self._options)

        def copy(tick: Tick) -> _Copy:
            try:
                run(
                    command,
                    duration=plan.duration_seconds,
                    limits=limits_of(info, plan, self._options),
                    stall_limit=self._options.stall_seconds,
                    tick=tick,
                    tick_interval=TICK_SECONDS,
                    access=Access(reads=(self._source,), folder=self._folder),
                )
                is_finished = _is_finished(self._folder, plan.top, tick)
            except (TranscodeError, OSError):
                return _Copy.NONE
            return _Copy.FINISHED if is_finished else _Copy.UNFINISHED

        self._folder.mkdir(parents=True, exist_ok=True)
        self._command = command
        self._result = self._stack.enter_context(beside(copy))

    def take(self, plan: Plan, tick: Tick) -> bool:
        """Waits for the copy and moves it to where the run of a plan writes. False if there is none
        for this plan, or if it failed: the run itself then tells why.

        Raises: what ``tick`` raises; OSError.
        """
        self.is_finished = False
        if self._result is None:
            return False
        if transcode_command(self._source, self._folder, plan, self._options) != self._command:
            return False
        result, self._result = self._result, None  # a second run starts afresh
        copy = result(tick)
        if copy is _Copy.NONE:
            return False
        output_path(self._folder, plan.top).rename(output_path(self._workdir, plan.top))
        self.is_finished = copy is _Copy.FINISHED
        return True


class _Copy(Enum):
    NONE = "none"  # it failed
    UNFINISHED = "unfinished"
    FINISHED = "finished"


def _is_finished(folder: Path, rendition: PlannedRendition, tick: Tick) -> bool:
    """Cleans and finalises a copy that players can play.

    Returns whether it did: with any other ``pipeline`` does the steps that are missing, and tells
    why. Raises: OSError, of which the disk may tell only once.
    """
    path, late = output_path(folder, rendition), partial(tick, NEARLY_DONE)
    try:
        remove_user_data(path, codec=rendition.codec, tick=late)
        if reason_to_encode(path, tick=late) or reason_against_copy(path, tick=late):
            return False
        finalise(path, tick=late, is_durable=False)
        sync(path)  # so that ``place`` has little to wait for
    except TranscodeError:
        return False
    return True


@contextmanager
def early_copy(source: Path, workdir: Path, options: Options) -> Iterator[EarlyCopy]:
    """Context manager that gives an ``EarlyCopy``. Ends and removes one that was not taken."""
    try:
        with ExitStack() as stack:
            yield EarlyCopy(source, workdir, options, stack)
    finally:
        clear_away(workdir / FOLDER)
