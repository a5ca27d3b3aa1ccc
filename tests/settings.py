"""Settings of a test run: Clipset's own, without those that the developer has set.

Neither `.env` nor the environment has an effect, and nothing is written to data/ or media/. This
also holds for processes that a test starts with `clipset.settings`, because all of it is passed
through the environment.
"""

import os
import tempfile
from pathlib import Path

from tests.setting_names import setting_names

SCRATCH = Path(tempfile.mkdtemp(prefix="clipset-tests-"))
"""Folder for files of the run; tests/conftest.py removes it."""

for _name in setting_names():
    os.environ.pop(_name, None)
os.environ |= {
    "CLIPSET_ENV_FILE": os.devnull,
    "HEALTH_EXPECTS_WORKERS": "off",
    "SECRET_KEY": "for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    # tests/services/test_postgresql.py sets another one for the second run on PostgreSQL.
    "DATABASE_URL": os.environ.get("CLIPSET_TEST_DATABASE_URL", f"sqlite:///{SCRATCH}/unused.db"),
    "VIDEO_STORAGE_PATH": f"{SCRATCH}/media/videos",
    "THUMBNAIL_STORAGE_PATH": f"{SCRATCH}/media/thumbnails",
    "TEMP_STORAGE_PATH": f"{SCRATCH}/media/temp",
    "ORIGINAL_STORAGE_PATH": f"{SCRATCH}/media/originals",
}

from clipset.settings import *  # noqa: E402, F403
from clipset.settings import DATABASES, STORAGES  # noqa: E402

MEDIA_ROOT = SCRATCH / "media"
RUN_FOLDER = SCRATCH / "run"
DOCTOR_LOG = SCRATCH / "doctor.log"
STATIC_ROOT = SCRATCH / "static"
STATIC_ROOT.mkdir()

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, so that threads and processes share it as on a real site (WAL, locks).
    DATABASES["default"]["TEST"] = {"NAME": str(SCRATCH / "test.db")}
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
else:
    # It is migrated already.
    DATABASES["default"]["TEST"] = {"TEMPLATE": DATABASES["default"]["NAME"]}

# Static files keep their names, because hashed names need a collectstatic.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Argon2 takes 50 ms by design; tests of it set it.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
