"""Rows hold the name of a storage root and a key relative to it, no absolute paths.

Every absolute root that rows name becomes a storage root: that of the settings where it is the
same folder, else one with a new name (videos-2, ...). Of a site that was moved or copied before
this upgrade the rows name folders elsewhere: where the files lie in the folder of the settings,
or at the same place below this project's media/, the rows go there.

At the end every row is read again and has to lead to the path that was expected; otherwise the
migration fails and changes nothing. Folders that hold a file which a row names get the site's
marker (siteconfig.roots).
"""

import hashlib
import json
import logging
import os
from collections import defaultdict
from pathlib import Path

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

from clipset.lib.pictures import write_whole
from siteconfig.places import SETTINGS, as_stored, located, placed_by_host

logger = logging.getLogger(__name__)

BATCH = 500
MARKER = ".clipset-root"


class StoragePathsError(Exception):
    """The rows would not lead to the same files. Nothing was changed."""


def named_files(apps):
    """(kind, root, key) of every file that a row names, with absolute roots. In a fixed order."""
    videos = apps.get_model("videos", "Video").objects.order_by("pk")
    columns = ("storage_root", "filename", "thumbnail_root", "thumbnail_filename")
    columns += ("storyboard_root", "storyboard_filename", "source_key", "original_key")
    for row in videos.values_list(*columns).iterator(chunk_size=2000):
        root, name, thumbnail_root, thumbnail, storyboard_root, storyboard, source, original = row
        if root:
            yield "videos", root, name
        if thumbnail_root and thumbnail:
            yield "thumbnails", thumbnail_root, thumbnail
        if storyboard_root and storyboard:
            yield "thumbnails", storyboard_root, storyboard
        if source:
            yield "temp", *split(source, 2)
        if original:
            yield "originals", *split(original, 1)
    renditions = apps.get_model("videos", "Rendition").objects.order_by("pk")
    rows = renditions.values_list("root", "filename", "is_complete")
    for root, name, is_complete in rows.iterator(chunk_size=2000):
        if is_complete:
            yield "videos", root, name
        else:  # grows in the folder of an attempt: temp/job-1/000001-…/
            yield "temp", *split(f"{root}/{name}", 3)
    for folder in uploads(apps).values_list("folder", flat=True).iterator(chunk_size=2000):
        yield "temp", *split(folder, 1)


def uploads(apps):
    """Those whose folder may be there. The others' is gone, or belongs to a video."""
    return apps.get_model("videos", "Upload").objects.filter(state="OPEN").order_by("pk")


def split(path, depth):
    """An absolute path as a root and a key of so many names."""
    parts = Path(path).parts
    return str(Path(*parts[:-depth])), "/".join(parts[-depth:])


def same_folder(first, second):
    return os.path.realpath(first) == os.path.realpath(second)


def moved_to(root):
    """The same place below this project's media/; None for a root that lies below no media/."""
    parts = Path(root).parts
    if "media" not in parts:
        return None
    last = len(parts) - 1 - parts[::-1].index("media")
    return Path(settings.MEDIA_ROOT, *parts[last + 1 :])


def old_media(root):
    return root[: root.rindex("/media") + len("/media")] if moved_to(root) else None


