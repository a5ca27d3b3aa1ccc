"""The tables of members, invitations and sessions."""

from accounts.models.change import EmailChange, Leaving
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
from accounts.models.session import (
    MAX_ADDRESS_LENGTH,
    MAX_USER_AGENT_LENGTH,
    STORED_KEY_LENGTH,
    Session,
    stored_key,
)
from accounts.models.throttle import Throttle, TryCount

__all__ = [
    "ADDRESS_IN_TRASH",
    "ALREADY_A_MEMBER",
    "BEING_DELETED",
    "EMAIL_TAKEN",
    "INVITATION_CLOSED",
    "INVITATION_USED",
    "IN_TRASH",
    "MAX_ADDRESS_LENGTH",
    "MAX_EMAIL_LENGTH",
    "MAX_FACTOR_NAME_LENGTH",
    "MAX_USERNAME_LENGTH",
    "MAX_USER_AGENT_LENGTH",
    "MIN_USERNAME_LENGTH",
    "STORED_KEY_LENGTH",
    "USERNAME_RULE",
    "USERNAME_TAKEN",
    "AuthenticatorApp",
    "EmailChange",
    "Invitation",
    "Leaving",
    "Passkey",
    "RecoveryCode",
    "Role",
    "Session",
    "Throttle",
    "TryCount",
    "User",
    "UserManager",
    "normalize_email",
    "stored_key",
]
