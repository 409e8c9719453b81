"""Intervals and triggers."""

from __future__ import annotations

import pytest

from reelhouse.errors import UserError
from reelhouse.streaming.trigger import interval_in_ms


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("10 seconds", 10_000),
        ("1 second", 1000),
        ("0 seconds", 0),
        ("interval 5 minutes", 300_000),
        ("1 hour 30 minutes", 5_400_000),
        ("250 milliseconds", 250),
        ("1 DAY", 86_400_000),
    ],
)
def test_an_interval_is_read_as_spark_reads_it(text: str, milliseconds: int) -> None:
    assert interval_in_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "soon", "10", "5 fortnights", "1 second later"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not an interval"):
        interval_in_ms(text)
