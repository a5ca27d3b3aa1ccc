"""A table for counts of wrong passwords, instead of the tables of django-axes."""

from django.db import migrations, models


def remove_axes(apps, schema_editor):
    """Drops what django-axes left behind. An attempt is forgotten after 15 minutes anyway."""
    tables = schema_editor.connection.introspection.table_names()
    for table in (
        "axes_accessattemptexpiration",
        "axes_accessattempt",
        "axes_accessfailurelog",
        "axes_accesslog",
    ):
        if table in tables:
            schema_editor.execute(f"DROP TABLE {schema_editor.quote_name(table)}")
    apps.get_model("contenttypes", "ContentType").objects.filter(app_label="axes").delete()
    schema_editor.execute("DELETE FROM django_migrations WHERE app = 'axes'")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_invitations_by_time"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="TryCount",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("last_at", models.DateTimeField()),
                ("next_at", models.DateTimeField()),
            ],
            options={"db_table": "try_counts"},
        ),
        migrations.RunPython(remove_axes, migrations.RunPython.noop),
    ]
