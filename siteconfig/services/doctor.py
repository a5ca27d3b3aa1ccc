"""Runs of the doctor: calls every check, repairs findings on request and stores the result."""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, transaction
from django.utils import timezone

from clipset.lib.text import printable
from clipset.workers.task_queue import enqueue
from siteconfig.doctor import (
    Check,
    DoctorStoppedError,
    Finding,
    Look,
    doctor_checks,
    stop_if_needed,
)
from siteconfig.models import Config, DoctorRun, DoctorState
from siteconfig.schema import migration_problem
from siteconfig.services.audit import record
from siteconfig.services.doctor_log import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger(__name__)

# A run keeps at most this many repairable findings of each check, and as many others. They are
# limited separately so that the others do not displace the repairable ones. The rest is counted.
MAX_OF_A_CHECK: Final = 100
MAX_STORED: Final = 500
KEPT_RUNS: Final = 20
TOUCH_SECONDS: Final = 5.0
# A run that has not been updated for so long has ended with its process.
STALE: Final = timedelta(minutes=5)

MIGRATIONS: Final = "migrations"
BUSY: Final = "The doctor is already running. Try again when it is done."


class DoctorBusyError(Exception):
    """Another run has not ended. The text is a sentence."""


@dataclass(slots=True)
class Result:
    """The result of a run. `found` counts all findings; `findings` has the first of each check."""

    key: str
    findings: list[Finding] = field(default_factory=list)
    # By check and subject: a sentence for each change that was made.
    mended: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    found: int = 0
    problem: str = ""


def new_key() -> str:
    return f"{timezone.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def request_run(
    *,
    requested_by: AbstractBaseUser | None,
    wanted: Sequence[tuple[str, str]] | None = None,
    is_fix: bool = False,
) -> DoctorRun:
    """Requests a run of the doctor from a worker.

    Args:
        wanted: check and subject of the findings to repair; None for all.

    Raises: DoctorBusyError if another run waits or is running.
    """
    with transaction.atomic():
        _one_at_a_time()
        _end_stale_runs()
        active = DoctorRun.objects.filter(state__in=[DoctorState.WAITING, DoctorState.RUNNING])
        if active.exists():
            raise DoctorBusyError(BUSY)
        run = DoctorRun.objects.create(
            key=new_key(),
            is_fix=is_fix,
            wanted=None if wanted is None else [list(pair) for pair in wanted],
            requested_by_id=requested_by.pk if requested_by else None,
        )
        _record_repair(run)
        enqueue("siteconfig.tasks.run_requested_doctor", run.pk)
    return run


def run_requested(run_id: int) -> DoctorRun | None:
    """Carries out a requested run, in a worker.

    Returns None if it has been carried out already, or if another run was started by hand.
    """
    now = timezone.now()
    requested = DoctorRun.objects.filter(pk=run_id, state=DoctorState.WAITING)
    with transaction.atomic():
        _one_at_a_time()
        _end_stale_runs(but=run_id)
        if DoctorRun.objects.filter(state=DoctorState.RUNNING).exists():
            requested.update(state=DoctorState.STOPPED, problem=BUSY, finished_at=now)
            return None
        if not requested.update(state=DoctorState.RUNNING, touched_at=now):
            return None
    run = DoctorRun.objects.get(pk=run_id)
    wanted = None if run.wanted is None else {(str(a), str(b)) for a, b in run.wanted}
    _carry_out(run, Result(run.key), wanted=wanted, is_deep=False, say=_quiet)
    return run


def run_doctor(
    *,
    is_fix: bool = False,
    is_deep: bool = False,
    say: Callable[[str, str], None] | None = None,
) -> Result:
    """Runs all checks and, with `is_fix`, repairs what can be repaired.

    Args:
        say: called with "finding", "mend" or "problem" and the text to print.
    """
    say = say or _quiet
    result = Result(new_key())
    if problem := migration_problem():
        return _only(result, Finding(MIGRATIONS, problem), say)
    try:
        run = _begin(result.key, is_fix=is_fix)
    except DoctorBusyError as error:
        result.problem = str(error)
        say("problem", result.problem)
        return result
    return _carry_out(run, result, wanted=None, is_deep=is_deep, say=say)


def last_run() -> DoctorRun | None:
    return DoctorRun.objects.select_related("requested_by").first()


def is_active(run: DoctorRun) -> bool:
    """Returns whether a run waits for a worker or is running.

    False if its process was killed, if no worker took it, or if it was begun while the clock was
    ahead.
    """
    is_fresh = abs(timezone.now() - run.touched_at) < STALE
    return is_fresh and run.state in {DoctorState.WAITING, DoctorState.RUNNING}


# -- a run ----------------------------------------------------------------------------------------


def _quiet(_kind: str, _text: str) -> None:
    pass


def _only(result: Result, finding: Finding, say: Callable[[str, str], None]) -> Result:
    """Reports one finding and nothing else: with wrong migrations other findings may be wrong."""
    result.findings, result.found = [finding], 1
    say("finding", f"{finding.check}: {finding.sentence}")
    return result


def _begin(key: str, *, is_fix: bool) -> DoctorRun:
    with transaction.atomic():
        _one_at_a_time()
        _end_stale_runs()
        if DoctorRun.objects.filter(state=DoctorState.RUNNING).exists():
            raise DoctorBusyError(BUSY)
        run = DoctorRun.objects.create(key=key, is_fix=is_fix, state=DoctorState.RUNNING)
        _record_repair(run)
        return run


