from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0034_withheld_captions"),
    ]

    operations = [
        migrations.AddField(
            model_name="rendition",
            name="sound_tracks",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text=(
                    "Of a file with several sounds (videos.transcode.sound_tracks.SoundTrack)."
                ),
            ),
        ),
    ]
