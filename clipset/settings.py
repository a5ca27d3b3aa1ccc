"""Settings, read from the environment and `.env`. docs/configuration.md describes each one.

The defaults suit production on loopback: DEBUG off, SQLite under data/, no mail.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
import environ

from clipset.database.options import set_lock_timeout, set_options
from clipset.lib.permissions import restrict_umask
from clipset.logs import LOGGING  # noqa: F401 a setting
from clipset.security import (  # noqa: F401 settings
    AUTH_PASSWORD_VALIDATORS,
    CONTENT_SECURITY_POLICY,
    HOST_PREFIX,
)
from clipset.server.reach import exposed_by

# Makes Django's generic classes subscriptable at run time (`ModelAdmin[Video]`).
django_stubs_ext.monkeypatch()

# Done here because every process of the site loads the settings, also one started by hand.
restrict_umask()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
ENV_FILE = Path(env.str("CLIPSET_ENV_FILE", str(BASE_DIR / ".env")))
environ.Env.read_env(str(ENV_FILE))

# A system check refuses this default unless DEBUG is on (siteconfig.checks).
INSECURE_SECRET_KEY = "clipset-insecure-key-for-development-only"  # noqa: S105

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", INSECURE_SECRET_KEY)

# -- The site's address -------------------------------------------------------------------------
HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000)
_own_host = "127.0.0.1" if HOST in {"0.0.0.0", "::"} else HOST  # noqa: S104
SITE_URL = (
    env.str("SITE_URL", "")
    or f"http://{f'[{_own_host}]' if ':' in _own_host else _own_host}:{PORT}"
).rstrip("/")
SITE_URL_IS_SET = bool(env.str("SITE_URL", ""))
# While it runs, scripts/run keeps its process id and address here.
RUN_FOLDER = BASE_DIR / "data" / "run"
# The changes of the doctor, in enough detail to undo them (siteconfig.services.doctor_log).
DOCTOR_LOG = BASE_DIR / "data" / "log" / "doctor.log"
_site = urlsplit(SITE_URL)
IS_HTTPS = _site.scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or sorted(
    {_site.hostname or "", "localhost", "127.0.0.1", "[::1]"} - {""}
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[]) or [
    f"{_site.scheme}://{_site.netloc}"
]

# -- Applications -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "videos.apps.VideosConfig",  # before django_q, whose command qcluster it replaces
    "categories.apps.CategoriesConfig",
    "accounts.apps.AccountsConfig",
    "siteconfig.apps.SiteconfigConfig",
    "siteconfig.apps.GuardedAdminConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_q",
    "csp",
]

MIDDLEWARE = [
    "clipset.server.proxies.BelieveProxies",
    "clipset.middleware.RequestIds",
    "clipset.header_middleware.SecurityHeaders",
    "clipset.middleware.SecretAddresses",
    "clipset.middleware.DrainRefusedBody",
    "clipset.middleware.RefuseBrokenBody",
    "clipset.middleware.RefuseLargeBody",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "clipset.middleware.CompressPages",
    "csp.middleware.CSPMiddleware",
    "clipset.header_middleware.HostCookies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "clipset.middleware.NameActor",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.new_devices.RememberDevices",
    "clipset.middleware.MembersOnly",
    "clipset.second_factor.RequireSecondFactor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "clipset.middleware.PrivatePages",
    "clipset.middleware.StorageAway",
    "clipset.ui.refusals.AnswerRefusals",
]

ROOT_URLCONF = "clipset.urls"
WSGI_APPLICATION = "clipset.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "siteconfig.context.site",
                "siteconfig.context.attention",
                "videos.context.notifications",
                "videos.context.open_reports",
            ],
            "builtins": ["clipset.ui.template_tags"],
        },
    }
]

# -- Database -----------------------------------------------------------------------------------
DATABASES = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'data' / 'clipset.db'}")
}
# The size to which the write-ahead log is cut when possible (clipset.database.write_ahead_log).
SQLITE_WAL_LIMIT_BYTES = 64 * 1024**2
# How long a query waits for a lock of another connection. clipset/wsgi.py sets the value of the web
# server, whose pages then respond 503.
WEB_LOCK_SECONDS = 5
WORKER_LOCK_SECONDS = 20
set_options(DATABASES["default"], wal_limit_bytes=SQLITE_WAL_LIMIT_BYTES)
set_lock_timeout(DATABASES["default"], WORKER_LOCK_SECONDS)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Members ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.UsernameOrEmailBackend"]
PASSWORD_HASHERS = [
    "accounts.hashers.BoundedArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = LOGOUT_REDIRECT_URL = "login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_RESET_TIMEOUT = 24 * 3600  # seconds

SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 60 * 24 * 3600  # seconds

# -- Cookies and headers ------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = f"{HOST_PREFIX if IS_HTTPS else ''}sessionid"
CSRF_COOKIE_NAME = f"{HOST_PREFIX if IS_HTTPS else ''}csrftoken"
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
# Off, since other sites may use subdomains: that is a decision of the domain's owner.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # they ask for these two settings
# Whether a proxy in front sets X-Forwarded-Proto and X-Forwarded-For (docs/operations.md). HTTPS
# implies a proxy, since gunicorn speaks HTTP. clipset.server.proxies removes both headers if they
# come from a peer that is not listed.
BEHIND_PROXY = env.bool("BEHIND_PROXY", IS_HTTPS)
OWN_PROXIES = ["127.0.0.1", "::1"]
FORWARDED_ALLOW_IPS = env.list("FORWARDED_ALLOW_IPS", default=[]) or OWN_PROXIES
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Names of the settings that make the site reachable from other machines. Sample members, whose
# passwords are public, can log in only while this is empty.
EXPOSED_BY = exposed_by(
    host=HOST,
    site_url=SITE_URL,
    allowed_hosts=ALLOWED_HOSTS,
    trusted_origins=CSRF_TRUSTED_ORIGINS,
    behind_proxy=BEHIND_PROXY,
)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "clipset.ui.errors.csrf_failure"
# Whom to tell about a vulnerability, in /.well-known/security.txt: an e-mail address or an URL.
SECURITY_CONTACT = env.str("SECURITY_CONTACT", "").strip()

# -- Static files and front-end packages --------------------------------------------------------
NODE_MODULES = BASE_DIR / "node_modules"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("inter", NODE_MODULES / "@fontsource-variable" / "inter" / "files"),
    ("chart", NODE_MODULES / "chart.js" / "dist"),
    ("hls", NODE_MODULES / "hls.js" / "dist"),
    ("tus", NODE_MODULES / "tus-js-client" / "dist"),
    ("media-chrome", NODE_MODULES / "media-chrome" / "dist" / "iife"),
]
STATICFILES_FINDERS = [
    "clipset.server.static_files.Folders",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "clipset.server.static_files.StaticFiles"},
}

# -- Media --------------------------------------------------------------------------------------
MEDIA_ROOT = BASE_DIR / "media"


def _folder(name: str, default: Path) -> Path:
    """An absolute folder from a setting; relative paths start at the project's folder."""
    return BASE_DIR / str(env.str(name, str(default)))


