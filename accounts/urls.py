"""Addresses of log-in, registration, settings and invitations."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from accounts.views import (
    confirm,
    email,
    entry,
    invitations,
    leaving,
    second_factor,
    second_step,
    settings,
)

urlpatterns = [
    path("login/", login_not_required(entry.Login.as_view()), name="login"),
    path("login/second-step/", second_step.second_step, name="second_step"),
    path("login/second-step/recovery/", second_step.recovery, name="second_step_recovery"),
    path("login/second-step/passkey/", second_step.passkey, name="second_step_passkey"),
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
    path("settings/email/", email.email_change, name="settings_email"),
    path("settings/email/cancel/", email.email_cancel, name="settings_email_cancel"),
    path("settings/email/<str:token>/", email.email_confirm, name="settings_email_confirm"),
    path("settings/delete/", leaving.leave, name="settings_delete"),
    path("settings/keep/", leaving.stay, name="settings_keep"),
    path("settings/avatar/", settings.avatar_change, name="settings_avatar"),
    path("settings/avatar/remove/", settings.avatar_remove, name="settings_avatar_remove"),
    path("settings/password/", settings.password_change, name="settings_password"),
    path("settings/second-factor/", second_factor.overview, name="second_factor"),
    path("settings/second-factor/app/", second_factor.app_add, name="second_factor_app"),
    path(
        "settings/second-factor/passkey/", second_factor.passkey_add, name="second_factor_passkey"
    ),
    path("settings/second-factor/codes/", second_factor.codes, name="second_factor_codes"),
    path("settings/second-factor/<uuid:factor_id>/", second_factor.edit, name="second_factor_edit"),
    path(
        "settings/second-factor/<uuid:factor_id>/remove/",
        second_factor.remove,
        name="second_factor_remove",
    ),
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
