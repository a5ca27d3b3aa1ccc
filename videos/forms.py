"""Forms about videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from categories.models import Category
from clipset.lib.pictures import MAX_BYTES, MAX_SIZE, TOO_LARGE
from clipset.lib.text import MAX_TITLE_LENGTH, title_from_filename
from clipset.lib.timestamps import parse_timestamp
from clipset.ui.form_fields import LineField, TextField
from videos.models import Playlist
from videos.models.comment import MAX_TEXT, TEXT_BLANK, TEXT_TOO_LONG
from videos.models.guest_link import MAX_NOTE, NOTE_TOO_LONG
from videos.models.playlist import NAME_BLANK, NAME_TOO_LONG
from videos.models.video import (
    DESCRIPTION_TOO_LONG,
    MAX_DESCRIPTION,
    TITLE_BLANK,
    TITLE_TOO_LONG,
)
from videos.transcode.captions import LABEL_CHARACTERS
from videos.transcode.captions import MAX_BYTES as MAX_CAPTION_BYTES
from videos.transcode.formats import with_covered
from videos.transcode.languages import ENGLISH

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

    from accounts.models import User
    from videos.models import Comment, Video

NO_MOMENT = "Enter a time like 1:23."

MAX_SECONDS = 10_000 * 3600


class TrashForm(forms.Form):
    reason = LineField(
        max_length=200,
        required=False,
        help_text="For the audit log. The uploader doesn't see it.",
    )


class _VideoFields(forms.Form):
    title = LineField(
        max_length=MAX_TITLE_LENGTH,
        error_messages={
            "max_length": TITLE_TOO_LONG,
            "blank": TITLE_BLANK,
        },
    )
    description = TextField(
        max_length=MAX_DESCRIPTION,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"max_length": DESCRIPTION_TOO_LONG},
    )
    category = forms.ModelChoiceField(
        Category.objects.all(),
        required=False,
        to_field_name="slug",
        empty_label="No category",
        error_messages={"invalid_choice": "Choose a category from the list."},
    )


class EditForm(_VideoFields):
    """The details of a video, and its thumbnail once it is ready.

    The thumbnail is an uploaded file or a frame at a moment (seconds). The file wins; without both
    it stays.
    """

    picture = forms.FileField(
        label="Upload a thumbnail",
        required=False,
        help_text=f"JPEG, PNG, WebP or GIF, up to {MAX_SIZE}. Used instead of the frame above.",
        widget=forms.FileInput(
            attrs={
                "accept": "image/jpeg,image/png,image/webp,image/gif",
                "data-max-bytes": MAX_BYTES,
                "data-too-large": TOO_LARGE,
            }
        ),
        error_messages={"empty": "This file is empty."},
    )
    moment = forms.CharField(
        label="Frame from the video",
        required=False,
        max_length=20,
        help_text="A time like 1:23. Leave empty to keep the current thumbnail.",
        widget=forms.TextInput(
            attrs={"class": "num", "autocomplete": "off", "placeholder": "0:00", "size": 8}
        ),
        error_messages={"max_length": NO_MOMENT},
    )

    def __init__(self, *args: Any, has_thumbnail: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_thumbnail:
            del self.fields["picture"], self.fields["moment"]

    @classmethod
    def of(cls, video: Video, data: Any = None, files: Any = None) -> EditForm:
        """The form for this video, with what was sent if there is any."""
        initial = {
            "title": video.title,
            "description": video.description or "",
            "category": video.category.slug if video.category else "",
        }
        return cls(data, files, initial=initial, has_thumbnail=video.is_ready)

    def clean_picture(self) -> UploadedFile | None:
        picture: UploadedFile | None = self.cleaned_data["picture"]
        if picture is not None and (picture.size or 0) > MAX_BYTES:
            raise ValidationError(TOO_LARGE)
        return picture

    def clean_moment(self) -> int | None:
        typed = self.cleaned_data["moment"]
        if not typed or self.cleaned_data.get("picture"):
            return None
        seconds = parse_timestamp(typed)
        if seconds is None:
            raise ValidationError(NO_MOMENT)
        return seconds

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors and cleaned.get("picture"):
            # A page cannot keep an uploaded file.
            self.add_error("picture", "Please choose the thumbnail again.")
        return cleaned


class UploadDetailsForm(_VideoFields):
    """The details that come with an upload by tus. The title is optional: the file name is used
    instead.
    """

    playlist = forms.ModelChoiceField(
        Playlist.objects.none(),
        required=False,
        to_field_name="short_id",
        error_messages={"invalid_choice": "Choose one of your playlists."},
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["title"].required = False
        own = Playlist.objects.present().filter(made_by=user)
        cast("forms.ModelChoiceField[Playlist]", self.fields["playlist"]).queryset = own


class PlaylistForm(forms.Form):
    """The name and the description of a playlist."""

    title = LineField(
        label="Name",
        max_length=MAX_TITLE_LENGTH,
        error_messages={
            "required": NAME_BLANK,
            "blank": NAME_BLANK,
            "max_length": NAME_TOO_LONG,
        },
    )
    description = TextField(
        max_length=MAX_DESCRIPTION,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"max_length": DESCRIPTION_TOO_LONG},
    )


class CommentForm(forms.Form):
    """A comment; `parent` is the id of the comment that it replies to."""

    id_prefix = "comment"

    text = TextField(
        max_length=MAX_TEXT,
        label="Your comment",
        widget=forms.Textarea(attrs={"rows": 1}),
        error_messages={"required": TEXT_BLANK, "max_length": TEXT_TOO_LONG},
    )
    parent = forms.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput
    )

    @classmethod
    def new(cls) -> CommentForm:
        """An empty form for a comment on the video."""
        return cls(auto_id="comment_%s")

    @classmethod
    def reply_to(cls, parent: Comment, *, author: User) -> CommentForm:
        """A form for a reply; one to another member's reply begins with a mention of them."""
        is_mention = parent.parent is not None and parent.author_id != author.pk
        text = f"@{parent.author.username} " if is_mention else ""
        form = cls(initial={"text": text, "parent": parent.pk})
        form.name_fields(reply_to=parent)
        return form

    @classmethod
    def edit(cls, comment: Comment) -> CommentForm:
        """A form with the text of a comment that is to be changed."""
        form = cls(initial={"text": comment.text})
        form.name_fields(editing=comment)
        return form

    def name_fields(
        self, *, reply_to: Comment | None = None, editing: Comment | None = None
    ) -> None:
        """Sets the ids of the fields. Several forms can be open on a page, at most one a thread."""
        if reply_to is not None:
            self.id_prefix = f"reply_{reply_to.parent_id or reply_to.pk}"
        if editing is not None:
            self.id_prefix = f"edit_{editing.pk}"
        self.auto_id = f"{self.id_prefix}_%s"

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if not text:
            raise ValidationError(TEXT_BLANK)
        return text


