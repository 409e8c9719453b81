"""A session with two schemas, and short ways to ask it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def sql(house: Any) -> Any:
    """`sql("…")` runs a statement or query and gives its rows as dicts."""

    def run(text: str, args: Any = None) -> list[dict[str, Any]]:
        frame = house.spark.sql(text, args=args) if args else house.spark.sql(text)
        return frame.toArrow().to_pylist()

    return run


@pytest.fixture
def titles(sql: Any) -> SimpleNamespace:
    """The table bronze.t with three rows, and its present rows by id."""
    sql("USE SCHEMA bronze")
    sql("CREATE TABLE t (id BIGINT, name STRING, n INT)")
    sql("INSERT INTO t VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', NULL)")

    def rows() -> dict[int, tuple[Any, ...]]:
        return {row["id"]: (row["name"], row["n"]) for row in sql("SELECT * FROM t")}

    def version() -> int:
        return int(sql("DESCRIBE HISTORY t LIMIT 1")[0]["version"])

    return SimpleNamespace(rows=rows, version=version)
