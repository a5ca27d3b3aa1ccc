"""Values of security settings that no site changes. clipset.settings imports them."""

from __future__ import annotations

from typing import Final

from csp.constants import NONE, SELF

# Names of cookies on HTTPS. Browsers accept this prefix only from the host itself over HTTPS, so
# that no other site below the same domain can plant one.
HOST_PREFIX: Final = "__Host-"

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

# -- Headers --------------------------------------------------------------------------------------
# What the browser lets our pages use. Only names that Chromium knows everywhere: others are errors
# in its console. That is why "web-share" is missing, which pages may use by default.
_USED: Final = (
    "autoplay",
    "clipboard-write",
    "fullscreen",
    "picture-in-picture",
    "publickey-credentials-create",
    "publickey-credentials-get",
    "screen-wake-lock",
)
_UNUSED: Final = (
    "accelerometer",
    "camera",
    "clipboard-read",
    "display-capture",
    "encrypted-media",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "storage-access",
    "usb",
    "window-management",
    "xr-spatial-tracking",
)
HEADERS_OF_ALL: Final = {
    "Permissions-Policy": ", ".join(
        [f"{name}=(self)" for name in _USED] + [f"{name}=()" for name in _UNUSED]
    ),
    # No other site embeds our pictures and videos, also those of guest links. Opening and
    # downloading them works, and so do previews, which servers of other sites fetch.
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Sent when a member logs out: what this browser kept of private pictures and videos. Not "storage",
# which holds preferences (static/js/storage.js), and not "cookies", which are also those of other
# sites below the same domain.
CLEARED_AT_LOG_OUT: Final = '"cache"'
CONTENT_SECURITY_POLICY: Final = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
