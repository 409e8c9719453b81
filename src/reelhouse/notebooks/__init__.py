"""Notebooks: the source format, magics, `dbutils`, widgets."""
