"""The product's settings with what tests need otherwise, and nothing else."""

from costops.settings import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECRET_KEY = "tests-only"
SITE_URL = "http://testserver"
WHITENOISE_AUTOREFRESH = True  # not a walk through all files for every test client
MAIL_DOMAINS = ["*"]  # but for tests of who is asked first
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
