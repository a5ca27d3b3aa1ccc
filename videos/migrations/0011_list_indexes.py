"""What is sorted by views in a category or a profile, and the number of films of each member."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0010_search")]

    operations = [
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                fields=["category", "-view_count", "-id"], name="videos_by_category_views"
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                fields=["uploaded_by", "-view_count", "-id"], name="videos_by_uploader_views"
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                fields=["uploaded_by", "is_hidden", "processing_status"],
                name="videos_published_by",
            ),
        ),
    ]
