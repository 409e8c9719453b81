"""Any order of arrivals and failures brings each row to the sink once."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from reelhouse.failpoints import FailPoint
from reelhouse.streaming.source import Limit

POINTS = [
    "streaming.discovered",
    "streaming.before_offsets",
    "streaming.after_offsets",
    "streaming.after_sink",
    "streaming.after_commit",
]


@pytest.mark.parametrize("seed", range(40))
def test_each_row_comes_once(query: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    expected: list[str] = []
    for step in range(12):
        for number in range(chance.randrange(4)):
            line = f"{step}.{number}"
            query.put(f"{chance.choice('abc')}-{line}.csv", line)
            expected.append(line)
        monkeypatch.setenv("REELHOUSE_FAIL_AT", f"{chance.choice([*POINTS, 'nowhere'])}!raise")
        try:
            query.run(Limit(files=chance.choice([1, 2, 100])))
        except FailPoint:
            pass
    monkeypatch.delenv("REELHOUSE_FAIL_AT")

    query.run()

    assert sorted(query.sink.rows()) == sorted(expected)
    assert query.run() == []
