"""Moderators see the uploads that are on their way, and may end them."""

from django.db import migrations


def let_moderators(apps, schema_editor):
    """As 0002 does it: Django makes permissions only after all migrations."""
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="videos", model="upload"
    )
    group = apps.get_model("auth", "Group").objects.get(name="Moderators")
    for action in ("view", "delete"):
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type,
            codename=f"{action}_upload",
            defaults={"name": f"Can {action} upload"},
        )
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0007_content_hash"),
        ("categories", "0001_initial"),
    ]

    operations = [migrations.RunPython(let_moderators, migrations.RunPython.noop)]