VIDEO_STORAGE_PATH = _folder("VIDEO_STORAGE_PATH", MEDIA_ROOT / "videos")
THUMBNAIL_STORAGE_PATH = _folder("THUMBNAIL_STORAGE_PATH", MEDIA_ROOT / "thumbnails")
TEMP_STORAGE_PATH = _folder("TEMP_STORAGE_PATH", MEDIA_ROOT / "temp")
ORIGINAL_STORAGE_PATH = _folder("ORIGINAL_STORAGE_PATH", MEDIA_ROOT / "originals")
# Two kinds of entries: the folders of named roots on this host (videos-2=/mnt/b), and folders
# outside media/ below which an admin may store videos (/mnt/disks). Parsed by siteconfig.places.
STORAGE_ROOTS = env.list("STORAGE_ROOTS", default=[])

# The internal location from which nginx sends files (X-Accel-Redirect); "" if Clipset sends them.
MEDIA_ACCEL_PREFIX = env.str("MEDIA_ACCEL_PREFIX", "").rstrip("/")

# -- Backup -------------------------------------------------------------------------------------
# A restic repository: a folder, sftp:…, s3:…. If it is set, a backup runs every night.
BACKUP_REPOSITORY = env.str("BACKUP_REPOSITORY", "")
BACKUP_PASSWORD_FILE = _folder("BACKUP_PASSWORD_FILE", BASE_DIR / "data" / "backup-password")
# How many backups to keep, by period.
BACKUP_KEEP: dict[str, str] = env.dict(
    "BACKUP_KEEP", default={"daily": "7", "weekly": "4", "monthly": "6"}
)
BACKUP_HOUR = env.int("BACKUP_HOUR", 3)  # of QUOTA_RESET_TIMEZONE

