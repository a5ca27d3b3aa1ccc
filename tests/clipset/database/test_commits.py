"""Actions after a commit may fail without failing the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from clipset.database.commits import after_commit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_action_that_fails_does_not_keep_the_next_from_running_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done = list[int]()
    with transaction.atomic():
        after_commit(tmp_path.unlink, what="removing a folder")  # which unlink(2) refuses
        after_commit(lambda: done.append(1), what="the next one")
        assert not done
    assert done == [1]
    assert "Committed, but removing a folder failed." in caplog.text


def test_outside_of_a_transaction_it_is_the_same(caplog: pytest.LogCaptureFixture) -> None:
    after_commit(lambda: 1 / 0, what="dividing")
    assert "Committed, but dividing failed." in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_what_is_rolled_back_is_not_followed() -> None:
    done = list[int]()
    with transaction.atomic():
        after_commit(lambda: done.append(1), what="it")
        transaction.set_rollback(True)
    assert not done
