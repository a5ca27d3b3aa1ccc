"""What members type."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import (
    AuthenticationForm,
    BaseUserCreationForm,
    PasswordChangeForm,
    SetPasswordForm,
)
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from accounts.models import Role, User, normalize_email
from clipset.lib.pictures import MAX_BYTES


class AddressField(forms.EmailField):
    """An e-mail address as it is stored, whose length counts after casefolding, too."""

    def clean(self, value: Any) -> str:
        address = normalize_email(super().clean(value))
        self.run_validators(address)
        return address


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "That username or password isn't right. Try again, or reset your "
        "password.",
        "inactive": "That username or password isn't right. Try again, or reset your password.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["username"]
        name.label = "Username or e-mail"
        name.widget.attrs.update(
            {"autocomplete": "username", "autocapitalize": "none", "maxlength": 254}
        )

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).replace("\x00", "")


class ProfileForm(forms.ModelForm[User]):
    class Meta:
        model = User
        fields = ["username", "email"]
        field_classes = {"email": AddressField}
        labels = {"email": "E-mail address"}


class RegisterForm(BaseUserCreationForm[User]):
    """For somebody who was invited: the address stands in the invitation."""

    class Meta:
        model = User
        fields = ["username"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs.update({"autofocus": True, "autocapitalize": "none"})
        self.fields["password2"].label = "Confirm password"


class FirstAdminForm(RegisterForm):
    """For who sets the site up."""

    class Meta(RegisterForm.Meta):
        fields = ["username", "email"]
        field_classes = {"email": AddressField}
        labels = {"email": "E-mail address"}


class ResetForm(forms.Form):
    email = AddressField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg] # not at run time
    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields["new_password2"].label = "Confirm new password"


class OwnPasswordForm(PasswordChangeForm):
    """One form of several on its page: it does not take the focus."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["old_password"].label = "Current password"
        self.fields["new_password2"].label = "Confirm new password"


class InvitationForm(forms.Form):
    email = AddressField(label="E-mail address", max_length=254)
    role = forms.ChoiceField(initial=Role.USER, help_text="What this person will be able to do.")

    def __init__(self, *args: Any, granter: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [  # type: ignore[attr-defined] # a ChoiceField
            (role.value, role.label) for role in Role if role.rank <= Role(granter.role).rank
        ]


class AvatarForm(forms.Form):
    picture = forms.FileField(
        label="Picture",
        help_text="JPEG, PNG, WebP or GIF, at most 10 MB.",
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/gif"}),
    )

    def clean_picture(self) -> UploadedFile:
        picture: UploadedFile = self.cleaned_data["picture"]
        if (picture.size or 0) > MAX_BYTES:
            raise ValidationError("This picture is too large. The limit is 10 MB.")
        return picture