class Roots:
    """Which root each absolute folder of the rows becomes."""

    def __init__(self, apps):
        self.rows = apps.get_model("siteconfig", "StorageRoot").objects
        self.found = defaultdict(lambda: defaultdict(int))  # (kind, root): folder: files there
        self.known = {}  # (kind, root): where its files may lie
        self.moved = set()  # folders media/ elsewhere whose files were found here
        self.folders = {}  # (kind, root): where its files lie from now on
        self.names = {}  # (kind, root): the root's name
        self.held = set()  # names of roots that hold a file which a row names
        self.named = set()  # names of roots in which a row names a file

    def learn(self, apps):
        """Looks where the files lie."""
        for kind, root, key in named_files(apps):
            if not root.startswith("/"):
                raise StoragePathsError(f"A row has the relative folder '{root}'.")
            found = self.found[kind, root]
            candidates = self.candidates(kind, root)
            if len(candidates) == 1 and found[candidates[0]]:
                continue  # where there is no choice one file is enough
            for folder in candidates:
                found[folder] += os.path.lexists(folder / key)
        self.choose()

    def candidates(self, kind, root):
        """The first one wins where they hold equally many files."""
        if (kind, root) not in self.known:
            own, moved = Path(placed_by_host(kind)), moved_to(root)
            found = [own] if same_folder(own, root) else [own, moved, Path(root)]
            self.known[kind, root] = list(dict.fromkeys(it for it in found if it is not None))
        return self.known[kind, root]

    def choose(self):
        for (kind, root), found in self.found.items():
            best = max(self.candidates(kind, root), key=lambda folder: found[folder])
            if not found[best]:
                best = Path(root)
            elif best != Path(root) and old_media(root):
                self.moved.add(old_media(root))
            self.folders[kind, root] = best
        for kind, root in self.found:
            # What else lay below a media/ that was moved went with it, though no file is there.
            folder = self.folders[kind, root]
            if folder == Path(root) and not folder.exists() and old_media(root) in self.moved:
                self.folders[kind, root] = moved_to(root)
        for (kind, root), folder in self.folders.items():
            name = self.names[kind, root] = self.name_of(kind, folder)
            self.named.add(name)
            if self.found[kind, root][folder]:
                self.held.add(name)

    def name_of(self, kind, folder):
        """Of the root for this folder, which is made where there is none."""
        if same_folder(placed_by_host(kind), folder):
            return kind
        path = as_stored(folder)
        known = self.rows.filter(kind=kind, path=path).first()
        if known is None:
            number = 2
            while self.rows.filter(name=f"{kind}-{number}").exists():
                number += 1
            known = self.rows.create(name=f"{kind}-{number}", kind=kind, path=path)
            logger.info("%s is now the storage root '%s'", folder, known.name)
        return known.name

    def folder_of(self, name):
        """Where a root lies, from its row and the settings alone."""
        placed = placed_by_host(name)
        return Path(placed) if placed else located(self.rows.get(name=name).path)

    def of_configuration(self, path):
        """The path that the configuration is to hold."""
        own = placed_by_host("videos")
        if ("videos", path) in self.names:
            name = self.names["videos", path]
        elif same_folder(own, located(path)):
            name = "videos"
        elif self.was_moved(path) and same_folder(own, moved_to(path)):
            name = "videos"  # no row names a file there
        else:
            name = self.name_of("videos", located(path))
        return self.rows.get(name=name).path

    def was_moved(self, path):
        return bool(moved_to(path)) and (
            not located(path).exists() or old_media(path) in self.moved
        )


def convert(apps, schema_editor):
    roots = Roots(apps)
    roots.learn(apps)
    expected = digest(f"{roots.folders[kind, root]}/{key}" for kind, root, key in named_files(apps))
    convert_roots(apps, roots)
    convert_keys(apps, roots)
    config = apps.get_model("siteconfig", "Config").objects
    for path in config.values_list("video_storage_path", flat=True):
        config.update(video_storage_path=roots.of_configuration(path))
    if digest(resolved_files(apps, roots)) != expected:
        raise StoragePathsError("The rows would name other files than before.")
    run_deferred_checks(schema_editor)
    mark(apps, roots)


