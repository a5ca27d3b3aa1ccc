"""Lists leave out what is in the trash, and the trash is listed by uploader and by age."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0037_trash")]

    operations = [
        migrations.RemoveIndex(
            model_name="video",
            name="videos_feed_newest",
        ),
        migrations.RemoveIndex(
            model_name="video",
            name="videos_feed_views",
        ),
        migrations.RemoveIndex(
            model_name="video",
            name="videos_published_by",
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(
                    ("is_hidden", False),
                    ("processing_status", "COMPLETED"),
                    ("trashed_at__isnull", True),
                ),
                fields=["-created_at", "-id"],
                name="videos_feed_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(
                    ("is_hidden", False),
                    ("processing_status", "COMPLETED"),
                    ("trashed_at__isnull", True),
                ),
                fields=["-view_count", "-id"],
                name="videos_feed_views",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                fields=["uploaded_by", "is_hidden", "processing_status", "trashed_at"],
                name="videos_published_by",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)),
                fields=["uploaded_by", "-trashed_at", "-id"],
                name="videos_trash_of_uploader",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(
                    ("trashed_at__isnull", False), ("was_trashed_with_member", False)
                ),
                fields=["trashed_at", "id"],
                name="videos_trash_by_age",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("was_trashed_with_member", True)),
                fields=["uploaded_by", "id"],
                name="videos_trash_with_member",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("trashed_by__isnull", False)),
                fields=["trashed_by"],
                name="videos_trash_by_member",
            ),
        ),
    ]
