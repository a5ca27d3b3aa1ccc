"""Forms of the admin pages for members and invitations."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from accounts.admin.shared import may_grant
from accounts.forms import AddressField
from accounts.models import BEING_DELETED, IN_TRASH, Invitation, Role, User
from accounts.services.invitations import taken_address
from accounts.services.members import (
    SELF_DEACTIVATION,
    check_is_not_last_admin,
    check_may_grant,
)
from siteconfig.forms import BytesField
from siteconfig.models import MAX_STORED_LIMIT_BYTES, MAX_WEEKLY_LIMIT_BYTES


class MemberForm(forms.ModelForm[User]):
    acting: ClassVar[User]  # the moderator or admin who fills in the form

    weekly_upload_limit_bytes = BytesField(
        label="Custom weekly limit",
        required=False,
        min_bytes=0,
        max_bytes=MAX_WEEKLY_LIMIT_BYTES,
        help_text="For example 10 GB. Leave empty to use the site's limit. Admins have no limit.",
    )
    stored_limit_bytes = BytesField(
        label="Custom storage limit",
        required=False,
        min_bytes=0,
        max_bytes=MAX_STORED_LIMIT_BYTES,
        help_text="For example 100 GB. Leave empty to use the site's limit. Admins have no limit.",
    )

    class Meta:
        model = User
        fields = [
            "username",
            "email",
            "role",
            "weekly_upload_limit_bytes",
            "stored_limit_bytes",
            "is_active",
        ]
        field_classes = {"email": AddressField}

    def clean_role(self) -> str:
        role = Role(self.cleaned_data["role"])
        if "role" in self.changed_data:
            check_may_grant(self.instance, role, granted_by=self.acting)
            check_is_not_last_admin(self.instance)
        return role

    def clean_is_active(self) -> bool:
        is_active: bool = self.cleaned_data["is_active"]
        if is_active and self.instance.deleting_since is not None:
            raise ValidationError(BEING_DELETED)
        if is_active and self.instance.is_trashed:
            raise ValidationError(IN_TRASH)
        if "is_active" in self.changed_data and not is_active:
            if self.instance.pk == self.acting.pk:
                raise ValidationError(SELF_DEACTIVATION)
            check_is_not_last_admin(self.instance)
        return is_active


class InvitationAdminForm(forms.ModelForm[Invitation]):
    acting: ClassVar[User]  # the inviter

    class Meta:
        model = Invitation
        fields = ["email", "role"]
        field_classes = {"email": AddressField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            self.fields["role"].choices = [  # type: ignore[attr-defined] # a ChoiceField
                choice for choice in Role.choices if may_grant(self.acting, choice[0])
            ]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if sentence := taken_address(email):
            raise ValidationError(sentence)
        return email
