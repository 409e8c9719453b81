"""How an error raised on this side of the wire reaches user code: as the class that stock PySpark raises.

The stock client turns gRPC failures into exceptions of `pyspark.errors.exceptions.connect`. An exception that an
interceptor raises passes through it unchanged, so the right class is made here and the cause stays attached.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from reelhouse.errors import InternalError, ReelhouseError, Unsupported

_ERROR_CLASS = re.compile(r"^\[?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?:\.[A-Z0-9_]+)*)(?:\]|:) ")


def to_stock(error: Exception) -> Exception:
    """The exception that user code shall see for `error`: itself, unless it is one of this package.

    A `UserError` becomes an `AnalysisException`, `Unsupported` the `UnsupportedOperationException`, `InternalError` a
    `SparkRuntimeException`, each with the text of the original. A text that begins with an
    error class (`TABLE_OR_VIEW_NOT_FOUND: …`) gives it to `getCondition()`.
    """
    if not isinstance(error, ReelhouseError):
        return error
    from pyspark.errors.exceptions.connect import (
        AnalysisException,
        SparkRuntimeException,
        UnsupportedOperationException,
    )

    kind: Any = AnalysisException
    if isinstance(error, Unsupported):
        kind = UnsupportedOperationException
    elif isinstance(error, InternalError):
        kind = SparkRuntimeException
    text = str(error)
    match = _ERROR_CLASS.match(text)
    stock: Exception = kind(message=_bracketed(text), errorClass=match[1] if match else None)
    return stock


def raise_stock(error: Exception) -> NoReturn:
    """Raise what `to_stock` makes of `error`, with `error` as its cause."""
    stock = to_stock(error)
    if stock is error:
        raise error
    raise stock from error


def _bracketed(text: str) -> str:
    """Spark writes the error class in brackets: `[TABLE_OR_VIEW_NOT_FOUND] …`."""
    match = _ERROR_CLASS.match(text)
    if match is None or text.startswith("["):
        return text
    return f"[{match[1]}] {text[match.end() :].lstrip()}"
