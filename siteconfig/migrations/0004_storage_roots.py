"""Storage roots by name, and the site's id for their markers.

The roots that every site has get their rows here. videos.0023 turns the absolute paths of files
and of the configuration into names and keys.
"""

import uuid

import django.utils.timezone
from django.db import migrations, models

import siteconfig.models
from siteconfig.places import SETTINGS, as_stored, placed_by_host

KINDS = [
    ("videos", "Videos"),
    ("thumbnails", "Thumbnails and storyboards"),
    ("originals", "Originals"),
    ("temp", "Uploads and work in progress"),
    ("images", "Avatars and covers"),
]


def make_roots(apps, schema_editor):
    for name in SETTINGS:
        apps.get_model("siteconfig", "StorageRoot").objects.get_or_create(
            name=name, defaults={"kind": name, "path": as_stored(placed_by_host(name))}
        )


class Migration(migrations.Migration):
    dependencies = [("siteconfig", "0003_media_settings")]

    operations = [
        migrations.AddField(
            model_name="config",
            name="site_id",
            field=models.UUIDField(
                default=uuid.uuid4,
                editable=False,
                help_text="Tells this site from others. The marker file in each storage root holds it.",
            ),
        ),
        migrations.AlterField(
            model_name="config",
            name="video_storage_path",
            field=models.CharField(
                default=siteconfig.models._default_video_storage_path,
                help_text="The folder for new videos, absolute or relative to the project's folder. Videos stored before stay where they are and keep playing.",
                max_length=500,
            ),
        ),
        migrations.CreateModel(
            name="StorageRoot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(unique=True)),
                ("kind", models.CharField(choices=KINDS, max_length=10)),
                (
                    "path",
                    models.CharField(
                        help_text="As it was configured: relative to the project's folder where it lies below it.",
                        max_length=500,
                    ),
                ),
                (
                    "marked_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the site's marker was first written. A root that once had a marker is never marked automatically again.",
                        null=True,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "storage_roots",
                "ordering": ["created_at", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                ["videos", "thumbnails", "originals", "temp", "images"],
                            )
                        ),
                        name="storage_roots_kind_known",
                    ),
                    models.UniqueConstraint(
                        fields=("kind", "path"), name="storage_roots_one_of_a_path"
                    ),
                ],
            },
        ),
        migrations.RunPython(make_roots, migrations.RunPython.noop),
    ]
