"""A thousand uploads that 16 processes create at once: no sum exceeds its limit."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from django.db.models import Sum

from tests.builders import make_user
from tests.processes import ROOT
from tests.videos.live import database_url
from tests.videos.stored_videos import set_limits, used
from videos.models import Upload
from videos.services.uploads.create import MAX_OPEN

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES, UPLOADS, SIZE = 16, 1000, 7

# Loaded once and forked, so that most of the time goes into the tested code.
CODE = f"""
import os
import django
django.setup()
from accounts.models import User
from clipset.lib.refusals import RefusedError
from videos.services.uploads.create import VideoDetails, create_upload

def make_one(bob):
    try:
        create_upload(user=bob, size={SIZE}, filename="a.mp4", details=VideoDetails(title="A"))
    except RefusedError as refusal:
        return refusal.status
    return 201

reader, writer = os.pipe()
go, gone = os.pipe()
for number in range({PROCESSES}):
    if os.fork():
        continue
    os.close(gone)
    os.read(go, 1)  # until all are there
    bob = User.objects.get()
    share = range(number, {UPLOADS}, {PROCESSES})
    os.write(writer, "".join(f"{{make_one(bob)}}\\n" for _ in share).encode())
    os._exit(0)
os.close(writer)
os.close(gone)
with os.fdopen(reader) as answers:
    print(answers.read())
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("week", "fit", "refusal"),
    [
        pytest.param(70 * SIZE + SIZE - 1, 70, 413, id="the quota"),
        pytest.param(
            10**9,
            MAX_OPEN,
            429,
            id="the number of open ones",
            marks=[pytest.mark.long, pytest.mark.both_databases],
        ),
    ],
)
def test_no_number_of_processes_passes_a_limit(
    week: int, fit: int, refusal: int, media: Path
) -> None:
    bob = make_user("bob")
    set_limits(week=week)
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "tests.videos.live_settings", "DATABASE_URL": database_url()}
        | {"CLIPSET_TEST_MEDIA": str(media), "CLIPSET_TEST_STATIC": str(media)},
        check=False,
        capture_output=True,
        text=True,
    )
    answers = done.stdout.split()
    assert len(answers) == UPLOADS, done.stderr
    assert answers.count("201") == fit
    assert answers.count(str(refusal)) == UPLOADS - fit
    assert used(bob) == fit * SIZE
    reserved = Upload.objects.aggregate(bytes=Sum("quota_bytes"))
    assert (Upload.objects.count(), reserved["bytes"]) == (fit, fit * SIZE)
