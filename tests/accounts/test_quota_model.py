"""Compares the quota with a simple model (hypothesis)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from accounts.services.quota import (
    quota_state,
    release_quota,
    reserve_quota,
    reset_due_quotas,
    reset_quota,
)
from siteconfig.models import Config
from tests.builders import make_user
from tests.examples import examples

SUNDAY = datetime(2024, 5, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
sizes = st.integers(1, 60)
limits = st.integers(0, 200)


@dataclass(frozen=True)
class Taken:
    size: int
    reserved_at: datetime
    period: tuple[int, int]  # the week, and how many resets a moderator had made


class QuotaMachine(RuleBasedStateMachine):
    """The quota of one member. Every step takes a second."""

    taken = Bundle("taken")

    def __init__(self) -> None:
        super().__init__()
        self.now = SUNDAY
        self.resets = 0
        self.period = (0, 0)
        self.used = 0
        self.site_limit, self.own_limit = 100, None  # type: int, int | None
        self.set_site_limit(100)
        self.alice = make_user(last_upload_reset=SUNDAY)

    @initialize(into=st.integers(0, 7 * 24 * 3600 - 100))
    def begin_somewhere_in_the_week(self, into: int) -> None:
        self.now += timedelta(seconds=into)

    @property
    def limit(self) -> int:
        return self.site_limit if self.own_limit is None else self.own_limit

    def tick(self) -> None:
        """Advances the clock. In a new period the model's counter is zero."""
        self.now += timedelta(seconds=1)
        period = ((self.now - SUNDAY) // WEEK, self.resets)
        if period != self.period:
            self.period, self.used = period, 0

    @rule(target=taken, size=sizes)
    def reserve(self, size: int) -> Taken | MultipleResults[Taken]:
        self.tick()
        reservation = reserve_quota(user=self.alice, size=size, now=self.now)
        if self.used + size > self.limit:
            assert reservation is None
            return multiple()
        assert reservation is not None
        assert reservation.bytes == size
        self.used += size
        return Taken(size=size, reserved_at=reservation.reserved_at, period=self.period)

    @rule(taken=consumes(taken))
    def release(self, taken: Taken) -> None:
        self.tick()
        release_quota(
            user_id=self.alice.pk, size=taken.size, reserved_at=taken.reserved_at, now=self.now
        )
        if taken.period == self.period:
            self.used -= taken.size

    @rule(hours=st.sampled_from([1, 2, 5, 30, 24 * 7, 24 * 7 * 9]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.tick()

    @rule()
    def the_boundary_comes(self) -> None:
        """Advances the clock exactly to the boundary."""
        weeks = (self.now - SUNDAY) // WEEK + 1
        self.now = SUNDAY + weeks * WEEK - timedelta(seconds=1)
        self.tick()

    @rule(times=st.integers(1, 3))
    def the_schedule_runs(self, times: int) -> None:
        self.tick()
        for _ in range(times):
            reset_due_quotas(now=self.now)

    @rule()
    def a_moderator_resets(self) -> None:
        self.resets += 1
        self.tick()
        reset_quota(users=[self.alice.pk], now=self.now)

    @rule(limit=limits)
    def set_site_limit(self, limit: int) -> None:
        self.site_limit = limit
        Config.objects.filter(pk=1).update(weekly_upload_limit_bytes=limit)

    @rule(limit=st.none() | limits)
    def set_own_limit(self, limit: int | None) -> None:
        self.own_limit = limit
        User.objects.filter(pk=self.alice.pk).update(weekly_upload_limit_bytes=limit)

    @invariant()
    def what_the_page_says_is_what_the_model_says(self) -> None:
        state = quota_state(User.objects.get(pk=self.alice.pk), now=self.now)
        assert state.used_bytes == self.used
        assert state.limit_bytes == self.limit
        assert state.left_bytes == max(0, self.limit - self.used)
        assert state.resets_at == SUNDAY + (self.period[0] + 1) * WEEK


@pytest.mark.django_db
def test_the_quota_does_what_the_model_does() -> None:
    run_state_machine_as_test(
        QuotaMachine,
        settings=settings(
            max_examples=examples(150),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
