"""Pages of what leaves the house: monthly reports, exports, the close of a month."""
