"""Pipelines as pictures."""
