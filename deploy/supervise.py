"""supervisord, which a full disk does not end: what cannot be logged is not logged.

Of itself it ends over a line that it cannot write, be it to a log or, about that log, to its
standard error, which lies on the same disk. With it ends all of the site.
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
    """A stream that takes what it can."""

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


def _let_it_be(_handler: Handler) -> None:
    """In the place of supervisor's `Handler.handleError`."""


Handler.handleError = _let_it_be

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from clipset.lib.permissions import restrict_umask

    # supervisord's own option counts only for a daemon.
    restrict_umask()
    sys.stdout, sys.stderr = Lenient(sys.stdout), Lenient(sys.stderr)
    supervisord.main()
