"""Playlists in the admin. Staff can rename and delete them, but not create them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import OuterRef

from clipset.database.limited import LimitedCount, counted
from clipset.ui.admin import GuardedAdmin
from clipset.ui.admin_columns import cut
from clipset.ui.admin_deletion import MAX_LISTED, with_rest
from clipset.ui.form_fields import LineField, TextField
from videos.admin.deletion_counts import counts_of_playlists
from videos.models import Playlist, PlaylistEntry
from videos.querysets import present_q
from videos.services.playlists import delete_playlist_by_staff, edit_playlist

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


GONE: Final = "This playlist has been deleted in the meantime."


class PlaylistAdminForm(forms.ModelForm[Playlist]):
    class Meta:
        model = Playlist
        fields = ["title", "description"]
        field_classes = {"title": LineField, "description": TextField}
        error_messages = {"title": {"blank": "Enter a name for the playlist."}}
        widgets = {"description": forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"})}


@admin.register(Playlist)
class PlaylistAdmin(GuardedAdmin[Playlist]):
    form = PlaylistAdminForm
    list_display = ["short_title", "made_by", "video_count", "created_at", "updated_at"]
    list_select_related = ["made_by"]
    search_fields = ["title", "description", "made_by__username", "=short_id"]
    fields = ["title", "description", "made_by", "created_at", "updated_at"]
    readonly_fields = ["made_by", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Playlist]:
        present = super().get_queryset(request).filter(present_q())
        entries = PlaylistEntry.objects.filter(playlist=OuterRef("pk"))
        return present.annotate(videos_in_it=LimitedCount(entries))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Playlist, form: forms.Form, change: bool
    ) -> None:
        try:
            edit_playlist(
                playlist=obj, user=obj.made_by, title=obj.title, description=obj.description
            )
        except Playlist.DoesNotExist as error:
            raise ValidationError(GONE) from error

    def delete_model(self, request: HttpRequest, obj: Playlist) -> None:
        delete_playlist_by_staff(playlist=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Playlist]) -> None:
        for playlist in queryset:
            delete_playlist_by_staff(playlist=playlist)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        found = Playlist.objects.filter(pk__in=[playlist.pk for playlist in objs])
        listed = [playlist.title for playlist in found[:MAX_LISTED]]
        counts = self.deletion_counts(found)
        lacking = set() if self.has_delete_permission(request) else {"playlist"}
        return with_rest(listed, int(counts["playlists"])), counts, lacking, []

    def deletion_counts(self, queryset: QuerySet[Playlist]) -> dict[str, int | str]:
        return counts_of_playlists(queryset)

    @admin.display(description="Title", ordering="title")
    def short_title(self, playlist: Playlist) -> SafeString | str:
        return cut(playlist.title)

    @admin.display(description="Videos", ordering="videos_in_it")
    def video_count(self, playlist: Playlist) -> str:
        return counted(playlist.videos_in_it)  # type: ignore[attr-defined] # annotated above
