"""Notifications about a member's account."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0047_stored_bytes"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="notification",
            name="notices_kind_known",
        ),
        migrations.RemoveConstraint(
            model_name="notification",
            name="notices_about_one_thing",
        ),
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[
                    ("REPLIED", "Replied"),
                    ("COMMENTED", "Commented"),
                    ("PROCESSED", "Ready"),
                    ("FAILED", "Failed"),
                    ("ANSWERED", "Report handled"),
                    ("MODERATED", "Message from the moderators"),
                    ("HIDDEN", "Hidden"),
                    ("UNHIDDEN", "Unhidden"),
                    ("KEPT", "Stays hidden"),
                    ("ACCOUNT", "Account"),
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="text",
            field=models.TextField(
                blank=True,
                default="",
                help_text="What a moderator or the site wrote.",
                max_length=1000,
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "REPLIED",
                            "COMMENTED",
                            "PROCESSED",
                            "FAILED",
                            "ANSWERED",
                            "MODERATED",
                            "HIDDEN",
                            "UNHIDDEN",
                            "KEPT",
                            "ACCOUNT",
                        ],
                    )
                ),
                name="notices_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("comment__isnull", False),
                        ("kind__in", ["REPLIED", "COMMENTED"]),
                        ("report__isnull", True),
                        ("video__isnull", False),
                    ),
                    models.Q(
                        ("comment__isnull", True),
                        ("kind__in", ["PROCESSED", "FAILED", "UNHIDDEN", "KEPT"]),
                        ("report__isnull", True),
                        ("video__isnull", False),
                    ),
                    models.Q(
                        ("kind", "HIDDEN"), ("report__isnull", True), ("video__isnull", False)
                    ),
                    models.Q(
                        ("comment__isnull", True),
                        ("kind__in", ["ANSWERED", "MODERATED"]),
                        ("report__isnull", False),
                        ("video__isnull", True),
                    ),
                    models.Q(
                        ("comment__isnull", True),
                        ("kind", "ACCOUNT"),
                        ("report__isnull", True),
                        ("video__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="notices_about_one_thing",
            ),
        ),
    ]
