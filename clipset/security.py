"""Values of security settings that no site changes. clipset.settings imports them."""

from __future__ import annotations

from typing import Final

AUTH_PASSWORD_VALIDATORS: Final = [
    {"NAME": name}
    for name in (
        "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "django.contrib.auth.password_validation.MinimumLengthValidator",
        "django.contrib.auth.password_validation.CommonPasswordValidator",
        "django.contrib.auth.password_validation.NumericPasswordValidator",
        "accounts.password_strength.GuessablePasswordValidator",
    )
]
