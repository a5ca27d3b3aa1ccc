"""supervisord, changed so that a full disk does not end it: it drops lines it cannot log.

Unchanged, it ends when it cannot write a line, either to a log or, about that log, to its standard
error, which is on the same disk. The whole site would end with it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor import supervisord
from supervisor.loggers import Handler

if TYPE_CHECKING:
    from typing import TextIO


class Lenient:
    """A text stream that ignores failing writes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _ignore_error(_handler: Handler) -> None:
    """Replaces supervisor's `Handler.handleError`."""


Handler.handleError = _ignore_error

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from clipset.lib.permissions import restrict_umask

    # supervisord's own option applies only to a daemon.
    restrict_umask()
    sys.stdout, sys.stderr = Lenient(sys.stdout), Lenient(sys.stderr)
    supervisord.main()
