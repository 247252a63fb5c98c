"""Callbacks for other packages, which are imported only when one is made."""
