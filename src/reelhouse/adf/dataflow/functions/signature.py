"""What the check and the translation know of a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Function:
    """`most` is None for any number of arguments. `build` gives the column of its arguments (see `compile`)."""

    name: str
    least: int
    most: int | None
    build: Callable[[Any], Any]


def table(**entries: tuple[int, int | None, Callable[[Any], Any]]) -> dict[str, Function]:
    """Functions by name, from (least, most, build). A name that Python reserves ends in an underscore."""
    return {name.rstrip("_"): Function(name.rstrip("_"), *entry) for name, entry in entries.items()}
