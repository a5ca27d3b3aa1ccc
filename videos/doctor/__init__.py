"""The doctor's checks of videos, registered in siteconfig.doctor; one module per subject."""

from __future__ import annotations

from siteconfig.doctor import register_doctor_check, register_doctor_stop
from siteconfig.doctor_checks import findings_of_health
from siteconfig.services.doctor_log import register_undo
from videos.doctor import files, mending, pictures, renditions, rows, search, work
from videos.services.storage import missing_roots


def stop_without_roots() -> str:
    """Returns why the doctor must not run; "" if all roots are there.

    All files of a root that is not available would seem to be deleted.
    """
    away = missing_roots()
    return " ".join(
        f"The storage root '{name}' is not available: {why}" for name, why in away.items()
    )


def register_checks() -> None:
    register_doctor_stop(stop_without_roots)
    register_undo("set_aside", mending.undo_set_aside)
    register_undo("put_back", mending.undo_put_back)
    register_doctor_check("missing_files", files.find_missing, files.mend_missing)
    register_doctor_check("unknown_files", files.find_unknown, files.mend_unknown)
    register_doctor_check("hashes", files.find_changed)
    register_doctor_check("images", pictures.find_missing_images, pictures.mend_image)
    register_doctor_check("sizes", renditions.find_wrong_sizes, renditions.mend_size)
    register_doctor_check("renditions", renditions.find_broken, renditions.mend_broken)
    register_doctor_check("thumbnails", pictures.find_thumbnails, pictures.mend_thumbnail)
    register_doctor_check("storyboards", pictures.find_storyboards, pictures.mend_storyboard)
    register_doctor_check("small_thumbnails", pictures.find_small, pictures.mend_small)
    register_doctor_check("uploads", work.find_stale_uploads, work.mend_upload)
    register_doctor_check("jobs", work.find_stuck_jobs, work.mend_job)
    register_doctor_check("unfinished_videos", work.find_idle_videos, work.mend_idle_video)
    register_doctor_check("schedules", work.find_wrong_schedules, work.mend_schedule)
    register_doctor_check("removals", work.find_overdue_removals, work.mend_removal)
    register_doctor_check("set_aside", files.find_old_set_aside)
    register_doctor_check("counters", rows.find_drifted_counters, rows.mend_counter)
    register_doctor_check("growing_renditions", rows.find_abandoned, rows.mend_abandoned)
    register_doctor_check("quota", rows.find_wrong_quotas, rows.mend_quota)
    register_doctor_check("search", search.find_wrong_documents, search.mend_documents)
    register_doctor_check("clock", work.find_wrong_clock)
    register_doctor_check("trash", findings_of_health("trash"))
    register_doctor_check("ffmpeg", work.find_lacking_tools)
