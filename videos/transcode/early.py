"""Copies a source while its packets and frames are still read, which takes as long as the copy.

The copy is also cleaned, finalised and read meanwhile, as ``pipeline`` does it with others. It is
used if the plan says the very same command in the end; else it is thrown away.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from clipset.lib.durable import sync
from videos.transcode.aac import reason_to_encode
from videos.transcode.beside import beside
from videos.transcode.commands import output_path, transcode_command
from videos.transcode.errors import SourceError, TranscodeError
from videos.transcode.finalise import finalise
from videos.transcode.limits import limits_of
from videos.transcode.made import MadeFacts, made_facts, read_made_header
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
        self._result: Callable[[Tick], _Copied | None] | None = None
        self.facts: MadeFacts | None = None  # of the copy that was taken last, if they are known

    def start(self, info: MediaInfo) -> None:
        """Starts if these facts, which may be wrong, lead to a copy. Does not wait for it."""
        try:
            plan = make_plan(info, self._options)
        except SourceError:
            return
        if not plan.copied or not all(sound.copied for sound in plan.sounds):
            return
        command = transcode_command(self._source, self._folder, plan, self._options)

        def copy(tick: Tick) -> _Copied | None:
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
                return _Copied(_finished(self._folder, plan.top, self._options, tick))
            except (TranscodeError, OSError):
                return None

        self._folder.mkdir(parents=True, exist_ok=True)
        self._command = command
        self._result = self._stack.enter_context(beside(copy))

    def take(self, plan: Plan, tick: Tick) -> bool:
        """Waits for the copy and moves it to where the run of a plan writes. False if there is none
        for this plan, or if it failed: the run itself then tells why.

        Raises: what ``tick`` raises; OSError.
        """
        self.facts = None
        if self._result is None:
            return False
        if transcode_command(self._source, self._folder, plan, self._options) != self._command:
            return False
        result, self._result = self._result, None  # a second run starts afresh
        copied = result(tick)
        if copied is None:
            return False
        output_path(self._folder, plan.top).rename(output_path(self._workdir, plan.top))
        self.facts = copied.facts
        return True


class _Copied(NamedTuple):
    facts: MadeFacts | None


def _finished(
    folder: Path, rendition: PlannedRendition, options: Options, tick: Tick
) -> MadeFacts | None:
    """Finalises a copy that players can play. Returns its facts.

    None for any other: ``pipeline`` then does the steps that are missing, and tells why. Raises:
    OSError, of which the disk may tell only once.
    """
    path, late = output_path(folder, rendition), partial(tick, NEARLY_DONE)
    try:
        remove_user_data(path, codec=rendition.codec, tick=late)
        read = partial(read_made_header, path, options=options)
        with beside(lambda end: read(tick=end)) as header:
            if reason_to_encode(path, tick=late) or reason_against_copy(path, tick=late):
                return None
            finalise(path, tick=late, is_durable=False)
            sync(path)  # so that ``place`` has little to wait for
            return made_facts(path, header(tick))
    except TranscodeError:
        return None


@contextmanager
def early_copy(source: Path, workdir: Path, options: Options) -> Iterator[EarlyCopy]:
    """Context manager that gives an ``EarlyCopy``. Ends and removes one that was not taken."""
    try:
        with ExitStack() as stack:
            yield EarlyCopy(source, workdir, options, stack)
    finally:
        shutil.rmtree(workdir / FOLDER, ignore_errors=True)
