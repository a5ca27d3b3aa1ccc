import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("siteconfig", "0007_backup_runs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DoctorRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="As the doctor's log names it.", max_length=30, unique=True
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WAITING", "Waiting for a worker"),
                            ("RUNNING", "Running"),
                            ("DONE", "Done"),
                            ("STOPPED", "Could not run"),
                        ],
                        default="WAITING",
                        max_length=7,
                    ),
                ),
                (
                    "is_fix",
                    models.BooleanField(default=False, help_text="Whether it mends what it finds."),
                ),
                (
                    "wanted",
                    models.JSONField(
                        blank=True,
                        help_text="Pairs of check and subject that are to be mended; null for all.",
                        null=True,
                    ),
                ),
                ("done_checks", models.PositiveSmallIntegerField(default=0)),
                ("all_checks", models.PositiveSmallIntegerField(default=0)),
                ("current_check", models.CharField(blank=True, default="", max_length=50)),
                ("findings", models.JSONField(default=list, help_text="The first few hundred.")),
                (
                    "found",
                    models.PositiveIntegerField(
                        default=0, help_text="How many findings there were."
                    ),
                ),
                ("mended", models.PositiveIntegerField(default=0)),
                (
                    "problem",
                    models.TextField(blank=True, default="", help_text="Why it could not run."),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "touched_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="When it last went on."
                    ),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "doctor_runs",
                "verbose_name": "run of the doctor",
                "verbose_name_plural": "doctor",
                "ordering": ["-created_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["WAITING", "RUNNING", "DONE", "STOPPED"])
                        ),
                        name="doctor_runs_state_known",
                    )
                ],
            },
        ),
    ]
