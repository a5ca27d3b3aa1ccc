"""The hash of what was sent, by which an uploader's second copy is found."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0006_resumable_uploads")]

    operations = [
        migrations.AddField(
            model_name="video",
            name="content_hash",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="Of what was sent, as clipset.lib.blockhash has it; empty where it is not known.",
                max_length=64,
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("content_hash", ""), _negated=True),
                fields=["uploaded_by", "content_hash"],
                name="videos_by_content",
            ),
        ),
    ]
