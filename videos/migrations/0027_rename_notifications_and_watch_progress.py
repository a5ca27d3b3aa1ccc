import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """The models get the names that pages use. Their tables keep theirs, so nothing is rewritten."""

    dependencies = [
        ("videos", "0026_removal_reason_labels"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameModel("Notice", "Notification"),
        migrations.RenameModel("WatchPosition", "WatchProgress"),
        migrations.AlterField(
            "notification",
            "comment",
            models.ForeignKey(
                "videos.comment",
                django.db.models.deletion.CASCADE,
                blank=True,
                null=True,
                related_name="notifications",
            ),
        ),
        migrations.AlterField(
            "notification",
            "member",
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                django.db.models.deletion.CASCADE,
                db_index=False,
                related_name="notifications",
            ),
        ),
        migrations.AlterField(
            "notification",
            "video",
            models.ForeignKey(
                "videos.video", django.db.models.deletion.CASCADE, related_name="notifications"
            ),
        ),
    ]
