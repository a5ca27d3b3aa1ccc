"""The tables of members, invitations and sessions."""

from accounts.models.invitation import (
    ADDRESS_IN_TRASH,
    ALREADY_A_MEMBER,
    INVITATION_CLOSED,
    INVITATION_USED,
    Invitation,
)
from accounts.models.member import (
    BEING_DELETED,
    EMAIL_TAKEN,
    IN_TRASH,
    MAX_EMAIL_LENGTH,
    MAX_USERNAME_LENGTH,
    MIN_USERNAME_LENGTH,
    USERNAME_RULE,
    USERNAME_TAKEN,
    Role,
    User,
    UserManager,
    normalize_email,
)
from accounts.models.second_factor import (
    MAX_FACTOR_NAME_LENGTH,
    AuthenticatorApp,
    Passkey,
    RecoveryCode,
)
from accounts.models.session import MAX_USER_AGENT_LENGTH, Session
from accounts.models.throttle import Throttle

__all__ = [
    "ADDRESS_IN_TRASH",
    "ALREADY_A_MEMBER",
    "BEING_DELETED",
    "EMAIL_TAKEN",
    "INVITATION_CLOSED",
    "INVITATION_USED",
    "IN_TRASH",
    "MAX_EMAIL_LENGTH",
    "MAX_FACTOR_NAME_LENGTH",
    "MAX_USERNAME_LENGTH",
    "MAX_USER_AGENT_LENGTH",
    "MIN_USERNAME_LENGTH",
    "USERNAME_RULE",
    "USERNAME_TAKEN",
    "AuthenticatorApp",
    "Invitation",
    "Passkey",
    "RecoveryCode",
    "Role",
    "Session",
    "Throttle",
    "User",
    "UserManager",
    "normalize_email",
]
