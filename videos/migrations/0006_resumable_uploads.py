"""Uploads that can be resumed: their offset, their details, and the process that writes."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("categories", "0001_initial"),
        ("videos", "0005_playlists"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="upload",
            name="category",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="categories.category",
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="description",
            field=models.TextField(blank=True, default="", max_length=5000),
        ),
        migrations.AddField(
            model_name="upload",
            name="filename",
            field=models.CharField(blank=True, default="", max_length=255),
        ),
        migrations.AddField(
            model_name="upload",
            name="hash_state",
            field=models.CharField(
                default="0000000000000000000000000000000000000000000000000000000000000000",
                help_text="At the last whole block before the offset; of all, once all has come.",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="is_resumable",
            field=models.BooleanField(default=False, help_text="By tus, not by the plain form."),
        ),
        migrations.AddField(
            model_name="upload",
            name="metadata",
            field=models.TextField(blank=True, default="", help_text="Upload-Metadata as it came."),
        ),
        migrations.AddField(
            model_name="upload",
            name="offset_bytes",
            field=models.BigIntegerField(default=0, help_text="What has come, as last saved."),
        ),
        migrations.AddField(
            model_name="upload",
            name="playlist",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="videos.playlist",
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="state",
            field=models.CharField(
                choices=[("OPEN", "On its way"), ("FINISHED", "Arrived"), ("ENDED", "Ended")],
                default="OPEN",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="title",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="upload",
            name="touched_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now, help_text="When bytes came last."
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="video",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="videos.video",
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="writer_token",
            field=models.CharField(blank=True, default="", max_length=32),
        ),
        migrations.AddField(
            model_name="upload",
            name="writer_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="upload",
            name="writer_wanted",
            field=models.BooleanField(
                default=False, help_text="Somebody asks the one who writes to let go."
            ),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=models.Q(("state", "OPEN")),
                fields=["user", "-created_at"],
                name="uploads_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("offset_bytes__gte", 0), ("offset_bytes__lte", models.F("size_bytes"))
                ),
                name="uploads_offset_within",
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["OPEN", "FINISHED", "ENDED"])),
                name="uploads_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="upload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state", "OPEN"),
                        ("writer_until__isnull", False),
                        models.Q(("writer_token", ""), _negated=True),
                    ),
                    models.Q(("writer_token", ""), ("writer_until__isnull", True)),
                    _connector="OR",
                ),
                name="uploads_writer_has_a_lease",
            ),
        ),
    ]
