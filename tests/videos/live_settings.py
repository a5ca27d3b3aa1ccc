"""The settings of the real servers that tests start: Clipset's own, but for the folders that no
environment variable names, and the hashes of passwords that tests make."""

import os
from pathlib import Path

from clipset.server import sockets
from clipset.settings import *  # noqa: F403
from clipset.settings import PASSWORD_HASHERS
from clipset.workers import pulse

MEDIA_ROOT = Path(os.environ["CLIPSET_TEST_MEDIA"])
STATIC_ROOT = Path(os.environ["CLIPSET_TEST_STATIC"])
PASSWORD_HASHERS = [*PASSWORD_HASHERS, "django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests that see a heartbeat stop have quicker ones.
pulse.BEAT_SECONDS = float(os.environ.get("CLIPSET_TEST_BEAT_SECONDS", pulse.BEAT_SECONDS))
pulse.QUIET_SECONDS = float(os.environ.get("CLIPSET_TEST_QUIET_SECONDS", pulse.QUIET_SECONDS))
# Shorter limits for tests that wait until a limit is reached.
sockets.PATIENCE_SECONDS = float(os.environ.get("CLIPSET_TEST_PATIENCE", sockets.PATIENCE_SECONDS))
