"""Mapping data flows: their script, its check, and its translation to a Spark plan."""
