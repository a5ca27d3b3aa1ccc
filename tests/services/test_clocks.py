"""Two hosts with one PostgreSQL, and the clock of one is ahead."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes import Site
    from tests.projects import Databases
    from tests.shifted_clock import ShiftedClock

pytestmark = pytest.mark.postgresql

HOLD = """
from tests.builders import make_user, make_video
from videos.services.processing.claim import claim_next_job
from videos.services.processing.jobs import add_job
from videos.services.uploads.writer import writing
from videos.services.uploads.create import VideoDetails, create_upload
from videos.models import Upload
bob = make_user("bob")
add_job(video=make_video(uploader=bob, status="PENDING"))
upload = create_upload(user=bob, size=7, filename="sea.mp4", details=VideoDetails(title="Sea"))
held = claim_next_job()
from clipset.database.clock import database_now
from videos.services.uploads.lease import KERNEL_ID, take_lease
token = "elsewhere" + "0" * 23
assert take_lease(upload.pk, token)
print(held.state)
"""
TAKE_BACK = """
from videos.models import Job, Upload
from videos.services.processing.jobs import requeue_lost_jobs
from videos.services.uploads.lease import KERNEL_ID, take_lease
upload = Upload.objects.get()
print(requeue_lost_jobs(), take_lease(upload.pk, KERNEL_ID + "0" * 24))
"""


@pytest.mark.long  # test_wrong_clock.py has the clocks of one host in each run
def test_a_host_whose_clock_is_ahead_takes_nothing_from_a_healthy_one(
    postgresql_databases: Databases, make_site: Callable[..., Site], shifted_clock: ShiftedClock
) -> None:
    site = make_site(DATABASE_URL=postgresql_databases.migrated())
    assert site.shell(HOLD) == "RUNNING"
    site.environment |= shifted_clock.environment
    shifted_clock.set_ahead(timedelta(seconds=45))
    assert site.shell(TAKE_BACK) == "0 False"
