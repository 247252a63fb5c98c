"""The product's settings, with a few views more to compare with."""

from costops.settings import *

ROOT_URLCONF = "dev.benchmarks.urls"
