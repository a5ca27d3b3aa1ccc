"""Days on which the site was alive; those before this table are taken from its members."""

from datetime import UTC, timedelta

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


def take_days_from_members(apps, schema_editor):
    """Every day from the first member to the last use of the site, as far as the clock has come:
    else what is kept for a year would be kept for another one after the upgrade."""
    user, session = apps.get_model("accounts", "User"), apps.get_model("accounts", "Session")
    bounds = user.objects.aggregate(first=models.Min("created_at"), last=models.Max("created_at"))
    if bounds["first"] is None:
        return
    seen = session.objects.aggregate(last=models.Max("last_seen_at"))["last"] or bounds["last"]
    first = bounds["first"].astimezone(UTC).date()
    last = min(max(bounds["last"], seen), timezone.now()).astimezone(UTC).date()
    days = [first + timedelta(days=day) for day in range((last - first).days + 1)]
    day_alive = apps.get_model("siteconfig", "DayAlive")
    day_alive.objects.bulk_create([day_alive(date=day) for day in days], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("siteconfig", "0004_storage_roots"),
        ("accounts", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DayAlive",
            fields=[("date", models.DateField(primary_key=True, serialize=False))],
            options={"db_table": "days_alive"},
        ),
        migrations.RunPython(take_days_from_members, migrations.RunPython.noop),
    ]
