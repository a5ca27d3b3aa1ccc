"""Reports of videos, comments and members, notifications about them, and who may handle them."""

import uuid

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def permit(apps, schema_editor):
    # Made here in the form that Django will find and leave alone, as in 0002_moderators.
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="videos", model="report"
    )
    group, _ = apps.get_model("auth", "Group").objects.get_or_create(name="Moderators")
    for action in ("view", "change"):
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type,
            codename=f"{action}_report",
            defaults={"name": f"Can {action} report"},
        )
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0040_hidden_comments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Report",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("VIDEO", "Video"), ("COMMENT", "Comment"), ("MEMBER", "Member")],
                        max_length=7,
                    ),
                ),
                (
                    "title",
                    models.CharField(
                        help_text="Of the video, as it was then; else the member.", max_length=200
                    ),
                ),
                (
                    "quote",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="The comment or the description, as it was then.",
                    ),
                ),
                ("member_name", models.CharField(max_length=50)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("UNFIT", "Not for this group"),
                            ("RIGHTS", "Copyright or privacy"),
                            ("PICTURED", "I'm in it and don't want to be"),
                            ("HARASSMENT", "Harassment"),
                            ("OTHER", "Something else"),
                        ],
                        max_length=10,
                    ),
                ),
                ("text", models.TextField(blank=True, default="", max_length=2000)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("OPEN", "Open"),
                            ("RESOLVED", "Resolved"),
                            ("REJECTED", "Rejected"),
                        ],
                        default="OPEN",
                        max_length=8,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="reported"
                    ),
                ),
                ("handled_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.TextField(blank=True, default="", max_length=1000)),
                ("message_to_reporter", models.TextField(blank=True, default="", max_length=1000)),
                ("message_to_member", models.TextField(blank=True, default="", max_length=1000)),
            ],
            options={
                "db_table": "reports",
                "ordering": ["state", "created_at", "id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="notification",
            name="notices_kind_known",
        ),
        migrations.RemoveConstraint(
            model_name="notification",
            name="notices_comment_where_it_is_about_one",
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
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="video",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notifications",
                to="videos.video",
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="comment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="reports",
                to="videos.comment",
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="handled_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="member",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="reports_about",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="reporter",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="reports",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="video",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="reports",
                to="videos.video",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="report",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notifications",
                to="videos.report",
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
                    _connector="OR",
                ),
                name="notices_about_one_thing",
            ),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(fields=["state", "created_at", "id"], name="reports_by_state"),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(fields=["member", "state"], name="reports_about_a_member"),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(
                fields=["reporter", "-created_at", "-id"], name="reports_by_a_member"
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("comment__isnull", True), ("kind", "VIDEO")),
                    models.Q(("kind", "COMMENT"), ("video__isnull", True)),
                    models.Q(
                        ("comment__isnull", True), ("kind", "MEMBER"), ("video__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="reports_of_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reason__in", ["UNFIT", "RIGHTS", "PICTURED", "HARASSMENT", "OTHER"])
                ),
                name="reports_reason_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("handled_at__isnull", True), ("state", "OPEN")),
                    models.Q(
                        ("handled_at__isnull", False), ("state__in", ["RESOLVED", "REJECTED"])
                    ),
                    _connector="OR",
                ),
                name="reports_handled_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", "OTHER"), ("text", ""), _negated=True),
                name="reports_text_of_other_reason",
                violation_error_message="Tell us what is wrong.",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.LessThanOrEqual(
                    django.db.models.functions.text.Length("text"), 2000
                ),
                name="reports_text_length",
                violation_error_message="Use at most 2,000 characters.",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "VIDEO"), ("state", "OPEN")),
                fields=("reporter", "video"),
                name="reports_one_open_video",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "COMMENT"), ("state", "OPEN")),
                fields=("reporter", "comment"),
                name="reports_one_open_comment",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "MEMBER"), ("state", "OPEN")),
                fields=("reporter", "member"),
                name="reports_one_open_member",
            ),
        ),
        migrations.RunPython(permit, migrations.RunPython.noop),
    ]
