"""Sessions are found by a hash of their key, so that a copy of the database opens none of them.

The same as accounts.models.session.stored_key. Each batch has its own transaction and leaves what
is hashed already: the migration can be interrupted and run again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from django.db import migrations, transaction
from django.db.models.functions import Length

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.migrations.state import StateApps

BATCH: Final = 1000
STORED_KEY_LENGTH: Final = 40


def hash_keys(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    alias = schema_editor.connection.alias
    sessions: Any = apps.get_model("accounts", "Session").objects.using(alias)
    plain = sessions.annotate(length=Length("session_key")).filter(length__lt=STORED_KEY_LENGTH)
    while keys := list(plain.values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic(using=alias):
            for key in keys:
                hashed = hashlib.sha256(key.encode()).hexdigest()[:STORED_KEY_LENGTH]
                sessions.filter(pk=key).update(session_key=hashed)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("accounts", "0011_session_addresses")]

    operations = [migrations.RunPython(hash_keys, migrations.RunPython.noop)]