def _record_repair(run: DoctorRun) -> None:
    """Records that repairs begin. `doctor --undo` undoes them by the key, the entry's name."""
    if run.is_fix:
        wanted = None if run.wanted is None else run.wanted[:MAX_STORED]
        record("doctor.repair", run, name=run.key, after={"findings": wanted})


def _one_at_a_time() -> None:
    """Locks a row, so that of two simultaneous transactions the second sees the first one's run."""
    Config.objects.select_for_update().filter(pk=Config.SINGLETON_ID).first()


def _end_stale_runs(*, but: int = 0) -> None:
    now = timezone.now()
    unfinished = DoctorRun.objects.filter(state__in=[DoctorState.WAITING, DoctorState.RUNNING])
    unfinished = unfinished.exclude(pk=but)
    stale = unfinished.exclude(touched_at__range=(now - STALE, now + STALE))
    for state, problem in (
        (DoctorState.WAITING, "No worker started it. Check that the workers are running."),
        (DoctorState.RUNNING, "It was interrupted. Run the doctor again."),
    ):
        stale.filter(state=state).update(
            state=DoctorState.STOPPED, problem=problem, finished_at=now
        )


def _carry_out(
    run: DoctorRun,
    result: Result,
    *,
    wanted: set[tuple[str, str]] | None,
    is_deep: bool,
    say: Callable[[str, str], None],
) -> Result:
    try:
        stop_if_needed()
        _look_and_mend(run, result, wanted=wanted, is_deep=is_deep, say=say)
        run.state = DoctorState.DONE
    except DoctorStoppedError as error:
        result.problem = str(error)
    except DatabaseError as error:
        logger.exception("the doctor could not continue")
        result.problem = f"The database failed: {error}"
    if result.problem:
        say("problem", result.problem)
        run.state = DoctorState.STOPPED
    _store(run, result)
    return result


def _look_and_mend(
    run: DoctorRun,
    result: Result,
    *,
    wanted: set[tuple[str, str]] | None,
    is_deep: bool,
    say: Callable[[str, str], None],
) -> None:
    checks = doctor_checks()
    run.all_checks = len(checks)
    look = Look(is_deep=is_deep, tick=_Touch(run))
    journal = Journal(result.key)
    for number, check in enumerate(checks):
        run.done_checks, run.current_check = number, check.name
        run.touched_at = timezone.now()
        run.save(update_fields=["done_checks", "all_checks", "current_check", "touched_at"])
        found = list(_found_by(check, look, result))
        result.findings += found
        for finding in found:
            say("finding", f"{finding.check}: {finding.sentence}")
            named = (finding.check, finding.subject)
            if run.is_fix and finding.mend and (wanted is None or named in wanted):
                _mend(check, finding, journal, result, say)
                look.tick()
    run.done_checks, run.current_check = len(checks), ""


def _found_by(check: Check, look: Look, result: Result) -> Iterator[Finding]:
    """Yields the first findings of a check (see MAX_OF_A_CHECK) and counts the rest.

    An exception in the check becomes a finding.
    """
    number = 0
    kept = {True: 0, False: 0}
    try:
        for finding in check.find(look):
            number += 1
            can_mend = finding.mend is not None
            kept[can_mend] += 1
            if kept[can_mend] <= MAX_OF_A_CHECK:
                sentence, subject = printable(finding.sentence), printable(finding.subject)
                yield replace(finding, sentence=sentence, subject=subject)
            look.tick()
    except (DoctorStoppedError, DatabaseError):
        raise
    except Exception as error:
        logger.exception("the doctor's check '%s' failed", check.name)
        number += 1
        yield Finding(
            check.name, f"This could not be checked: {printable(str(error))}", subject="failed"
        )
    finally:
        result.found += number


def _mend(
    check: Check,
    finding: Finding,
    journal: Journal,
    result: Result,
    say: Callable[[str, str], None],
) -> None:
    assert check.mend is not None, f"{check.name} has findings with `mend` but no mend function"
    named = (finding.check, finding.subject)
    journal.begin(finding)
    try:
        check.mend(finding, journal)
    except DoctorStoppedError:
        raise
    except Exception as error:
        logger.exception("the repair of '%s' %s failed", *named)
        result.failed[named] = f"It could not be repaired: {printable(str(error))}"
        say("mend", result.failed[named])
        return
    result.mended[named] = list(journal.sentences)
    for line in journal.sentences or ["Nothing had to be changed."]:
        say("mend", line)


class _Touch:
    """Records every few seconds that the run has not stopped."""

    def __init__(self, run: DoctorRun) -> None:
        self._run = run
        self._next = time.monotonic() + TOUCH_SECONDS

    def __call__(self) -> None:
        if time.monotonic() < self._next:
            return
        DoctorRun.objects.filter(pk=self._run.pk).update(touched_at=timezone.now())
        self._next = time.monotonic() + TOUCH_SECONDS


# -- the result -----------------------------------------------------------------------------------


def as_json(result: Result, finding: Finding) -> dict[str, Any]:
    """Returns a finding and what was done about it, as values for JSON."""
    named = (finding.check, finding.subject)
    return {
        **asdict(finding),
        "facts": dict(finding.facts),
        "mended": result.mended.get(named),
        "failed": result.failed.get(named),
    }


def _store(run: DoctorRun, result: Result) -> None:
    run.findings = [as_json(result, finding) for finding in result.findings[:MAX_STORED]]
    run.found, run.mended = result.found, len(result.mended)
    run.problem = result.problem
    run.finished_at = run.touched_at = timezone.now()
    with transaction.atomic():
        run.save()
        kept = DoctorRun.objects.values_list("pk", flat=True)[:KEPT_RUNS]
        DoctorRun.objects.exclude(pk__in=list(kept)).delete()