def run_deferred_checks(schema_editor):
    """PostgreSQL alters no table while checks of foreign keys are pending."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.connection.check_constraints()


def convert_roots(apps, roots):
    """Where the root has a column of its own."""
    videos = apps.get_model("videos", "Video").objects
    renditions = apps.get_model("videos", "Rendition").objects.filter(is_complete=True)
    for (kind, root), name in roots.names.items():
        if kind == "videos":
            videos.filter(storage_root=root).update(storage_root=name)
            renditions.filter(root=root).update(root=name)
        if kind == "thumbnails":
            videos.filter(thumbnail_root=root).update(thumbnail_root=name)
            videos.filter(storyboard_root=root).update(storyboard_root=name)
    # Left over where there is no file.
    videos.filter(thumbnail_root__startswith="/").update(thumbnail_root="")
    videos.filter(storyboard_root__startswith="/").update(storyboard_root="")


def convert_keys(apps, roots):
    """Where one column held the whole path."""

    def change(video):
        if video.source_key:
            root, video.source_key = split(video.source_key, 2)
            video.source_root = roots.names["temp", root]
        if video.original_key:
            root, video.original_key = split(video.original_key, 1)
            video.original_root = roots.names["originals", root]

    model = apps.get_model("videos", "Video")
    rows = model.objects.exclude(source_key="", original_key="")
    fields = ("source_root", "source_key", "original_root", "original_key")
    in_batches(rows, fields, change)

    def change_growing(rendition):
        root, rendition.filename = split(f"{rendition.root}/{rendition.filename}", 3)
        rendition.root = roots.names["temp", root]

    model = apps.get_model("videos", "Rendition")
    in_batches(model.objects.filter(is_complete=False), ("root", "filename"), change_growing)

    def change_upload(upload):
        root, name = split(upload.folder, 1)
        if name != f"upload-{upload.pk.hex}":
            raise StoragePathsError(f"The folder of an upload is called '{name}'.")
        upload.root = roots.names["temp", root]

    in_batches(uploads(apps), ("root",), change_upload)


def in_batches(rows, fields, change):
    """Each row once, however its columns change."""
    last = None
    while True:
        left = rows.order_by("pk") if last is None else rows.filter(pk__gt=last).order_by("pk")
        batch = list(left.only("pk", *needed_columns(rows.model, fields))[:BATCH])
        if not batch:
            return
        for row in batch:
            change(row)
        rows.model.objects.bulk_update(batch, fields)
        last = batch[-1].pk


def needed_columns(model, fields):
    return [*fields, "folder"] if model.__name__ == "Upload" else fields


def resolved_files(apps, roots):
    """The paths to which the converted rows lead, in the order of `named_files`."""
    folders = {name: roots.folder_of(name) for name in {*SETTINGS, *roots.names.values()}}
    videos = apps.get_model("videos", "Video").objects.order_by("pk")
    pairs = (
        ("storage_root", "filename"),
        ("thumbnail_root", "thumbnail_filename"),
        ("storyboard_root", "storyboard_filename"),
        ("source_root", "source_key"),
        ("original_root", "original_key"),
    )
    columns = [column for pair in pairs for column in pair]
    for row in videos.values_list(*columns).iterator(chunk_size=2000):
        for root, key in zip(row[::2], row[1::2], strict=True):
            if root and key:
                yield f"{folders[root]}/{key}"
    renditions = apps.get_model("videos", "Rendition").objects.order_by("pk")
    for root, key in renditions.values_list("root", "filename").iterator(chunk_size=2000):
        yield f"{folders[root]}/{key}"
    for pk, root in uploads(apps).values_list("pk", "root").iterator(chunk_size=2000):
        yield f"{folders[root]}/upload-{pk.hex}"


def digest(paths):
    hashed, count = hashlib.sha256(), 0
    for path in paths:
        folder, _, name = path.rpartition("/")
        hashed.update(f"{os.path.realpath(folder)}/{name}\0".encode("utf-8", "surrogateescape"))
        count += 1
    return count, hashed.hexdigest()


def mark(apps, roots):
    """Roots that hold a file which a row names; and the other default roots in a media/ that does,
    unless rows name files in them which are not there."""
    media = roots.folder_of("images")
    users = apps.get_model("accounts", "User").objects.exclude(avatar="")
    covers = apps.get_model("categories", "Category").objects.exclude(image="")
    images = [media / "avatars" / it for it in users.values_list("avatar", flat=True)[:BATCH]]
    images += [media / "categories" / it for it in covers.values_list("image", flat=True)[:BATCH]]
    inner = [roots.folder_of(name) for name in roots.held]
    if any(map(os.path.lexists, images)) or any(it.is_relative_to(media) for it in inner):
        roots.held.add("images")
        for name in set(SETTINGS) - roots.named:
            folder = roots.folder_of(name)
            if folder.is_relative_to(media) and folder.is_dir():
                roots.held.add(name)
    site = apps.get_model("siteconfig", "Config").objects.values_list("site_id", flat=True).first()
    for name in sorted(roots.held) if site else ():
        write_marker(roots, name, site)


def write_marker(roots, name, site):
    """Another marker stays: the folder is another site's, and this one must not write there."""
    marker = roots.folder_of(name) / MARKER
    try:
        if not marker.exists():
            content = json.dumps({"site": str(site), "root": name}) + "\n"
            write_whole(marker, content.encode())
    except OSError as error:
        logger.warning("%s could not be marked, see manage.py mark_root: %s", marker.parent, error)
        return
    roots.rows.filter(name=name, marked_at=None).update(marked_at=timezone.now())


