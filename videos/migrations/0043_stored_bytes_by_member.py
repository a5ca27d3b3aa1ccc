"""An index from which the stored bytes of each member are summed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0042_daily_statistics")]

    operations = [
        migrations.AddIndex(
            model_name="video",
            index=models.Index(fields=["uploaded_by", "stored_bytes"], name="videos_stored_by"),
        ),
    ]
