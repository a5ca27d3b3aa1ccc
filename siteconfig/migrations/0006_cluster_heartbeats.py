from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("siteconfig", "0005_days_alive")]

    operations = [
        migrations.CreateModel(
            name="ClusterHeartbeat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("cluster", models.CharField(max_length=100)),
                ("host", models.CharField(max_length=255)),
                ("beat_at", models.DateTimeField()),
            ],
            options={
                "db_table": "cluster_heartbeats",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("cluster", "host"), name="cluster_heartbeats_one_a_host"
                    )
                ],
            },
        ),
    ]
