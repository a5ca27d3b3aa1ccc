"""What confines a program where bubblewrap is missing or forbidden: small programs that each set
one thing and `exec` the next. The program then sees all files of its user.

For clipset.lib.image_process and videos.transcode.confine.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

from clipset.lib.sandbox_identity import find_program


def fallback(*, kept: str) -> list[str]:
    """Returns the command that goes in front of a program's: no network where the kernel allows
    that, no capabilities, and its end together with the thread that starts it.

    Args:
        kept: the capability that root keeps, since it may have to read files of other owners.

    Raises: FileNotFoundError if setpriv is missing.
    """
    bounding = [f"--bounding-set=-all,+{kept}"] if os.geteuid() == 0 else []
    # After unshare, because the kernel may clear the death signal when credentials change.
    bound = [find_program("setpriv"), "--pdeathsig", "KILL", "--no-new-privs", "--inh-caps=-all"]
    return [*without_network(), *bound, *bounding, "--"]


@functools.cache
def without_network() -> tuple[str, ...]:
    """Returns the ``unshare`` command that works here (as root, or as a user), or nothing."""
    program = shutil.which("unshare")
    if program is None:
        return ()
    for option in ("-n", "-rn"):
        trial = subprocess.run([program, option, "true"], check=False, capture_output=True)
        if trial.returncode == 0:
            return (program, option, "--")
    return ()
