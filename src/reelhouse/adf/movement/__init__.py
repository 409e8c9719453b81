"""Rows on their way through a Copy or a Lookup."""
