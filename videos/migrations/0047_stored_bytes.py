"""The size of each caption track, each member's stored bytes, jobs that wait for room on a disk, and
ended uploads without their metadata."""

from django.conf import settings
from django.db import migrations, models
from django.db.models import Case, F, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from clipset.database.expressions import OctetLength


def fill(apps, schema_editor):
    uploads = apps.get_model("videos", "Upload").objects.exclude(state="OPEN")
    uploads.update(filename="", title="", description="", metadata="", category=None, playlist=None)
    captions = apps.get_model("videos", "Caption").objects.order_by()
    captions.update(size_bytes=OctetLength("body"))
    whole = models.BigIntegerField()
    kept = Case(
        When(~Q(source_key="") | ~Q(original_key=""), then=F("file_size_bytes")),
        default=Value(0),
        output_field=whole,
    )
    stored = Coalesce(F("stored_bytes"), Value(0), output_field=whole) + kept
    videos = apps.get_model("videos", "Video").objects.order_by().filter(uploaded_by=OuterRef("pk"))
    of_videos = videos.values("uploaded_by").annotate(total=Sum(stored)).values("total")[:1]
    theirs = captions.filter(video__uploaded_by=OuterRef("pk")).values("video__uploaded_by")
    of_captions = theirs.annotate(total=Sum("size_bytes")).values("total")[:1]
    apps.get_model("accounts", "User").objects.update(
        stored_bytes=Coalesce(Subquery(of_videos), 0, output_field=whole)
        + Coalesce(Subquery(of_captions), 0, output_field=whole)
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_stored_bytes"),
        ("videos", "0046_lists_of_staff_by_time"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="caption",
            name="size_bytes",
            field=models.IntegerField(default=0, help_text="Length of the body in bytes."),
        ),
        migrations.AddIndex(
            model_name="caption",
            index=models.Index(fields=["video", "size_bytes"], name="captions_sizes"),
        ),
        migrations.AddField(
            model_name="job",
            name="waits_for_room",
            field=models.BooleanField(
                default=False, help_text="It waits until a disk has room for its result."
            ),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(fields=["user", "-created_at"], name="uploads_by_member"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
