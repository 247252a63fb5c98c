"""The whole API as pure functions that build requests."""
