"""What can go wrong with a video, told apart by whose fault it is.

Every error carries a ``sentence`` for people (what happened, what to do; never a path of the
server) and a ``detail`` for logs (the end of what FFmpeg printed, which may well hold paths).
"""

from __future__ import annotations

import signal

CUT_SHORT = "This file is incomplete. Upload the full file again."


class TranscodeError(Exception):
    """Base of all errors of this package.

    Args:
        sentence: what to tell the uploader.
        detail: what to write to the log, often empty.
    """

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.detail = detail


class SourceError(TranscodeError):
    """The content is at fault: trying again with the same file gives the same answer."""


class ProcessingError(TranscodeError):
    """Our side is at fault (time, memory, disk, a lost process): the source is worth keeping."""


class OutOfTimeError(ProcessingError):
    """The wall-clock or processor limit was reached."""


class StalledError(ProcessingError):
    """FFmpeg ran, but made no progress for as long as the watchdog waits."""


class DiskFullError(ProcessingError):
    """ENOSPC or EDQUOT while writing."""


class OutOfMemoryError(ProcessingError):
    """FFmpeg met its memory limit and said so."""


class OutputTooLargeError(ProcessingError):
    """The output grew beyond the file-size limit, which lies far above what any plan needs."""


class KilledBySignalError(ProcessingError):
    """FFmpeg was ended by a signal that we did not send: a stop of the service, the OOM killer.

    Attributes:
        signal: the signal's number.
    """

    def __init__(self, number: int, *, detail: str = "") -> None:
        super().__init__(
            "Processing was interrupted. You can try again.",
            detail=f"ended by {_signal_name(number)}\n{detail}".rstrip(),
        )
        self.signal = number


class FfmpegFailedError(ProcessingError):
    """FFmpeg ended with a status that none of the others explains.

    Attributes:
        status: the exit status.
    """

    def __init__(self, status: int, *, detail: str = "") -> None:
        super().__init__(
            "The video could not be processed. It can be tried again; if that fails too, convert"
            " it to an MP4 file on your device and upload that.",
            detail=f"exit status {status}\n{detail}".rstrip(),
        )
        self.status = status


class CancelledError(ProcessingError):
    """For callers: what a ``tick`` may raise to end a run that nobody wants any more."""

    def __init__(self, sentence: str = "Processing was cancelled.", *, detail: str = "") -> None:
        super().__init__(sentence, detail=detail)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
