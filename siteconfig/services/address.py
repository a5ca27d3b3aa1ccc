"""The address that links carry."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings


def site_url() -> str:
    """Scheme, host and port, without a slash at the end.

    SITE_URL where it is set. Otherwise the address of the site that runs in this folder: a command
    in a shell does not know the HOST and PORT that scripts/run was started with. If none runs, what
    HOST and PORT say.
    """
    if settings.SITE_URL_IS_SET:
        return settings.SITE_URL
    return _running_address() or settings.SITE_URL


def _running_address() -> str:
    """What scripts/run wrote to data/run/, if it still runs; empty otherwise.

    After a kill its files stay, and its process id may be another program's by now; that would have
    to work in this very folder to be taken for it.
    """
    run = Path(settings.RUN_FOLDER)
    try:
        process = int((run / "lock").read_text())
        folder = Path(f"/proc/{process}/cwd").readlink()
        address = (run / "address").read_text().strip()
    except (OSError, ValueError):
        return ""
    return address if folder == Path(settings.BASE_DIR) else ""