def convert_back(apps, schema_editor):
    roots = Roots(apps)
    videos = apps.get_model("videos", "Video").objects
    renditions = apps.get_model("videos", "Rendition").objects
    folders = {name: roots.folder_of(name) for name in roots.rows.values_list("name", flat=True)}
    for name, folder in folders.items():
        videos.filter(storage_root=name).update(storage_root=str(folder))
        videos.filter(thumbnail_root=name).update(thumbnail_root=str(folder))
        videos.filter(storyboard_root=name).update(storyboard_root=str(folder))
        renditions.filter(root=name, is_complete=True).update(root=str(folder))

    def change(video):
        if video.source_key:
            video.source_key = f"{folders[video.source_root]}/{video.source_key}"
        if video.original_key:
            video.original_key = f"{folders[video.original_root]}/{video.original_key}"

    fields = ("source_root", "source_key", "original_root", "original_key")
    in_batches(videos.exclude(source_key="", original_key=""), fields, change)

    def change_growing(rendition):
        path = folders[rendition.root] / rendition.filename
        rendition.root, rendition.filename = str(path.parent), path.name

    in_batches(renditions.filter(is_complete=False), ("root", "filename"), change_growing)

    def change_upload(upload):
        upload.folder = f"{folders[upload.root]}/upload-{upload.pk.hex}"

    in_batches(apps.get_model("videos", "Upload").objects.all(), ("root", "folder"), change_upload)
    config = apps.get_model("siteconfig", "Config").objects
    for path in config.values_list("video_storage_path", flat=True):
        row = roots.rows.filter(kind="videos", path=path).first()
        config.update(video_storage_path=str(folders[row.name] if row else located(path)))
    run_deferred_checks(schema_editor)


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0022_request_of_jobs"),
        ("siteconfig", "0004_storage_roots"),
        ("accounts", "0002_throttle"),
        ("categories", "0001_initial"),
    ]

    operations = [
        migrations.RenameField("video", "source_path", "source_key"),
        migrations.RenameField("video", "original_path", "original_key"),
        migrations.AddField(
            "video",
            "source_root",
            models.CharField(blank=True, default="", editable=False, max_length=50),
        ),
        migrations.AddField(
            "video",
            "original_root",
            models.CharField(blank=True, default="", editable=False, max_length=50),
        ),
        migrations.AddField(
            "upload",
            "root",
            models.CharField(
                default="temp", help_text="The storage root that its folder lies in.", max_length=50
            ),
        ),
        # So that the way back can add it again.
        migrations.AlterField("upload", "folder", models.CharField(default="", max_length=700)),
        migrations.RunPython(convert, convert_back),
        migrations.RemoveField("upload", "folder"),
        migrations.AlterField(
            "video",
            "source_key",
            models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="The uploaded file, until processing is done with it.",
                max_length=255,
            ),
        ),
        migrations.AlterField(
            "video",
            "original_key",
            models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="The uploaded file, kept because the video had to be encoded.",
                max_length=255,
            ),
        ),
        migrations.AlterField(
            "video", "storage_root", models.CharField(editable=False, max_length=50)
        ),
        migrations.AlterField(
            "video",
            "thumbnail_root",
            models.CharField(blank=True, default="", editable=False, max_length=50),
        ),
        migrations.AlterField(
            "video",
            "storyboard_root",
            models.CharField(blank=True, default="", editable=False, max_length=50),
        ),
        migrations.AlterField(
            "rendition",
            "root",
            models.CharField(help_text="The name of a storage root.", max_length=50),
        ),
        migrations.AlterField(
            "rendition",
            "filename",
            models.CharField(help_text="Relative to the root.", max_length=100),
        ),
    ]
