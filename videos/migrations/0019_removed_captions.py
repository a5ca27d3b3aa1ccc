from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0018_deleted_playlists")]

    operations = [
        migrations.AddField(
            model_name="caption",
            name="deleted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.RemoveConstraint(model_name="caption", name="captions_one_of_a_code"),
        migrations.AddConstraint(
            model_name="caption",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=("video", "code"),
                name="captions_one_of_a_code",
            ),
        ),
        migrations.AddIndex(
            model_name="caption",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["deleted_at"],
                name="captions_deleted",
            ),
        ),
    ]
