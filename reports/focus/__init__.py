"""The FOCUS export: what was spent, as rows that tools for cloud costs read."""
