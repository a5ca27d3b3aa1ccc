"""accounts.0008: the tables of django-axes go, and nothing else."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

migration = import_module("accounts.migrations.0008_try_counts")


def remove_axes() -> None:
    with connection.schema_editor() as editor:
        migration.remove_axes(apps, editor)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_what_django_axes_left_behind_is_removed_once() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE axes_accessattempt (id integer PRIMARY KEY)")
        cursor.execute(
            "CREATE TABLE axes_accessattemptexpiration "
            "(id integer PRIMARY KEY REFERENCES axes_accessattempt (id))"
        )
        cursor.execute("INSERT INTO axes_accessattempt VALUES (1)")
        cursor.execute("INSERT INTO axes_accessattemptexpiration VALUES (1)")
    MigrationRecorder(connection).record_applied("axes", "0001_initial")
    kind = ContentType.objects.create(app_label="axes", model="accessattempt")
    Permission.objects.create(content_type=kind, codename="view_accessattempt", name="See")
    others = ContentType.objects.exclude(app_label="axes").count()
    remove_axes()
    assert [name for name in connection.introspection.table_names() if "axes" in name] == []
    assert not ContentType.objects.filter(app_label="axes").exists()
    assert ContentType.objects.count() == others
    known = MigrationRecorder(connection).applied_migrations()
    assert {app for app, _ in known} >= {"accounts", "siteconfig"}
    assert "axes" not in {app for app, _ in known}
    remove_axes()  # a new site has nothing of it