# -- Uploads, quota, processing -----------------------------------------------------------------
# Initial values of the configuration in the admin. Later changes are made there.
MAX_FILE_SIZE_BYTES = env.int("MAX_FILE_SIZE_BYTES", 2 * 1024**3)
WEEKLY_UPLOAD_LIMIT_BYTES = env.int("WEEKLY_UPLOAD_LIMIT_BYTES", 4 * 1024**3)
ACCEPTED_VIDEO_FORMATS = [
    extension.strip().lower().lstrip(".")
    for extension in env.list(
        "ACCEPTED_VIDEO_FORMATS", default=["mp4", "mov", "avi", "mkv", "webm"]
    )
]
MIN_FREE_DISK_BYTES = env.int("MIN_FREE_DISK_BYTES", 1024**3)
FFMPEG_PATH = env.str("FFMPEG_PATH", "ffmpeg")
VIDEO_PROCESSING_TIMEOUT = env.int("VIDEO_PROCESSING_TIMEOUT", 300)  # seconds
QUOTA_RESET_DAY = env.int("QUOTA_RESET_DAY", 0)  # 0 is Sunday
QUOTA_RESET_HOUR = env.int("QUOTA_RESET_HOUR", 0)
QUOTA_RESET_TIMEZONE = env.str("QUOTA_RESET_TIMEZONE", "UTC")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024**2  # form fields without files, bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
FILE_UPLOAD_PERMISSIONS = 0o640  # Django would set 0644, whatever the umask
FILE_UPLOAD_HANDLERS = ["clipset.server.form_files.MemberFileHandler"]

# -- Queue --------------------------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", "")
# Set by scripts/upgrade only, for a trial start that shows whether a new version works.
IS_TRIAL = "CLIPSET_TRIAL" in os.environ
# Two clusters, so that tasks of hours do not delay tasks of seconds. In the second one, all workers
# but one may process videos of ten minutes and longer.
TRANSCODE_CLUSTER = "transcode"
TRANSCODE_WORKERS = env.int("TRANSCODE_WORKERS", 2)
# Redis wakes workers itself. A trial start runs no tasks and no schedules.
_broker = "" if REDIS_URL else "clipset.workers.wake_up.make_database_broker"
if IS_TRIAL:
    _broker = "clipset.workers.idle_broker.make_idle_broker"
Q_CLUSTER = {
    "name": "clipset",
    "label": "Queue",
    "workers": env.int("QUEUE_WORKERS", 2),
    # More than the longest permitted encode (videos.transcode.types.Options: 12 h of video at a
    # fortieth of real time). Our own watchdog and leases end a stalled task much earlier.
    "timeout": 21 * 24 * 3600,
    "retry": 22 * 24 * 3600,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "poll": 0.3,
    "queue_limit": 4,
    "save_limit": 200,
    "bulk": 1,
    "max_rss": 600_000,
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
    "ALT_CLUSTERS": {TRANSCODE_CLUSTER: {"workers": TRANSCODE_WORKERS}},
    **({"broker_class": _broker} if _broker else {}),
    "scheduler": not IS_TRIAL,
}

# -- Health -------------------------------------------------------------------------------------
# Whether workers run for this site, on any host. If not, /healthz does not check them.
HEALTH_EXPECTS_WORKERS = env.bool("HEALTH_EXPECTS_WORKERS", True)
# A token with which a monitor may read /readyz, as staff may; "" for none.
READYZ_TOKEN = env.str("READYZ_TOKEN", "")

# -- Mail ---------------------------------------------------------------------------------------
EMAIL_URL = env.str("EMAIL_URL", "")
MAIL_IS_CONFIGURED = bool(EMAIL_URL)
if MAIL_IS_CONFIGURED:
    vars().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"clipset@{_site.hostname}")
EMAIL_TIMEOUT = 10  # seconds

# -- Language, time, logs -----------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = ["clipset.formats"]
USE_TZ = True
