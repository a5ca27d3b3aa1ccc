"""What the workers do for videos. Takes primitives, fetches, delegates."""

from __future__ import annotations

from uuid import UUID

from videos.services import files, jobs, processing, uploads


def run_next_job() -> str:
    return processing.process_next_job()


def look_after_jobs() -> int:
    """Every minute: takes back lost leases, wakes for work that nobody was woken for."""
    taken_back = jobs.take_back_lost_jobs()
    jobs.wake_for_due_jobs()
    return taken_back


def remove_files(video_id: str, paths: list[str]) -> None:
    files.remove_unowned(UUID(video_id), paths)


def tidy_up() -> int:
    """Every ten minutes: uploads that stopped, and what nobody needs in the temp folder."""
    return uploads.abandon_expired_uploads() + files.sweep_temp() + files.forget_failed_sources()
