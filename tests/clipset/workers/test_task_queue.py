"""Tasks that a stopped cluster had taken return to the queue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from clipset.workers.task_queue import enqueue, return_taken_tasks, waiting_task_count

pytestmark = pytest.mark.django_db


def test_what_a_stopped_cluster_had_taken_is_handed_out_again() -> None:
    for _ in range(3):
        enqueue("videos.tasks.look_after_jobs")
    taken = OrmQ.objects.first()
    assert taken is not None
    far = timezone.now() + timedelta(days=22)
    OrmQ.objects.filter(pk=taken.pk).update(lock=far)
    other = OrmQ.objects.create(key="another cluster", payload="", lock=far)
    assert waiting_task_count() == 2
    assert return_taken_tasks() == 1
    assert waiting_task_count() == 3
    other.refresh_from_db()
    assert other.lock == far, "another cluster's is its own"
