from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0021_folded_captions")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="request_id",
            field=models.CharField(
                blank=True,
                default="",
                help_text="The request that created it, for the logs.",
                max_length=16,
            ),
        ),
    ]
