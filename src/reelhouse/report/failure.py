"""Errors that are not of this package, as a person should read them."""

from __future__ import annotations

import errno
import sqlite3

from reelhouse.report.trace import without_own_frames

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
_OF_SQLITE = {"database or disk is full": _NO_ROOM, "attempt to write a readonly database": _NO_RIGHT}
_REPEAT = "What was committed stands; run it again"


def as_text(error: Exception) -> str | None:
    """One text for a wrong call of the command line, an error of PySpark or a disk that takes nothing more.

    None for anything else, a fault of ours.
    """
    from typer.exceptions import TyperException

    if isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        usage = f"\n{context.get_usage()}" if context is not None else ""
        message = getattr(error, "format_message", error.__str__)()
        return f"error: {message}{usage}"
    if type(error).__module__.startswith("pyspark.errors"):
        return f"error: {without_own_frames(str(error).strip())}"
    return _disk(error)


def _disk(error: BaseException) -> str | None:
    """What keeps the disk from being written, when that is the error or what it came of."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        reason: int | None = found.errno if isinstance(found, OSError) else None
        if isinstance(found, sqlite3.Error):
            reason = next((kinds[0] for text, kinds in _OF_SQLITE.items() if text in str(found)), None)
        if reason in _NO_ROOM:
            return f"error: The disk is full: {found}. {_REPEAT} when there is room."
        if reason in _NO_RIGHT:
            return f"error: The disk cannot be written: {found}. {_REPEAT} with the right to write there."
        found = found.__cause__ or found.__context__
    return None
