"""How gunicorn serves Clipset; scripts/run starts it under supervisord.

https://docs.gunicorn.org/en/stable/settings.html
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from django.apps import apps
from gunicorn.glogging import Logger

from clipset import settings
from clipset.lib.request_id import AddRequestId
from clipset.logs import RedactSecrets
from clipset.server.sockets import THREADS
from clipset.workers.process import bind_forks_to_parent

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.config import Config

# A worker goes with its master, so that a killed master leaves nobody on the port.
bind_forks_to_parent()

wsgi_app = "clipset.wsgi:application"
bind = (
    f"[{settings.HOST}]:{settings.PORT}"
    if ":" in settings.HOST
    else f"{settings.HOST}:{settings.PORT}"
)
backlog = 256

# Threads, since most of them wait: for a slow upload, or for a viewer who takes the bytes slowly.
# How long, and how many of them, stands in clipset/server/sockets.py.
worker_class = "clipset.server.web_worker.WebWorker"
workers = 2
threads = THREADS
preload_app = True  # loaded once, shared by the workers: a quick start, less memory

# Seconds without a sign of life of a worker's main thread. A request may take as long as it likes:
# 2 GB over a slow line are an hour in one thread, and the main thread goes on beating.
timeout = 60
# A stop ends what still runs after this; supervisord waits 6 s.
graceful_timeout = 5
# Above the 60 s for which nginx keeps its connections to us: it closes them, not we.
keepalive = 75

# The heartbeat is a file touched every second: in memory, so that a busy disk cannot stop it.
_memory = Path("/dev/shm")  # noqa: S108 the kernel's file system in memory
worker_tmp_dir = str(_memory) if os.access(_memory, os.W_OK | os.X_OK) else None
# `sendfile` is left out: files go from the disk's cache to the socket in the kernel then, and
# gunicorn 27 takes any value, True as well, for False.
# Its default socket lies in the home folder, where several clones would fight for it.
control_socket_disable = True

# Whose X-Forwarded-Proto counts: a proxy on this machine, or those that this variable names.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or "127.0.0.1,::1"

# supervisord keeps and rotates both: what was asked in data/log/access.log, the rest in web.log.
accesslog = "-"
errorlog = "-"
# Address, time, request, status, bytes, seconds, where from, with what, the request's id. The bytes
# are those that the answer announces: gunicorn does not count what the kernel sends.
access_log_format = (
    '%(h)s %(t)s "%(r)s" %(s)s %({content-length}o)s %(L)s "%(f)s" "%(a)s" %({x-request-id}o)s'
)


def on_starting(server: Arbiter) -> None:  # noqa: ARG001
    """In the master, before it listens and forks; the application is loaded by then."""
    if apps.ready:  # else it is another one than Clipset
        from clipset.startup import prepare_to_run

        prepare_to_run()


class RedactingLogger(Logger):  # type: ignore[misc]
    """Without the tokens that addresses carry, and with the id of the request."""

    error_fmt = "%(asctime)s [%(process)d] [%(levelname)s] [%(request_id)s] %(message)s"

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for log in (self.access_log, self.error_log):
            if not any(isinstance(known, RedactSecrets) for known in log.filters):
                log.addFilter(RedactSecrets())
                log.addFilter(AddRequestId())


logger_class = RedactingLogger
