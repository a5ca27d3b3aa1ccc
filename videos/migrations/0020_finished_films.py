from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0019_removed_captions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(model_name="watchposition", name="watch_positions_latest"),
        migrations.AddField(
            model_name="watchposition",
            name="is_finished",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="watchposition",
            index=models.Index(
                condition=models.Q(("is_finished", False)),
                fields=["member", "-updated_at"],
                name="watch_positions_latest",
            ),
        ),
    ]
