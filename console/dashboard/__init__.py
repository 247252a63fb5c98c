"""The first page of the admin: what is spent, what is wrong, and what waits."""
