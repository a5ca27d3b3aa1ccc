"""Addresses of log-in, registration, settings and invitations."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from accounts.views import confirm, entry, invitations, settings

urlpatterns = [
    path("login/", login_not_required(entry.Login.as_view()), name="login"),
    path("logout/", entry.Logout.as_view(), name="logout"),
    path("password-reset/", entry.password_reset, name="password_reset"),
    path("password-reset/sent/", entry.password_reset_done, name="password_reset_done"),
    path("password-reset/done/", entry.password_reset_complete, name="password_reset_complete"),
    path(
        "password-reset/<str:uidb64>/<str:token>/",
        entry.PasswordResetConfirm.as_view(),
        name="password_reset_confirm",
    ),
    path("register/<str:token>/", entry.register, name="register"),
    path("settings/", settings.settings, name="settings"),
    path("settings/confirm/", confirm.confirm, name="settings_confirm"),
    path("settings/avatar/", settings.avatar_change, name="settings_avatar"),
    path("settings/avatar/remove/", settings.avatar_remove, name="settings_avatar_remove"),
    path("settings/password/", settings.password_change, name="settings_password"),
    path("settings/sessions/end/", settings.sessions_end, name="settings_sessions_end"),
    path(
        "settings/sessions/<str:session_id>/end/", settings.session_end, name="settings_session_end"
    ),
    path("invitations/", invitations.invitation_list, name="invitation_list"),
    path(
        "invitations/<uuid:invitation_id>/renew/",
        invitations.invitation_renew,
        name="invitation_renew",
    ),
    path(
        "invitations/<uuid:invitation_id>/revoke/",
        invitations.invitation_revoke,
        name="invitation_revoke",
    ),
]
