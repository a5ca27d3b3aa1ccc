"""The same id in the response's header and in the log lines of the worker."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django_q.models import OrmQ
from django_q.signals import pre_execute

from clipset.lib.request_id import AddRequestId, current_request_id, set_request_id
from clipset.workers.task_queue import enqueue
from tests.builders import make_user, make_video
from videos.models import Job
from videos.services.processing import attempt as processing
from videos.services.processing.jobs import add_job

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    set_request_id("")
    yield
    set_request_id("")


def shown() -> str:
    """The id in a log line now."""
    record = logging.LogRecord("test", logging.INFO, __file__, 1, "", (), None)
    assert AddRequestId().filter(record)
    return str(record.request_id)  # type: ignore[attr-defined]


def test_every_answer_has_an_id_of_its_own() -> None:
    client = Client()
    ids = {client.get(path)["X-Request-ID"] for path in ("/healthz", "/login/", "/nothing/", "/")}
    assert len(ids) == 4
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in ids)


def test_a_task_brings_the_id_of_the_request_that_created_it_into_the_worker() -> None:
    set_request_id("0123456789abcdef")
    enqueue("videos.tasks.run_next_job")
    task = OrmQ.objects.latest("id").task
    set_request_id("")
    assert shown() == "-"
    pre_execute.send(sender="django_q", func=None, task=task)
    assert shown() == "0123456789abcdef"
    # The next task comes from a schedule.
    pre_execute.send(sender="django_q", func=None, task={"id": "x"})
    assert shown() == "-"


def test_the_log_lines_of_a_job_name_the_request_that_created_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log names the request of the job, not the one whose task woke the worker."""
    set_request_id("0123456789abcdef")
    add_job(video=make_video(uploader=make_user("alice")))
    set_request_id("fedcba9876543210")
    seen = list[str]()

    def attempt(*_: object) -> str:
        seen.append(current_request_id())
        return "completed"

    monkeypatch.setattr(processing, "_attempt", attempt)
    processing.process_next_job()
    assert Job.objects.get().request_id == "0123456789abcdef"
    assert seen == ["0123456789abcdef"]
