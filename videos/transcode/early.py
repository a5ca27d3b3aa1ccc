"""Copies a source while its packets and frames are still read, which takes as long as the copy.

The copy is used if the plan says the very same command in the end; else it is thrown away.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from videos.transcode.beside import beside
from videos.transcode.commands import output_path, transcode_command
from videos.transcode.errors import SourceError, TranscodeError
from videos.transcode.limits import limits_of
from videos.transcode.plan import make_plan
from videos.transcode.run import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from videos.transcode.media import MediaInfo
    from videos.transcode.types import Options, Plan, Tick

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
        self._result: Callable[[Tick], bool] | None = None

    def start(self, info: MediaInfo) -> None:
        """Starts if these facts, which may be wrong, lead to a copy. Does not wait for it."""
        try:
            plan = make_plan(info, self._options)
        except SourceError:
            return
        if not plan.copied or not all(sound.copied for sound in plan.sounds):
            return
        command = transcode_command(self._source, self._folder, plan, self._options)

        def copy(tick: Tick) -> bool:
            try:
                run(
                    command,
                    duration=plan.duration_seconds,
                    limits=limits_of(info, plan, self._options),
                    stall_limit=self._options.stall_seconds,
                    tick=tick,
                    tick_interval=TICK_SECONDS,
                    cwd=self._folder,
                )
            except (TranscodeError, OSError):
                return False
            return True

        self._folder.mkdir(parents=True, exist_ok=True)
        self._command = command
        self._result = self._stack.enter_context(beside(copy))

    def take(self, plan: Plan, tick: Tick) -> bool:
        """Waits for the copy and moves it to where the run of a plan writes. False if there is none
        for this plan, or if it failed: the run itself then tells why.

        Raises: what ``tick`` raises; OSError.
        """
        if self._result is None:
            return False
        if transcode_command(self._source, self._folder, plan, self._options) != self._command:
            return False
        result, self._result = self._result, None  # a second run starts afresh
        if not result(tick):
            return False
        output_path(self._folder, plan.top).rename(output_path(self._workdir, plan.top))
        return True


@contextmanager
def early_copy(source: Path, workdir: Path, options: Options) -> Iterator[EarlyCopy]:
    """Context manager that gives an ``EarlyCopy``. Ends and removes one that was not taken."""
    try:
        with ExitStack() as stack:
            yield EarlyCopy(source, workdir, options, stack)
    finally:
        shutil.rmtree(workdir / FOLDER, ignore_errors=True)
