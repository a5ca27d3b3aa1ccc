"""Categories in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import OuterRef
from django.urls import reverse
from django.utils.html import format_html

from accounts.models import User
from categories.models import NAME_MISSING, Category
from categories.services import (
    SIZE,
    check_cover_can_be_stored,
    create_category,
    delete_category,
    edit_category,
    remove_cover,
    store_cover,
)
from clipset.database.limited import LimitedCount, counted, limited_count, related_rows
from clipset.lib.filenames import version_of
from clipset.lib.pictures import MAX_BYTES, PictureError, PictureNotStoredError, fitted_webp
from clipset.lib.requests import with_headers
from clipset.lib.units import human_bytes
from clipset.ui.admin import GuardedAdmin
from clipset.ui.admin_deletion import MAX_LISTED, with_rest
from clipset.ui.form_fields import LineField, TextField

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


GONE: Final = "This category has been deleted in the meantime."


class CategoryForm(forms.ModelForm[Category]):
    cover = forms.FileField(
        label="Cover",
        required=False,
        help_text=f"JPEG, PNG, WebP or GIF, at most {human_bytes(MAX_BYTES)}. Cropped to "
        f"{SIZE[0]} × {SIZE[1]}.",
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/gif"}),
    )
    no_cover = forms.BooleanField(label="Remove cover", required=False)

    class Meta:
        model = Category
        fields = ["name", "slug", "description"]
        field_classes = {"name": LineField, "description": TextField}
        error_messages = {"name": {"blank": NAME_MISSING}}
        widgets = {"description": forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.image:
            self.fields.pop("no_cover", None)

    def clean_cover(self) -> Any:
        """Reports the error that `fit_cover` noted, if there is one."""
        picture = self.cleaned_data["cover"]
        if picture is not None and isinstance(picture.fitted, PictureError):
            raise ValidationError(str(picture.fitted))
        return picture


def fit_cover(picture: Any, *, member: UUID) -> None:
    """Decodes and crops an uploaded picture before the transaction begins.

    Sets `fitted` of the UploadedFile to the cover as WebP (bytes), or to the PictureError.
    """
    try:
        picture.fitted = fitted_webp(picture, SIZE, member=member)
        check_cover_can_be_stored(picture.fitted)
    except PictureError as error:
        picture.fitted = error


@admin.register(Category)
class CategoryAdmin(GuardedAdmin[Category]):
    form = CategoryForm
    list_display = ["picture", "name", "video_count", "created_by", "created_at", "on_site"]
    list_display_links = ["name"]
    list_select_related = ["created_by"]
    search_fields = ["name", "description"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["current_cover", "created_by", "created_at", "updated_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        videos = related_rows(Category, "videos").filter(category=OuterRef("pk"))
        return super().get_queryset(request).annotate(videos_in_it=LimitedCount(videos))

    def get_fields(self, request: HttpRequest, obj: Category | None = None) -> list[Any]:
        fields = ["name", "slug", "description"]
        if obj is None:
            return [*fields, "cover"]
        cover = ["current_cover", "cover", "no_cover"] if obj.image else ["cover"]
        return [*fields, *cover, "created_by", "created_at", "updated_at"]

    @admin.display(description="Cover")
    def picture(self, category: Category) -> SafeString | str:
        return _cover(category, width=96, height=54, css="thumb")

    @admin.display(description="Current cover")
    def current_cover(self, category: Category) -> SafeString | str:
        return _cover(category, width=480, height=270, css="thumb thumb--large")

    @admin.display(description="Videos", ordering="videos_in_it")
    def video_count(self, category: Category) -> str:
        return counted(category.videos_in_it)  # type: ignore[attr-defined] # annotated above

    @admin.display(description="Page")
    def on_site(self, category: Category) -> SafeString:
        return format_html('<a href="{}">Open</a>', category.get_absolute_url())

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Decodes an uploaded cover before Django's view begins its transaction.

        On SQLite nobody else could write while a picture is decoded in the transaction.
        """
        may = self.has_change_permission if object_id else self.has_add_permission
        if request.method == "POST" and may(request):
            picture: Any = request.FILES.get("cover")
            if picture is not None:
                assert isinstance(request.user, User)
                fit_cover(picture, member=request.user.pk)
                answer = super().changeform_view(request, object_id, form_url, extra_context)
                if isinstance(picture.fitted, PictureNotStoredError):
                    answer.status_code = picture.fitted.status
                    with_headers(answer, picture.fitted.headers)
                return answer
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(
        self, request: HttpRequest, obj: Category, form: forms.Form, change: bool
    ) -> None:
        assert isinstance(request.user, User)
        if change:
            try:
                edit_category(category=obj)
            except Category.DoesNotExist as error:
                raise ValidationError(GONE) from error
        else:
            create_category(category=obj, created_by=request.user)
        picture = form.cleaned_data.get("cover")
        if picture is not None:
            try:
                store_cover(category=obj, webp=picture.fitted)
            except PictureError as error:  # GuardedAdmin shows the sentence on the page
                raise ValidationError(str(error)) from error
        elif form.cleaned_data.get("no_cover"):
            remove_cover(category=obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Lists the categories only, with the number of their videos, which are not deleted."""
        ids = [category.pk for category in objs]
        found = self.get_queryset(request).filter(pk__in=ids)
        listed = [
            format_html(
                "{}: {}",
                category.name,
                counted(category.videos_in_it, "video"),  # type: ignore[attr-defined] # annotated
            )
            for category in found.order_by("name")[:MAX_LISTED]
        ]
        lacking = set() if self.has_delete_permission(request) else {"category"}
        counts = self.deletion_counts(found)
        return with_rest(listed, len(ids)), counts, lacking, []

    def deletion_counts(self, queryset: QuerySet[Category]) -> dict[str, int | str]:
        ids = list(queryset.values_list("pk", flat=True))
        videos = related_rows(Category, "videos").filter(category__in=ids)
        return {"categories": len(ids), "videos left without": counted(limited_count(videos))}

    def delete_model(self, request: HttpRequest, obj: Category) -> None:
        delete_category(category=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Category]) -> None:
        for category in queryset:
            delete_category(category=category)


def _cover(category: Category, *, width: int, height: int, css: str) -> SafeString | str:
    if not category.image:
        return "–"
    return format_html(
        '<img class="{}" src="{}?v={}" width="{}" height="{}" alt="" loading="lazy">',
        css,
        reverse("category_cover", args=[category.slug]),
        version_of(category.image),
        width,
        height,
    )
