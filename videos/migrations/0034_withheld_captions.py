"""Withholds captions with coordinates, and adds what processing could not keep.

Nobody knows which tracks of older versions came with a file, so that all tracks with coordinates are
withheld; their uploaders can publish them with one click. Reading them takes up to a second for each
2 MB. `manage.py rebuild_search --missing`, which follows migrations at every start, or else the
workers within ten minutes, take their words out of the search.
"""

from django.db import migrations, models

from videos.transcode.coordinates import holds_coordinates, names_place


def withhold_captions(apps, schema_editor):
    alias = schema_editor.connection.alias
    captions = apps.get_model("videos", "Caption").objects.using(alias)
    words = apps.get_model("videos", "CaptionWords").objects.using(alias)
    documents = apps.get_model("videos", "SearchDocument").objects.using(alias)
    for pk in list(captions.order_by("pk").values_list("pk", flat=True)):
        track = captions.only("label", "body", "video").get(pk=pk)
        if names_place(track.label) or holds_coordinates(track.body):
            captions.filter(pk=pk).update(has_coordinates=True, is_withheld=True)
            words.filter(caption=pk).delete()
            documents.filter(video=track.video_id).update(version=0)


class Migration(migrations.Migration):
    dependencies = [("videos", "0033_job_media_info")]

    operations = [
        migrations.AddField(
            model_name="video",
            name="processing_note",
            field=models.TextField(
                blank=True,
                default="",
                editable=False,
                help_text="What processing could not keep, in a sentence for the uploader.",
            ),
        ),
        migrations.AddField(
            model_name="caption",
            name="has_coordinates",
            field=models.BooleanField(
                default=False,
                help_text="It came with the uploaded file and holds coordinates of a place.",
            ),
        ),
        migrations.AddField(
            model_name="caption",
            name="is_withheld",
            field=models.BooleanField(
                default=False, help_text="Nobody can read it until its uploader publishes it."
            ),
        ),
        migrations.AddConstraint(
            model_name="caption",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_withheld", False), ("has_coordinates", True), _connector="OR"
                ),
                name="captions_withheld_for_coordinates",
            ),
        ),
        migrations.RunPython(withhold_captions, migrations.RunPython.noop),
    ]
