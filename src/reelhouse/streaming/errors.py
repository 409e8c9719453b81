"""What stops a streaming query, in the words of Spark and Databricks.

`error_class` is the name of the condition, which users match on and documentation lists,
https://docs.databricks.com/aws/en/error-messages/
"""

from __future__ import annotations

from reelhouse.errors import Place, UserError


class StreamingError(UserError):
    """A query cannot start or go on. The text begins with the condition's name in square brackets."""

    def __init__(self, error_class: str, what: str, *, where: Place | None = None, remedy: str = "") -> None:
        self.error_class = error_class
        super().__init__(f"[{error_class}] {what}", where=where, remedy=remedy)


class ConcurrentQuery(StreamingError):
    """Another run of the same checkpoint is active, or was first to write a batch."""

    def __init__(self, checkpoint: str, detail: str) -> None:
        super().__init__(
            "CONCURRENT_STREAM_LOG_UPDATE",
            f"Concurrent update of the checkpoint '{checkpoint}': {detail}",
            remedy="Only one streaming query may use a checkpoint at a time.",
        )


class QueryFailed(StreamingError):
    """A query that ran has ended with an error, told to whoever waits for it."""

    def __init__(self, query_id: str, run_id: str, cause: BaseException) -> None:
        self.query_id = query_id
        self.run_id = run_id
        super().__init__(
            "STREAM_FAILED",
            f"Query [id = {query_id}, runId = {run_id}] terminated with exception: {describe(cause)}",
        )


def describe(cause: BaseException) -> str:
    """The cause in one text, as a person wants to read it."""
    text = str(cause).strip()
    return text if isinstance(cause, UserError) and text else f"{type(cause).__name__}: {text}"


def condition_of(cause: BaseException) -> str:
    """The name of the condition, when the error has one.

    >>> condition_of(StreamingError("DELTA_SCHEMA_CHANGED", "…"))
    'DELTA_SCHEMA_CHANGED'
    """
    named = getattr(cause, "error_class", None)
    if isinstance(named, str):
        return named
    text = str(cause)
    if text.startswith("[") and "]" in text:
        return text[1 : text.index("]")]
    return ""
