"""Errors that are not ours, as a person reads them."""

from __future__ import annotations

import errno
import os
import sqlite3

import pytest

from reelhouse.report.failure import as_text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/lake/x"), "error: The disk is full: "),
        (sqlite3.OperationalError("database or disk is full"), "error: The disk is full: "),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "/lake/x"), "error: The disk cannot be written: "),
    ],
)
def test_a_disk_that_takes_nothing_more_is_no_fault_of_ours(error: Exception, said: str) -> None:
    try:
        raise RuntimeError("an activity") from error
    except RuntimeError as outer:
        assert (as_text(outer) or "").startswith(said)


def test_another_error_stays_one_of_ours() -> None:
    assert as_text(FileNotFoundError(errno.ENOENT, "gone")) is None
