"""Forms for log-in, registration, passwords, invitations and a member's own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import (
    AuthenticationForm,
    BaseUserCreationForm,
    PasswordChangeForm,
    SetPasswordForm,
)
from django.core.exceptions import ValidationError

from accounts.models import (
    MAX_EMAIL_LENGTH,
    MAX_FACTOR_NAME_LENGTH,
    Role,
    User,
    normalize_email,
)
from accounts.services.passwords import store_password
from accounts.services.tries import TooManyTriesError, begin_try, note_right_try
from clipset.lib.pictures import MAX_BYTES
from clipset.lib.units import human_bytes

if TYPE_CHECKING:
    from django.http import HttpRequest

    from clipset.lib.refusals import RefusedError

MAX_ANSWER_LENGTH = 20_000  # characters of a passkey's answer, which has some 1,000


class AddressField(forms.EmailField):
    """A field for an e-mail address, which it normalizes.

    The validators run again afterwards, since casefolding can make an address longer.
    """

    def clean(self, value: Any) -> str:
        address = normalize_email(super().clean(value))
        self.run_validators(address)
        return address


NO_LOG_IN = "That username or password isn't right. Try again, or reset your password."


class CountedLogin(AuthenticationForm):
    """A log-in form that says how long to wait after too many wrong tries."""

    too_many: TooManyTriesError | None = None

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except TooManyTriesError as error:
            self.too_many = error
            raise ValidationError(error.sentence) from error


class AdminLoginForm(CountedLogin, AdminAuthenticationForm):
    """The log-in form of the admin."""


class LoginForm(CountedLogin):
    # One sentence for both, so that the page does not show who is a member.
    error_messages = {"invalid_login": NO_LOG_IN, "inactive": NO_LOG_IN}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["username"]
        name.label = "Username or e-mail"
        name.widget.attrs.update(
            {"autocomplete": "username", "autocapitalize": "none", "maxlength": MAX_EMAIL_LENGTH}
        )

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).replace("\x00", "")


class ConfirmForm(forms.Form):
    """Asks a logged-in member for their password (accounts.confirming)."""

    FIELD = "confirm_password"

    confirm_password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autofocus": True}),
    )

    # Set if there were too many tries.
    refusal: RefusedError | None = None


class ProfileForm(forms.ModelForm[User]):
    class Meta:
        model = User
        fields = ["username"]


class OwnEmailForm(forms.ModelForm[User]):
    """The member's e-mail address. It is not saved by the form (services.email_changes)."""

    class Meta:
        model = User
        fields = ["email"]
        field_classes = {"email": AddressField}


class NewPasswordTwice:
    """For forms of Django with a new password and its repetition."""

    def validate_password_for_user(
        self,
        user: User,
        password_field_name: str = "password2",  # noqa: S107 the name of a field
    ) -> None:
        """Shows what is wrong with a password beside it, not beside its repetition."""
        first = password_field_name.replace("2", "1")
        super().validate_password_for_user(user, first)  # type: ignore[misc]

    def label_repetition(self, name: str, label: str) -> None:
        field = self.fields[name]  # type: ignore[attr-defined]
        field.label = label
        # "The same password as before" reads like the current one.
        field.help_text = ""


class RegisterForm(NewPasswordTwice, BaseUserCreationForm[User]):
    """The form of an invited person. Their e-mail address is that of the invitation."""

    class Meta:
        model = User
        fields = ["username"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs.update({"autofocus": True, "autocapitalize": "none"})
        self.label_repetition("password2", "Confirm password")


class FirstAdminForm(RegisterForm):
    """The form of the person who sets up the site."""

    class Meta(RegisterForm.Meta):
        fields = ["username", "email"]
        field_classes = {"email": AddressField}


class ResetForm(forms.Form):
    email = AddressField(
        label="E-mail address",
        max_length=MAX_EMAIL_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class TellsOfNewPassword(NewPasswordTwice):
    """For forms of Django that set a password: stores it by the service, which tells the member."""

    def set_password_and_save(
        self, user: User, *args: Any, commit: bool = True, **more: Any
    ) -> User:
        super().set_password_and_save(user, *args, commit=False, **more)  # type: ignore[misc]
        if commit:
            store_password(user=user)
        return user


class NewPasswordForm(TellsOfNewPassword, SetPasswordForm):  # type: ignore[type-arg] # not at run time
    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.label_repetition("new_password2", "Confirm new password")


class CountedPasswordChange(TellsOfNewPassword, PasswordChangeForm):
    """A form for a new password, which counts wrong tries of the current one."""

    too_many: TooManyTriesError | None = None

    def __init__(self, user: User, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        assert isinstance(self.user, User)
        try:
            attempt = begin_try(account=self.user, request=self.request)
        except TooManyTriesError as error:
            self.too_many = error
            raise ValidationError(error.sentence) from error
        before = self.user.password
        password = super().clean_old_password()
        note_right_try(attempt)
        if self.user.password != before:
            # The comparison has replaced an outdated hash, which ends the sessions that have it.
            update_session_auth_hash(self.request, self.user)
            self.request.session.save()  # for the list of devices on the page that follows
        return password


class AdminPasswordForm(CountedPasswordChange):
    """The form for one's own password in the admin."""

    required_css_class = "required"


class OwnPasswordForm(CountedPasswordChange):
    """The form for a new password on the settings page.

    It does not take the focus, since the page has several forms.
    """

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)
        self.fields["old_password"].label = "Current password"
        self.label_repetition("new_password2", "Confirm new password")


class InvitationForm(forms.Form):
    email = AddressField(label="E-mail address", max_length=MAX_EMAIL_LENGTH)
    role = forms.ChoiceField(initial=Role.USER, help_text="What this person will be able to do.")

    def __init__(self, *args: Any, granter: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [  # type: ignore[attr-defined] # a ChoiceField
            (role.value, role.label) for role in Role if Role(granter.role).may_grant(role)
        ]


class AvatarForm(forms.Form):
    picture = forms.FileField(
        label="Picture",
        help_text=f"JPEG, PNG, WebP or GIF, at most {human_bytes(MAX_BYTES)}.",
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/gif"}),
    )


class CodeField(forms.CharField):
    """A code of an authenticator app. Apps show it in two groups, so spaces are ignored."""

    def __init__(self) -> None:
        super().__init__(
            label="Code",
            max_length=20,
            widget=forms.TextInput(
                attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
            ),
        )

    def to_python(self, value: Any) -> str:
        return "".join(str(super().to_python(value) or "").split())


class CodeForm(forms.Form):
    """The second step of the log-in, with an app."""

    code = CodeField()

    # Set if there were too many tries.
    refusal: RefusedError | None = None


class RecoveryCodeForm(forms.Form):
    """The second step of the log-in for a member who lost the rest."""

    recovery_code = forms.CharField(
        max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )

    refusal: RefusedError | None = None


class FactorNameForm(forms.Form):
    name = forms.CharField(max_length=MAX_FACTOR_NAME_LENGTH, widget=forms.TextInput())


class AppForm(FactorNameForm):
    """Adds an authenticator app. The code shows that it has the secret."""

    code = CodeField()


class AnswerForm(forms.Form):
    """What a browser answers for a passkey, which a script fills in."""

    answer = forms.CharField(max_length=MAX_ANSWER_LENGTH, widget=forms.HiddenInput)


class PasskeyForm(AnswerForm, FactorNameForm):
    """Adds a passkey."""
