"""Chargeback: what a month cost each department, team, project or customer."""
