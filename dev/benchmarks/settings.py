"""The product's settings, with a few views more to compare with."""

from costops.settings import *  # noqa: F403

ROOT_URLCONF = "dev.benchmarks.urls"
