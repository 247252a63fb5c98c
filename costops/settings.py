"""Settings: one file, every value from the environment (see `.env.example`)."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.urls import reverse_lazy

from costops import env

django_stubs_ext.monkeypatch()  # lets ModelAdmin[Budget] exist at run time

# -- Core

BASE_DIR = env.BASE_DIR
DEBUG = env.flag("COSTOPS_DEBUG", default=False)
SECRET_KEY = env.secret_key()
ENCRYPTION_KEYS = env.encryption_keys()  # newest first
ALLOWED_HOSTS = env.listed("COSTOPS_ALLOWED_HOSTS", "localhost,127.0.0.1")
PORT = env.number("PORT", 8080)
SITE_URL = env.text("COSTOPS_SITE_URL", f"http://localhost:{PORT}").rstrip("/")
ROOT_URLCONF = "costops.urls"
WSGI_APPLICATION = "costops.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True
VERSION: str = re.findall(
    r"^## \[?(\d[^\]\s]*)", (BASE_DIR / "CHANGELOG.md").read_text(), re.M
)[0]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_filters",
    "costops",  # before django_q: its qcluster also installs the schedules
    "django_q",
    "axes",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "mptt",
    "rest_framework",
    "simple_history",
    "accounts",
    "notifications",
    "ledger",
    "budgets",
    "forecasts",
    "approvals",
    "alerts",
    "controls",
    "intake",
    "reports",
    "bulk",
    "console.apps.ConsoleConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.idle.IdleMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.audit.AuditMiddleware",
    "accounts.looking.LookingMiddleware",
    "lib.humanize.ReaderMiddleware",
    "lib.web.RefusalMiddleware",
    "axes.middleware.AxesMiddleware",
]

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
            ]
        },
    }
]

# -- Data

DATABASES = {"default": env.database()}
REDIS_URL = env.text("REDIS_URL")  # the queue alone: it may be away

# -- People

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
PASSWORD_RESET_TIMEOUT = 3_600  # seconds a mailed link is good for
SESSION_IDLE_S = env.number("COSTOPS_SESSION_IDLE_HOURS", 8) * 3_600

# -- Log-in: how often one may be wrong (see `accounts.throttling`)

AXES_HANDLER = "accounts.throttling.LoginThrottle"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "username", "ip_address"]
AXES_USERNAME_FORM_FIELD = "username"  # of the log-in page
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "accounts.throttling.account_of"
AXES_CLIENT_IP_CALLABLE = "lib.web.address_of"
AXES_LOCKOUT_CALLABLE = "console.accounts.passwords.throttled"
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# -- Security: what depends on https follows the address people use

_HTTPS = SITE_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = SECURE_SSL_REDIRECT = _HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0  # a year
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
# On this machine alone plain http needs no warnings: nothing goes over a network.
_IS_LOCAL = urlsplit(SITE_URL).hostname in {"localhost", "127.0.0.1", "::1"}
SILENCED_SYSTEM_CHECKS = (
    ["security.W004", "security.W008", "security.W012", "security.W016"]
    if _IS_LOCAL and not _HTTPS
    else []
)
X_FRAME_OPTIONS = "DENY"
# Nothing of others, nothing inline but styles. Alpine, which the admin's theme comes
# with, needs eval for its expressions.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
    }
}

# -- Mail

globals().update(env.email())
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("COSTOPS_FROM_EMAIL", "costops@localhost")

# -- Requests to addresses people give

OUTGOING_ALLOW = env.listed("COSTOPS_OUTGOING_ALLOW")  # networks let through the guard
PAGERDUTY_URL = env.text("COSTOPS_PAGERDUTY_URL", "https://events.pagerduty.com")
# Domains whose mail addresses need not confirm that they want mail; "*": all there are.
MAIL_DOMAINS = env.listed("COSTOPS_MAIL_DOMAINS")
SMS_URL = env.text("COSTOPS_SMS_URL")  # an apprise address that ends in the numbers

# -- Files that leave by themselves

# Feeds may put files below it, each organization into a folder of its own; "": nowhere.
EXPORT_DIR = env.text("COSTOPS_EXPORT_DIR")

# -- Workers

Q_CLUSTER: dict[str, Any] = {
    "name": "costops",
    "workers": env.number("COSTOPS_WORKERS", 3),
    "timeout": 600,  # seconds a task may run
    "retry": 660,  # must exceed the timeout, or a running task is started twice
    "max_attempts": 5,  # the library's default is without end
    "poll": 0.5,  # seconds
    "catch_up": False,
    "save_limit": 1000,
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
}
FOLLOWING_TASK = "costops.tasks.follow"  # gets the changes that apps announce

# -- API

DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 2**20  # bytes of a request's body
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["lib.web.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "lib.web.Page",
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "costops.openapi.Schema",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is no method here: the schema says all
    "EXCEPTION_HANDLER": "lib.web.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DATETIME_FORMAT": "iso-8601",
}
SPECTACULAR_SETTINGS: dict[str, object] = {
    "TITLE": "CostOps",
    "DESCRIPTION": "Plan, watch and stop what a company spends on LLM APIs.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["costops.openapi.complete"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": False},  # it puts links into buttons
}

# -- Files, language, time

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "reports.finders.MadeFilesFinder",
]
MADE_FILES_DIR = env.VAR_DIR / "made"
WHITENOISE_USE_FINDERS = True  # the server needs no collectstatic first
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = ["costops.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

# -- Logs

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "lib.logs.LineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # A line for every enqueued task would drown the rest; log-ins are logged by
    # accounts.throttling, who would say them twice.
    "loggers": {"django-q": {"level": "WARNING"}, "axes": {"level": "ERROR"}},
}

UNFOLD = {
    "SITE_TITLE": "CostOps",
    "SITE_HEADER": "CostOps",
    "SITE_SUBHEADER": "What your LLMs cost, and may cost",
    "SITE_SYMBOL": "account_balance_wallet",
    "SITE_URL": "",  # there is no site beside this one to return to
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": "console.site.navigation",
    },
}