class UploadForm(_VideoFields):
    """A video and its details. Without a title the file name is used."""

    file = forms.FileField(
        label="Video",
        error_messages={
            "required": "Choose a video to upload.",
            "empty": "This file is empty.",
        },
    )
    field_order = ["file", "title", "description", "category"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["title"].required = False
        self.fields["title"].help_text = "Leave empty to use the file name."
        self.fields["file"].widget.attrs["accept"] = ",".join(
            [
                "video/*",
                *(f".{extension}" for extension in with_covered(settings.ACCEPTED_VIDEO_FORMATS)),
            ]
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if file is not None and not cleaned.get("title") and "title" not in self.errors:
            cleaned["title"] = title_from_filename(file.sent_name)
        return cleaned


class GuestLinkForm(forms.Form):
    """The label and the lifetime of a guest link."""

    note = LineField(
        label="Label",
        max_length=MAX_NOTE,
        required=False,
        help_text="Helps you tell links apart. Guests won't see it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Grandma"}),
        error_messages={"max_length": NOTE_TOO_LONG},
    )
    days = forms.TypedChoiceField(
        label="Expires after",
        choices=[(1, "A day"), (7, "A week"), (30, "A month"), (365, "A year")],
        coerce=int,
        initial=7,
        error_messages={"invalid_choice": "Choose an expiry from the list."},
    )


class CaptionForm(forms.Form):
    """A caption file with its language and name."""

    file = forms.FileField(
        label="File",
        help_text="SubRip (.srt) or WebVTT (.vtt), up to 2 MB.",
        widget=forms.FileInput(
            attrs={
                "accept": ".srt,.vtt,text/vtt,application/x-subrip",
                "data-max-bytes": MAX_CAPTION_BYTES,
            }
        ),
        error_messages={
            "required": "Choose a file with captions.",
            "empty": "This file is empty.",
        },
    )
    language = forms.ChoiceField(
        choices=[("", "Choose a language"), *sorted(ENGLISH.items(), key=lambda it: it[1])],
        error_messages={
            "required": "Choose the language of these captions.",
            "invalid_choice": "Choose a language from the list.",
        },
    )
    label = LineField(
        label="Name",
        required=False,
        max_length=LABEL_CHARACTERS,
        help_text="Leave empty to use the language's name.",
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > MAX_CAPTION_BYTES:
            raise ValidationError("This file is too large. The limit is 2 MB.")
        return file


class WatchedForm(forms.Form):
    """What a player reports: its position, and the time played since the page was opened, in
    seconds.
    """

    at = forms.FloatField(min_value=0, max_value=MAX_SECONDS)
    watched = forms.FloatField(min_value=0)
    ended = forms.BooleanField(required=False)
