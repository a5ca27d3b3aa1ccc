"""The database has hashes of sessions' keys, never a key; and nobody was logged out for that."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils import timezone

from accounts.models import Session, stored_key
from accounts.sessions import SessionStore
from accounts.tasks import clear_expired
from tests.accounts.test_sessions import device, is_in, key_of, stored_key_of
from tests.builders import PASSWORD, make_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoAssertNumQueries

    from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

BEFORE = [("accounts", "0011_session_addresses")]


@pytest.fixture
def alice(db: None) -> User:
    return make_user("alice", password=PASSWORD)


def with_cookie(key: str) -> Client:
    client = Client()
    client.cookies["sessionid"] = key
    return client


def as_an_older_version_stored_it(client: Client) -> None:
    Session.objects.filter(pk=stored_key_of(client)).update(session_key=key_of(client))


# -- What the database has ------------------------------------------------------------------------
def test_no_column_of_a_session_has_its_key(alice: User) -> None:
    client = device(alice)
    row = Session.objects.values_list().get()
    assert not [value for value in row if key_of(client) in str(value)]
    assert row[0] == stored_key_of(client)
    assert is_in(client)


def test_what_the_database_has_opens_nothing(alice: User) -> None:
    client = device(alice)
    thief = with_cookie(stored_key_of(client))
    assert not is_in(thief)
    assert is_in(client), "and the session goes on"


def test_a_cookie_that_no_session_can_have_opens_nothing(alice: User) -> None:
    device(alice)
    for key in ("x" * 5000, "é" * 32, "%" * 40, "a" * 32, "' OR 1=1 --"):
        assert not is_in(with_cookie(key))


def test_finding_a_session_takes_one_query(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key = key_of(device(alice))
    with django_assert_num_queries(1):
        assert SessionStore(key)[SESSION_KEY] == str(alice.pk)
    with django_assert_num_queries(1):
        assert SessionStore("a" * 32).get(SESSION_KEY) is None


# -- Fixation -------------------------------------------------------------------------------------
def test_a_log_in_never_uses_a_key_that_the_browser_brought(alice: User) -> None:
    planted = SessionStore()
    planted["colour"] = "red"
    planted.save()
    for brought in (planted.session_key, "a" * 32):
        assert brought is not None
        victim = with_cookie(brought)
        victim.post("/login/", {"username": alice.username, "password": PASSWORD})
        assert is_in(victim)
        assert key_of(victim) != brought
        assert not is_in(with_cookie(brought))
        assert not SessionStore().exists(brought)


def test_another_key_keeps_the_row_and_ends_the_old_key(alice: User) -> None:
    client = device(alice)
    before = Session.objects.get()
    store = SessionStore(key_of(client))
    store.cycle_key()
    store.save()
    after = Session.objects.get()
    assert after.session_key == stored_key(str(store.session_key)) != before.session_key
    assert (after.user, after.started_at) == (alice, before.started_at)
    assert is_in(with_cookie(str(store.session_key)))
    assert not is_in(with_cookie(key_of(client)))


def test_a_session_that_was_never_stored_gets_a_key_too(alice: User) -> None:
    store = SessionStore()
    store["colour"] = "red"
    store.cycle_key()
    store.save()
    assert SessionStore(store.session_key)["colour"] == "red"


def test_a_session_is_deleted_by_its_key_only(alice: User) -> None:
    client = device(alice)
    SessionStore().delete(stored_key_of(client))
    assert is_in(client)
    SessionStore().delete(key_of(client))
    assert not Session.objects.exists()


# -- The upgrade ----------------------------------------------------------------------------------
def test_a_key_that_an_older_version_stored_beside_the_upgrade_is_hashed_at_its_next_use(
    alice: User,
) -> None:
    client = device(alice)
    as_an_older_version_stored_it(client)
    assert is_in(client)
    assert Session.objects.get().session_key == stored_key_of(client)
    assert is_in(client)


def test_and_if_it_is_not_used_within_a_day(alice: User) -> None:
    used, unused = device(alice), device(alice)
    as_an_older_version_stored_it(unused)
    clear_expired()
    stored = set(Session.objects.values_list("session_key", flat=True))
    assert stored == {stored_key_of(used), stored_key_of(unused)}
    assert is_in(unused)


def test_an_older_version_can_still_write_sessions_beside_the_upgrade(alice: User) -> None:
    columns = "session_key, session_data, expire_date, user_id, user_agent, started_at"
    now = timezone.now()
    values = ("k" * 32, "", now, None, "", now, now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO sessions ({columns}, last_seen_at) "  # noqa: S608
            "VALUES (%s, %s, %s, %s, %s, %s, %s)",
            values,
        )
    assert Session.objects.get().address == ""


def migrate(target: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(target)


@pytest.fixture
def migrated_at_the_end(transactional_db: None) -> Iterator[None]:
    yield
    migrate(MigrationLoader(None).graph.leaf_nodes("accounts"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("migrated_at_the_end")
def test_the_upgrade_hashes_the_keys_and_logs_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alice = make_user("alice", password=PASSWORD)
    clients = [device(alice) for _ in range(5)]
    migrate(BEFORE)
    for client in clients[1:]:  # the first was hashed when the migration was interrupted
        as_an_older_version_stored_it(client)
    monkeypatch.setattr("accounts.migrations.0012_hashed_session_keys.BATCH", 2)
    migrate(MigrationLoader(None).graph.leaf_nodes("accounts"))
    stored = set(Session.objects.values_list("session_key", flat=True))
    assert stored == {stored_key_of(client) for client in clients}
    assert all(is_in(client) for client in clients)


def test_a_session_that_ran_out_is_not_found(alice: User) -> None:
    client = device(alice)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert HASH_SESSION_KEY not in SessionStore(key_of(client))
