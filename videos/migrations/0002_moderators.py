"""The group Moderators and what its members may do in the admin."""

from django.db import migrations

# app, model, verbose name, actions
PERMISSIONS = [
    ("videos", "video", "video", ["view", "change", "delete"]),
    ("videos", "job", "job", ["view"]),
    ("categories", "category", "category", ["view", "add", "change", "delete"]),
    ("accounts", "user", "user", ["view", "change"]),
    ("accounts", "invitation", "invitation", ["view", "add", "change", "delete"]),
]


def make_group(apps, schema_editor):
    # Django makes permissions only after all migrations; the ones that are needed are made here,
    # in the form that it will find and leave alone.
    content_types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="Moderators")
    for app, model, name, actions in PERMISSIONS:
        content_type, _ = content_types.get_or_create(app_label=app, model=model)
        for action in actions:
            permission, _ = permissions.get_or_create(
                content_type=content_type,
                codename=f"{action}_{model}",
                defaults={"name": f"Can {action} {name}"},
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0001_initial"),
        ("categories", "0001_initial"),
        ("accounts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_group, migrations.RunPython.noop)]
