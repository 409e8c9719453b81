"""Which snapshot functions may be left unasked while their tables stand still."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import functions as F

from reelhouse.pipelines.purity import is_pure


@dataclass(frozen=True)
class Release:
    at: datetime

    def later(self) -> bool:
        return self.at > datetime(2020, 1, 1, tzinfo=UTC)


class Clocked:
    def moment(self) -> datetime:
        return datetime.now(UTC)


def helper(text: str) -> Any:
    return json.loads(text)


def reads_a_table(last: Any) -> Any:
    return spark.read.table("a").agg(F.max("b")).collect(), helper("1"), Release(last).later()  # type: ignore[name-defined]  # noqa: F821


def asks_the_time(last: Any) -> Any:
    return datetime.now(UTC)


def reads_a_file(last: Any) -> Any:
    with open("x") as file:
        return file.read()


def imports_something(last: Any) -> Any:
    import random

    return random.random()


def asks_the_environment(last: Any) -> Any:
    return os.environ["X"]


def calls_what_asks(last: Any) -> Any:
    return Clocked().moment()


def has_inner_function(last: Any) -> Any:
    return list(map(lambda x: os.listdir(x), [last]))  # noqa: C417


@pytest.mark.parametrize("function", [reads_a_table])
def test_a_function_of_tables_and_its_arguments_is_pure(function: Callable[..., Any]) -> None:
    assert is_pure(function)


@pytest.mark.parametrize(
    "function",
    [asks_the_time, reads_a_file, imports_something, asks_the_environment, calls_what_asks, has_inner_function, max],
)
def test_a_function_that_reaches_outside_is_not(function: Callable[..., Any]) -> None:
    assert not is_pure(function)
