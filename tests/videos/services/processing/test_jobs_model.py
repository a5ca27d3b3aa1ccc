"""A model of the job table: any order of events by workers, crashes and the schedule keeps the
table and the quota in agreement with the model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from tests.builders import make_user, make_video
from tests.examples import examples
from videos.models import Job, ProcessingStatus, Video
from videos.services.processing import jobs
from videos.services.processing.claim import claim_next_job
from videos.services.processing.jobs import MAX_FAILURES, MAX_LOSSES, LeaseLostError

SIZE = 7


@dataclass(frozen=True)
class Expected:
    state: str = "WAITING"
    owner: str = ""
    failures: int = 0
    losses: int = 0
    furthest: int = 0


class Jobs(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic._from_testcase = True  # type: ignore[attr-defined] # so that the transactions within are measured
        self.atomic.__enter__()
        self.user = make_user()
        self.charged = 0
        self.expected: dict[int, Expected] = {}
        self.claims: list[Job] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # -- what happens ---------------------------------------------------------------------------

    @precondition(lambda self: len(self.expected) < 4)
    @rule()
    def a_video_is_sent(self) -> None:
        self.charged += SIZE
        User.objects.filter(pk=self.user.pk).update(weekly_upload_bytes=self.charged)
        video = make_video(
            uploader=self.user,
            status=ProcessingStatus.PENDING,
            quota_bytes=SIZE,
            quota_reserved_at=timezone.now(),
        )
        self.expected[jobs.add_job(video=video).pk] = Expected()

    @rule()
    def a_worker_claims(self) -> None:
        Job.objects.filter(state="WAITING").update(run_after=timezone.now())
        job = claim_next_job()
        waiting = [pk for pk, known in self.expected.items() if known.state == "WAITING"]
        assert (job is not None) == bool(waiting)
        if job is not None:
            known = self.expected[job.pk]
            assert job.pk in waiting
            self.expected[job.pk] = replace(
                known, state="RUNNING", owner=job.lease_owner, losses=known.losses + 1
            )
            self.claims.append(job)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def a_worker_goes_on(self, data: st.DataObject) -> None:
        """More progress than any attempt before clears the lost attempts."""
        job, known = self.one_claim(data)
        percent = data.draw(st.integers(0, 99))
        going_on = self.fenced(
            job, lambda: jobs.renew_lease(job, percent=percent, seconds_left=None)
        )
        if going_on and percent > known.furthest:
            self.expected[job.pk] = replace(known, losses=1, furthest=percent)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def a_worker_finishes(self, data: st.DataObject) -> None:
        job, known = self.one_claim(data)
        if self.fenced(job, lambda: jobs.end_job(job)):
            Video.objects.filter(pk=job.video_id).update(processing_status="COMPLETED")
            self.expected[job.pk] = replace(known, state="DONE", owner="", losses=known.losses - 1)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def an_attempt_fails(self, data: st.DataObject) -> None:
        job, known = self.one_claim(data)
        if not self.fenced(job, lambda: jobs.fail_attempt(job, sentence="No.")):
            return
        if known.failures + 1 >= MAX_FAILURES:
            self.gives_up(job, known)
        else:
            self.expected[job.pk] = replace(
                known,
                state="WAITING",
                owner="",
                failures=known.failures + 1,
                losses=known.losses - 1,
            )

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def ffmpeg_is_killed(self, data: st.DataObject) -> None:
        job, known = self.one_claim(data)
        if self.fenced(job, lambda: jobs.lose_attempt(job)):
            self.loses(job, known)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def a_source_is_refused(self, data: st.DataObject) -> None:
        job, known = self.one_claim(data)
        if self.fenced(job, lambda: jobs.reject_source(job, sentence="No.")):
            self.gives_up(job, known)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def a_worker_dies(self, data: st.DataObject) -> None:
        job, known = self.one_claim(data)
        past = timezone.now() - timedelta(seconds=1)
        Job.objects.filter(pk=job.pk, state="RUNNING").update(lease_until=past)
        jobs.requeue_lost_jobs()
        if known.state == "RUNNING":
            self.loses(job, known)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def a_video_is_deleted(self, data: st.DataObject) -> None:
        job, _ = self.one_claim(data)
        Video.objects.filter(pk=job.video_id).delete()
        self.expected.pop(job.pk, None)

    # -- what has to follow ---------------------------------------------------------------------

    def one_claim(self, data: st.DataObject) -> tuple[Job, Expected]:
        """A job as some worker claimed it, whose lease may be lost by now."""
        job = data.draw(st.sampled_from(self.claims))
        return job, self.expected.get(job.pk, Expected("GONE"))

    def fenced(self, job: Job, change: object) -> bool:
        """Does the change. True if the lease was still the current one, as the model has to
        agree."""
        assert callable(change)
        known = self.expected.get(job.pk)
        holds = known is not None and known.state == "RUNNING" and known.owner == job.lease_owner
        try:
            change()
        except LeaseLostError:
            assert not holds
            return False
        assert holds
        return True

    def loses(self, job: Job, known: Expected) -> None:
        if known.losses >= MAX_LOSSES:
            self.gives_up(job, known)
        else:
            self.expected[job.pk] = replace(known, state="WAITING", owner="")

    def gives_up(self, job: Job, known: Expected) -> None:
        self.expected[job.pk] = replace(known, state="FAILED", owner="")
        self.charged -= SIZE

    @invariant()
    def the_table_agrees(self) -> None:
        rows = Job.objects.values_list(
            "pk", "state", "lease_owner", "failures", "losses", "furthest"
        )
        found = {pk: Expected(*rest) for pk, rest in ((row[0], row[1:]) for row in rows)}
        assert found == self.expected

    @invariant()
    def the_quota_agrees(self) -> None:
        assert User.objects.get(pk=self.user.pk).weekly_upload_bytes == self.charged
        kept = Video.objects.exclude(processing_status="FAILED")
        assert set(kept.values_list("quota_bytes", flat=True)) <= {SIZE}
        failed = Video.objects.filter(processing_status="FAILED")
        assert set(failed.values_list("quota_bytes", flat=True)) <= {0}

    @invariant()
    def every_video_is_on_its_way_or_at_its_end(self) -> None:
        for video in Video.objects.filter(processing_status__in=["PENDING", "PROCESSING"]):
            assert jobs.open_job(video) is not None


@pytest.mark.long_on_postgresql  # test_jobs.py and test_claim.py have its locks
@pytest.mark.django_db
def test_any_order_of_events_keeps_jobs_and_quota_right() -> None:
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=examples(40),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
