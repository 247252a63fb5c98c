"""Explore: what was spent, by what, when; looked at, kept, and taken along."""
