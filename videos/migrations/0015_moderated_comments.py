"""Moderators see and delete comments in the admin."""

from django.db import migrations

ACTIONS = ["view", "delete"]


def permit(apps, schema_editor):
    # Made here in the form that Django will find and leave alone, as in 0002_moderators.
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="videos", model="comment"
    )
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="Moderators")
    for action in ACTIONS:
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type,
            codename=f"{action}_comment",
            defaults={"name": f"Can {action} comment"},
        )
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("videos", "0014_notices"), ("videos", "0014_notices")]

    operations = [migrations.RunPython(permit, migrations.RunPython.noop)]
