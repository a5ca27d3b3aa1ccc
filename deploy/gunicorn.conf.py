"""Configuration of gunicorn, which scripts/run starts under supervisord.

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
from clipset.server.connections import CONNECTIONS
from clipset.server.proxies import gunicorn_proxies
from clipset.server.sockets import THREADS
from clipset.workers.process import bind_forks_to_parent

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.config import Config

# Workers end with their master, so that no worker keeps the port after the master was killed.
bind_forks_to_parent()

wsgi_app = "clipset.wsgi:application"
bind = (
    f"[{settings.HOST}]:{settings.PORT}"
    if ":" in settings.HOST
    else f"{settings.HOST}:{settings.PORT}"
)
# Connections that wait until a worker accepts them. A kernel whose queue is full drops the next
# one, whose client tries again only after a second. Linux lowers it to net.core.somaxconn.
backlog = 2048

# Threads, since most of the time they wait for slow uploads or for viewers with slow connections.
# clipset/server/sockets.py says how many threads there are and how long they may wait.
worker_class = "clipset.server.web_worker.WebWorker"
workers = 2
threads = THREADS
# Of each process. When they are used up, idle ones are closed (clipset/server/connections.py).
worker_connections = CONNECTIONS
preload_app = True  # loaded once and shared by the workers: starts faster, needs less memory

# Seconds without a sign of life from a worker's main thread. Requests may take longer: 2 GB over a
# slow connection take an hour in one thread, while the main thread continues to give signs of life.
timeout = 60
# At a stop, seconds until running requests are ended. supervisord waits 6 s.
graceful_timeout = 5
# More than the 60 s for which nginx keeps its connections, so that nginx closes them, not gunicorn.
keepalive = 75

# The sign of life is a file touched every second, in memory, so that a busy disk cannot stop it.
_memory = Path("/dev/shm")  # noqa: S108 the kernel's file system in memory
worker_tmp_dir = str(_memory) if os.access(_memory, os.W_OK | os.X_OK) else None
# `sendfile` is not set: the kernel then sends files from the disk's cache to the socket.
# gunicorn 27 reads any value, even True, as False.
# The default control socket is in the home folder, where clones would compete for it.
control_socket_disable = True

# gunicorn believes X-Forwarded-Proto of the same proxies as Clipset.
forwarded_allow_ips = gunicorn_proxies(
    settings.FORWARDED_ALLOW_IPS, behind_proxy=settings.BEHIND_PROXY
)
# No header sets the path of a request: gunicorn would believe Script-Name of any proxy above.
forwarder_headers = ""

# supervisord stores and rotates both: requests in data/log/access.log, the rest in web.log.
accesslog = "-"
errorlog = "-"
# Address, time, request, status, bytes, seconds, referrer, user agent, the request's id. The bytes
# are the response's Content-Length, since gunicorn does not count bytes that the kernel sends.
access_log_format = (
    '%(h)s %(t)s "%(r)s" %(s)s %({content-length}o)s %(L)s "%(f)s" "%(a)s" %({x-request-id}o)s'
)


def on_starting(server: Arbiter) -> None:  # noqa: ARG001
    """Runs in the master before it listens and forks, after the application was loaded."""
    if apps.ready:  # not if gunicorn runs another application than Clipset
        from clipset.startup import prepare_to_run

        prepare_to_run()


class RedactingLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger, with redacted addresses and the id of each request."""

    error_fmt = "%(asctime)s [%(process)d] [%(levelname)s] [%(request_id)s] %(message)s"

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for log in (self.access_log, self.error_log):
            if not any(isinstance(known, RedactSecrets) for known in log.filters):
                log.addFilter(RedactSecrets())
                log.addFilter(AddRequestId())


logger_class = RedactingLogger
