"""The report that finance keeps of a month: its figures, its pages, its PDF."""
