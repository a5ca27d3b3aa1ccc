"""Jobs in the admin, read-only: only workers change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin

from clipset.database.limited import counted
from clipset.lib.units import human_duration
from clipset.ui.admin import GuardedAdmin, state_word
from clipset.ui.admin_columns import cut
from videos.models import Job, JobState
from videos.services.finalising import finalising_progress

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

TONES: Final = {
    JobState.WAITING: "quiet",
    JobState.RUNNING: "warn",
    JobState.DONE: "good",
    JobState.FAILED: "danger",
}


@admin.register(Job)
class JobAdmin(GuardedAdmin[Job]):
    list_display = [
        "id",
        "of_video",
        "kind",
        "state_in_colour",
        "percent",
        "failures",
        "losses",
        "created_at",
        "times",
    ]
    list_filter = ["kind", "state", "created_at"]
    list_select_related = ["video"]
    search_fields = ["video__title", "=video__short_id"]
    fields = [
        "video",
        "kind",
        "state_in_colour",
        "percent",
        "time_left",
        "attempts",
        "failures",
        "losses",
        "created_at",
        "run_after",
        "started_at",
        "finished_at",
    ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        found = finalising_progress()
        context = {
            "files_left": counted(found.left, "file") if found.left else "",
            "unfit": found.unfit,
            "unfit_files": counted(found.unfit, "damaged file"),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        return False

    @admin.display(description="Video", ordering="video")
    def of_video(self, job: Job) -> SafeString | str:
        return cut(job.video.title)

    @admin.display(description="State", ordering="state")
    def state_in_colour(self, job: Job) -> SafeString:
        state = JobState(job.state)
        if job.waits_for_room and state is JobState.WAITING:
            return state_word("room", "Waiting for disk space", "warn")
        return state_word(state.lower(), state.label, TONES[state])

    @admin.display(description="Progress", ordering="progress")
    def percent(self, job: Job) -> str:
        return "–" if job.progress is None else f"{job.progress}%"

    @admin.display(description="Time left")
    def time_left(self, job: Job) -> str:
        return "–" if job.seconds_left is None else human_duration(job.seconds_left)

    @admin.display(description="Duration", ordering="started_at")
    def times(self, job: Job) -> str:
        if job.started_at is None or job.finished_at is None:
            return "–"
        return human_duration((job.finished_at - job.started_at).total_seconds())
