"""Errors of processing, divided by whether the file or the server is at fault.

Every error has a ``sentence`` for people (what happened and what to do, without paths of the
server) and a ``detail`` for logs (the end of FFmpeg's output, which may contain paths).
"""

from __future__ import annotations

import signal

CUT_SHORT = "This file is incomplete. Upload the full file again."
UNREADABLE = "The processed video cannot be read. Please try again."


class TranscodeError(Exception):
    """Base of all errors of this package.

    Args:
        sentence: shown to the uploader.
        detail: for the log, often empty.
    """

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.detail = detail


class SourceError(TranscodeError):
    """The content of the file is at fault: trying again gives the same result."""


class ProcessingError(TranscodeError):
    """The server is at fault (time, memory, disk, a lost process): the source is kept."""


class OutOfTimeError(ProcessingError):
    """The run took more wall-clock or processor time than allowed."""


class StalledError(ProcessingError):
    """FFmpeg ran but made no progress for the watchdog's time limit."""


class DiskFullError(ProcessingError):
    """The disk is full: ENOSPC or EDQUOT while writing."""


class OutOfMemoryError(ProcessingError):
    """FFmpeg reported that it reached its memory limit."""


class OutputTooLargeError(ProcessingError):
    """The output exceeded the file size limit, which is far above what a plan needs."""


class NoStorageError(ProcessingError):
    """The budget of the results has no room even for the lowest bit rate."""


class KilledBySignalError(ProcessingError):
    """A signal from outside ended FFmpeg: a stop of the service, or the OOM killer.

    Attributes:
        signal: the number of the signal.
    """

    def __init__(self, number: int, *, detail: str = "") -> None:
        super().__init__(
            "Processing was interrupted. You can try again.",
            detail=f"ended by {_signal_name(number)}\n{detail}".rstrip(),
        )
        self.signal = number


class FfmpegFailedError(ProcessingError):
    """FFmpeg failed with an exit status that no other error explains.

    Attributes:
        status: the exit status.
    """

    def __init__(self, status: int, *, detail: str = "") -> None:
        super().__init__(
            "We couldn't process this video. Try again; if it fails again, convert it to an MP4"
            " file on your device and upload that.",
            detail=f"exit status {status}\n{detail}".rstrip(),
        )
        self.status = status


class NotFragmentedError(ProcessingError):
    """The file does not have the layout of a rendition; ``detail`` says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(UNREADABLE, detail=detail)


class DifferentTimesError(ProcessingError):
    """The tracks of a result do not start or end as planned: another attempt gives the same."""


class FaultyResultError(ProcessingError):
    """A result is not what its plan says."""


class UnfitCopyError(ProcessingError):
    """The picture cannot be published as it is, so it must be encoded; ``detail`` says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(UNREADABLE, detail=detail)


class CancelledError(ProcessingError):
    """Processing was cancelled. A ``tick`` raises this to end a run."""

    def __init__(self, sentence: str = "Processing was cancelled.", *, detail: str = "") -> None:
        super().__init__(sentence, detail=detail)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
