"""Errors that are not of this package, as a person should read them."""

from __future__ import annotations


def as_text(error: Exception) -> str | None:
    """One text for a wrong call of the command line or an error of PySpark; None for anything else, a fault of ours."""
    from typer.exceptions import TyperException

    if isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        usage = f"\n{context.get_usage()}" if context is not None else ""
        message = getattr(error, "format_message", error.__str__)()
        return f"error: {message}{usage}"
    if type(error).__module__.startswith("pyspark.errors"):
        return f"error: {str(error).strip()}"
    return None
