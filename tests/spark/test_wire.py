"""The raw wire: what a broken connection may not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from pyspark.errors import PySparkException

from reelhouse.plans import plan


class _Broken(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "the connection broke after the server had done the work"

    def trailing_metadata(self) -> tuple[()]:
        return ()


class _BreaksOnce:
    """The stub of the engine, whose first answer is lost."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stub, name)

    def ExecutePlan(self, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        yield from self._stub.ExecutePlan(*arguments, **options)
        if self.calls == 1:
            raise _Broken


def test_a_write_whose_answer_is_lost_is_not_written_twice(
    house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = house.context.wire.client
    stub = _BreaksOnce(client._stub)
    monkeypatch.setattr(client, "_stub", stub)
    with pytest.raises(PySparkException):
        house.context.wire.write_parquet(plan.sql("SELECT 1 AS a"), str(tmp_path / "stage"))
    assert stub.calls == 2
    assert len(list((tmp_path / "stage").glob("*.parquet"))) == 1
