"""Debian's nginx in front of a site, as docs/operations.md has it."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.parts import require
from tests.processes import ROOT, process, short_folder, wait_for
from tests.videos import live

if TYPE_CHECKING:
    from collections.abc import Iterator


def documented(with_word: str) -> str:
    """The one block for nginx in docs/operations.md that has this word."""
    text = (ROOT / "docs" / "operations.md").read_text()
    blocks: list[str] = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    [block] = [it for it in blocks if with_word in it]
    return block


def locations_of_files(site: live.Server) -> str:
    """For files that nginx sends."""
    return documented("internal").replace("/srv/clipset/media", str(site.media))


@contextmanager
def nginx(
    site: live.Server, locations: str = "", *, changes: tuple[tuple[str, str], ...] = ()
) -> Iterator[live.Server]:
    """The same server at another port, without TLS. `changes` are made in the documented text."""
    port = live.free_port()
    block = documented("proxy_request_buffering").partition("server {\n    listen 80;")[0]
    for old, new in (
        ("listen 443 ssl;", f"listen {live.HOST}:{port};"),
        ("http://127.0.0.1:8000", site.url),
        ("    location / {", f"{locations}\n    location / {{"),
        *changes,
    ):
        assert old in block, old
        block = block.replace(old, new)
    block = re.sub(r"ssl_certificate.*;", "", block)
    with short_folder() as folder:
        paths = "\n".join(
            f"{name}_temp_path {folder}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(f"""
            {"user root;" if os.geteuid() == 0 else ""}
            daemon off;
            pid {folder}/pid;
            error_log stderr;
            worker_processes 1;
            events {{ worker_connections 100; }}
            http {{ access_log off; {paths} {block} }}
        """)
        log = folder / "log"
        command = [
            require("nginx"),
            "-p",
            str(folder),
            "-e",
            "stderr",
            "-c",
            f"{folder}/nginx.conf",
        ]
        with process(command, log=log) as started:
            front = live.Server(port, started.pid, site.media, log)
            wait_for(lambda: live.answers(front) or started.poll() is not None, name="nginx")
            assert started.poll() is None, log.read_text()
            yield front
