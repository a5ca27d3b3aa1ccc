"""How many connections a process of the web server holds, and which one makes room for another."""

from __future__ import annotations

import resource
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gunicorn.workers.gthread import TConn

# Of each process. An idle connection takes some 3 KiB.
CONNECTIONS: Final = 2000
# Open files besides the connections: the database, what is sent, pictures that are decoded.
OTHER_FILES: Final = 500


def allow_connections(wanted: int) -> int:
    """Raises this process's limit of open files for `wanted` connections, as far as it may.

    Returns how many connections the limit allows, at most `wanted`. Many systems begin with a limit
    of 1,024 files, which a process may raise by itself.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    infinite = resource.RLIM_INFINITY
    if soft != infinite and soft < needed:
        soft = needed if hard == infinite else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == infinite:
        return wanted
    return max(1, min(wanted, soft - min(OTHER_FILES, soft // 2)))


def next_to_close(idle: Iterable[TConn]) -> TConn | None:
    """Returns the idle connection that makes room for a new one; None if there is none.

    It is the oldest of the client with the most idle connections. So a client that opens thousands
    loses its own, and nobody else does.

    Args:
        idle: connections without a running request, the oldest first.
    """
    connections = list(idle)
    if not connections:
        return None
    by_client = Counter(conn.client[0] for conn in connections)
    [(largest, _)] = by_client.most_common(1)
    return next(conn for conn in connections if conn.client[0] == largest)
