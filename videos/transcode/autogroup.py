"""Lowers the priority of a session of processes where the kernel shares the CPU between sessions.

With autogroups (sched(7)), which are on by default, niceness only counts between the processes of
one session. FFmpeg runs in a session of its own, so it would get as much as all of the web server.
"""

from __future__ import annotations

import errno
from pathlib import Path


def lower_priority(leader: int, nice: int) -> bool:
    """Sets the niceness of the session of a process.

    Args:
        leader: the process that leads the session.
        nice: 0 to 19.

    Returns:
        False if the kernel is busy, and the caller should try again: it allows a user one change in
        0.1 s. True otherwise, also if there are no autogroups or the process has ended.
    """
    try:
        Path(f"/proc/{leader}/autogroup").write_text(str(nice))
    except OSError as error:
        return error.errno != errno.EAGAIN
    return True
