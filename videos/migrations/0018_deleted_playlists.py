from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0017_likes_by_member")]

    operations = [
        migrations.AddField(
            model_name="playlist",
            name="deleted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="playlist",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["deleted_at"],
                name="playlists_deleted",
            ),
        ),
    ]
