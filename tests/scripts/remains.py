"""Checks of a site whose work is done: its rows and files belong together, one to one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from siteconfig.roots import MARKER
from tests.scripts.member import rows, shell
from videos.filenames import ORIGINAL_QUALITY
from videos.services.processing.jobs import LOST, MAX_FAILURES, MAX_LOSSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.scripts.conftest import Clone

REFUSED = "This isn't a video file in a supported format"
TIDY_UP_LATER = """
from datetime import timedelta
from django.utils import timezone
from videos.models import Upload
from videos.tasks import look_after_jobs, tidy_up
Upload.objects.update(expires_at=timezone.now() - timedelta(days=8))
look_after_jobs()
tidy_up()
"""


# Rows that workers have to work off. Jobs of the trash wait until their video is restored.
UNSETTLED = (
    (
        "SELECT * FROM jobs WHERE state = 'RUNNING' OR state = 'WAITING' AND video_id NOT IN "
        "(SELECT id FROM videos WHERE trashed_at IS NOT NULL)"
    ),
    "SELECT * FROM video_deletions",
    "SELECT username FROM users WHERE is_moving OR deleting_since IS NOT NULL",
)


def is_tidy(clone: Clone) -> bool:
    """Returns whether workers have done all their work and every file belongs to a row."""
    return not any(unsettled(clone))


def unsettled(clone: Clone) -> tuple[list[tuple[object, ...]], set[str]]:
    """Returns rows that are not worked off yet, and `litter`."""
    return [row for query in UNSETTLED for row in rows(clone, query)], litter(clone)


def litter(clone: Clone) -> set[str]:
    """Returns files that belong to no row ("unnamed: …"), and files of rows that are missing
    ("missing: …").

    Below media/temp only the folders count, but none in which a killed worker made a thumbnail, as
    those are swept after half an hour.
    """
    there = {
        str(path.relative_to(clone.root / "media"))
        for path in (clone.root / "media").rglob("*")
        if path.is_file() or path.parent.name == "temp"
    }
    there = {path for path in there if path.count("/") == 1 and Path(path).name != MARKER}
    there = {path for path in there if not path.startswith("temp/picture-")}
    wanted, uploads = named(clone), open_uploads(clone)
    # An open upload may or may not have made its folder yet.
    unnamed, missing = there - wanted - uploads, wanted - there - uploads
    return {f"unnamed: {path}" for path in unnamed} | {f"missing: {path}" for path in missing}


def lost_files(clone: Clone) -> set[str]:
    """Returns files that rows name and that are not there: none at any time, since a file is there
    before a row names it, and is removed after no row does."""
    media = clone.root / "media"
    if missing := {path for path in named(clone) if not (media / path).exists()}:
        missing &= named(clone)
    return missing


def open_uploads(clone: Clone) -> set[str]:
    found = rows(clone, "SELECT id FROM uploads WHERE state = 'OPEN'")
    return {f"temp/upload-{str(key).replace('-', '')}" for (key,) in found}


def named(clone: Clone) -> set[str]:
    """Returns the finished files that rows name, relative to the media folder."""
    sources = "SELECT source_key FROM videos WHERE source_key <> ''"
    found = {f"temp/{Path(str(path)).parent.name}" for (path,) in rows(clone, sources)}
    for folder, query in {
        "videos": "SELECT filename FROM renditions WHERE is_complete",
        "thumbnails": "SELECT thumbnail_filename FROM videos WHERE thumbnail_filename <> '' "
        "UNION SELECT storyboard_filename FROM videos WHERE storyboard_filename <> ''",
        "originals": "SELECT original_key FROM videos WHERE original_key <> ''",
    }.items():
        found |= {f"{folder}/{Path(str(name)).name}" for (name,) in rows(clone, query)}
    return found


def check_what_is_left(clone: Clone, video_files: Mapping[str, set[str]], told: list[str]) -> None:
    """Checks all rows and files of a site.

    Args:
        video_files: names of uploaded files, with the names of the renditions that each must have;
            none for a file that must be refused.
        told: addresses of the videos whose uploads the site acknowledged.
    """
    videos = rows(
        clone,
        "SELECT id, short_id, processing_status, error_message, original_filename, source_key, "
        "storyboard_filename, original_key FROM videos",
    )
    assert {url.split("/")[2] for url in told} <= {str(video[1]) for video in videos}
    for video in videos:
        check_video(clone, video, video_files[str(video[4])])
    assert any(status == "COMPLETED" for _, _, status, *_ in videos)
    check_rows(clone)
    for (filename,) in rows(clone, "SELECT filename FROM renditions"):
        check_plays(clone.root / "media/videos" / str(filename))
    shell(clone, TIDY_UP_LATER)
    assert rows(clone, "SELECT COUNT(*) FROM uploads") == [(0,)]
    assert not litter(clone)
    check_quota(clone)


def check_video(clone: Clone, video: tuple[object, ...], names: set[str]) -> None:
    """Checks that a failed video has only a reason, and another one all renditions it must have."""
    key, short_id, status, error, _, source, storyboard, original = video
    of_jobs = "SELECT kind, state, failures, losses FROM jobs WHERE video_id = ? ORDER BY id"
    of_renditions = "SELECT name FROM renditions WHERE video_id = ?"
    jobs = rows(clone, of_jobs, key)
    have = {str(name) for (name,) in rows(clone, of_renditions, key)}
    if status == "FAILED":
        check_reason(str(short_id), str(error), jobs[-1], is_refused=not names, kept=bool(source))
        assert not have
        return
    assert status == "COMPLETED", (short_id, status)
    assert names, f"{short_id} is no video"
    assert not error
    assert not source
    assert [kind for kind, *_ in jobs][1:] == ["ENRICH"]
    _, ending, failures, losses = jobs[-1]
    if ending == "FAILED":  # what it has is fewer, but plays
        assert failures == MAX_FAILURES or losses == MAX_LOSSES
        assert have in (names, {"source"})
    else:
        # That of a source which some browsers play is made beside, and may be made later.
        assert have - {ORIGINAL_QUALITY} == names
        assert storyboard
    assert bool(original) == ("source" not in names)


def check_reason(
    short_id: str, error: str, job: tuple[object, ...], *, is_refused: bool, kept: bool
) -> None:
    """Checks that the reason is true and that the source is kept for a retry."""
    _, state, failures, losses = job
    assert state == "FAILED"
    if failures == MAX_FAILURES:
        assert "disk is full" in error, (short_id, error)
    elif error == LOST:
        assert losses == MAX_LOSSES, short_id
    else:
        assert is_refused, (short_id, error)
        assert error.startswith(REFUSED), error
    assert kept, f"{short_id}: staff may try it again for 14 days"


def check_rows(clone: Clone) -> None:
    assert rows(clone, "SELECT COUNT(*) FROM jobs WHERE lease_owner <> ''") == [(0,)]
    assert rows(clone, "SELECT COUNT(*) FROM jobs WHERE long_slot IS NOT NULL") == [(0,)]
    assert rows(clone, "SELECT COUNT(*) FROM renditions WHERE NOT is_complete") == [(0,)]
    sizes = (
        "SELECT filename, size_bytes FROM renditions UNION ALL "
        "SELECT v.filename, r.size_bytes FROM videos v JOIN renditions r USING (filename)"
    )
    for filename, size in rows(clone, sizes):
        assert (clone.root / "media/videos" / str(filename)).stat().st_size == size
    stored = (
        "SELECT COUNT(*) FROM videos v WHERE processing_status = 'COMPLETED' AND stored_bytes <> "
        "(SELECT SUM(size_bytes) FROM renditions r WHERE r.video_id = v.id)"
    )
    assert rows(clone, stored) == [(0,)]


def check_plays(path: Path) -> None:
    """Checks that all frames and all audio of a file can be decoded."""
    decode: list[str | Path] = ["ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-"]
    done = subprocess.run(decode, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), path


def check_quota(clone: Clone) -> None:
    charged = rows(
        clone,
        "SELECT COALESCE(SUM(quota_bytes), 0) FROM videos WHERE uploaded_by = "
        "(SELECT id FROM users WHERE username = 'bob')",
    )
    used = rows(clone, "SELECT weekly_upload_bytes FROM users WHERE username = 'bob'")
    assert used == charged
