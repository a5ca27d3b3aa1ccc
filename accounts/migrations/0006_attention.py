"""What the attention page reads: refused uploads of members, and unused invitations."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_trashed_members")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="quota_refused_at",
            field=models.DateTimeField(
                editable=False,
                help_text="When an upload last did not fit the quota (accounts.services.quota_refusals).",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="quota_refused_bytes",
            field=models.BigIntegerField(
                default=0,
                editable=False,
                help_text="The size of that upload; 1 if it is unknown.",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("quota_refused_at__isnull", False)),
                fields=["quota_refused_at"],
                name="users_quota_refused",
            ),
        ),
        migrations.AddIndex(
            model_name="invitation",
            index=models.Index(
                condition=models.Q(("used_at", None)),
                fields=["expires_at"],
                name="invitations_unused",
            ),
        ),
    ]
