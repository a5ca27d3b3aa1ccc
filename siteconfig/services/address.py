"""The site's address in links."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings


def site_url() -> str:
    """Returns scheme, host and port of the site, without a slash at the end.

    That is SITE_URL if it is set. Otherwise it is the address of the site that runs in this folder,
    since a command in a shell does not know the HOST and PORT that scripts/run was started with. If
    no site runs, it is built from HOST and PORT.
    """
    if settings.SITE_URL_IS_SET:
        return settings.SITE_URL
    return _running_address() or settings.SITE_URL


def _running_address() -> str:
    """Returns the address that scripts/run wrote to data/run/, or "" if it does not run any more.

    After a kill its files stay, and another program may have its process id. That program is
    mistaken for scripts/run only if this folder is its working directory.
    """
    run = Path(settings.RUN_FOLDER)
    try:
        process = int((run / "lock").read_text())
        folder = Path(f"/proc/{process}/cwd").readlink()
        address = (run / "address").read_text().strip()
    except (OSError, ValueError):
        return ""
    return address if folder == Path(settings.BASE_DIR) else ""
