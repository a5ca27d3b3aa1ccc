"""Keeps the words of captions, and lets SQLite's index follow its documents in small pieces.

Only empty tables and a nullable column: nothing that is stored is rewritten, whatever the size of
the site. Captions that were added before are folded by `manage.py rebuild_search --missing`, which
scripts/run does at every start, or else by the workers within ten minutes.
"""

import django.db.models.deletion
from django.db import migrations, models

# Two statements each rather than an upsert: inside a trigger the conflict clause of the statement
# that fires it (INSERT OR IGNORE) would win.
_NOTE = """
    UPDATE search_changes SET wants = {wants} WHERE document = {row}.id;
    INSERT INTO search_changes (document, has, wants)
    SELECT {row}.id, {has}, {wants}
    WHERE NOT EXISTS (SELECT 1 FROM search_changes WHERE document = {row}.id);
"""
_DROP = tuple(f"DROP TRIGGER search_documents_{name}" for name in ("added", "removed", "changed"))
_CREATE = (
    "CREATE TRIGGER search_documents_added AFTER INSERT ON search_documents BEGIN"
    + _NOTE.format(row="new", has="NULL", wants="new.words")
    + "END",
    "CREATE TRIGGER search_documents_removed AFTER DELETE ON search_documents BEGIN"
    + _NOTE.format(row="old", has="old.words", wants="NULL")
    + "END",
    "CREATE TRIGGER search_documents_changed AFTER UPDATE OF words ON search_documents"
    " WHEN old.words IS NOT new.words BEGIN"
    + _NOTE.format(row="new", has="old.words", wants="new.words")
    + "END",
)
# As in 0010; the index is made anew, since changes may wait.
_CREATE_OLD = (
    """
    CREATE TRIGGER search_documents_added AFTER INSERT ON search_documents BEGIN
        INSERT INTO video_search (rowid, words) VALUES (new.id, new.words);
    END
    """,
    """
    CREATE TRIGGER search_documents_removed AFTER DELETE ON search_documents BEGIN
        INSERT INTO video_search (video_search, rowid, words)
        VALUES ('delete', old.id, old.words);
    END
    """,
    """
    CREATE TRIGGER search_documents_changed AFTER UPDATE ON search_documents BEGIN
        INSERT INTO video_search (video_search, rowid, words)
        VALUES ('delete', old.id, old.words);
        INSERT INTO video_search (rowid, words) VALUES (new.id, new.words);
    END
    """,
    "INSERT INTO video_search (video_search) VALUES ('rebuild')",
)


def note_changes(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for statement in (*_DROP, *_CREATE):
            schema_editor.execute(statement)


def write_at_once(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for statement in (*_DROP, *_CREATE_OLD):
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("videos", "0020_finished_films")]

    operations = [
        migrations.CreateModel(
            name="CaptionWords",
            fields=[
                (
                    "caption",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="folded",
                        serialize=False,
                        to="videos.caption",
                    ),
                ),
                (
                    "words",
                    models.TextField(
                        help_text="Its different words in the order in which they come."
                    ),
                ),
            ],
            options={"db_table": "caption_words"},
        ),
        migrations.CreateModel(
            name="SearchChange",
            fields=[
                (
                    "document",
                    models.BigIntegerField(
                        help_text="Of SearchDocument, or gone.", primary_key=True, serialize=False
                    ),
                ),
                (
                    "has",
                    models.TextField(
                        help_text="The words that the index has of it; null when it has no row of it.",
                        null=True,
                    ),
                ),
                (
                    "wants",
                    models.TextField(
                        help_text="The words that it is to have; null when the document is gone.",
                        null=True,
                    ),
                ),
            ],
            options={"db_table": "search_changes"},
        ),
        migrations.AddField(
            model_name="searchdocument",
            name="spoken",
            field=models.TextField(
                help_text="The words of the captions, so that an edit need not read them.",
                null=True,
            ),
        ),
        migrations.RunPython(note_changes, write_at_once),
    ]
