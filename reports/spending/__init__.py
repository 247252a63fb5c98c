"""Questions people put to the ledger: what was spent, by what, when; as files too."""
