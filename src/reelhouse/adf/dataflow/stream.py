"""The streams between transformations: a data frame, and what its columns are called and where they come from.

Columns of the frame have names of their own, so that two of a stream may have the same name, as after a join.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reelhouse.adf.dataflow.tokens import ScriptError
from reelhouse.adf.dataflow.types import name_of
from reelhouse.errors import did_you_mean

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

_numbers = itertools.count(1)


def fresh() -> str:
    """A name for a column of a frame that nothing else has."""
    return f"c{next(_numbers)}"


@dataclass(frozen=True)
class StreamField:
    """A column of a stream. `column` is its name in the frame; `origins` are the streams that it went through."""

    name: str
    column: str
    type: DataType
    origins: frozenset[str] = frozenset()

    @property
    def type_name(self) -> str:
        return name_of(self.type)


@dataclass(frozen=True)
class Stream:
    """`hidden` are columns of the frame that no expression sees by name: policies of rows, marks of a lookup."""

    name: str
    frame: DataFrame
    fields: tuple[StreamField, ...]
    hidden: dict[str, str] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    """The sources that its rows come from."""

    def find(self, name: str, stream: str = "") -> StreamField | None:
        """The column of a name, None without one. The case of letters counts only where two names differ in it."""
        candidates = [item for item in self.fields if not stream or _of(stream, item, self.name)]
        exact = next((item for item in candidates if item.name == name), None)
        return exact or next((item for item in candidates if item.name.lower() == name.lower()), None)

    def named(self, name: str) -> Stream:
        """The same stream after a transformation: its name becomes one of the origins of all columns."""
        fields = tuple(replace(item, origins=item.origins | {name}) for item in self.fields)
        return replace(self, name=name, fields=fields)

    def with_frame(self, frame: DataFrame) -> Stream:
        return replace(self, frame=frame)

    def renamed(self) -> Stream:
        """The same rows with fresh names in the frame, so that a stream can be joined with itself."""
        from pyspark.sql import functions as F

        fields = tuple(replace(item, column=fresh()) for item in self.fields)
        hidden = {key: fresh() for key in self.hidden}
        columns = [F.col(old.column).alias(new.column) for old, new in zip(self.fields, fields, strict=True)]
        columns += [F.col(old).alias(hidden[key]) for key, old in self.hidden.items()]
        return replace(self, frame=self.frame.select(*columns), fields=fields, hidden=hidden)


def _of(stream: str, item: StreamField, current: str) -> bool:
    return stream in item.origins or stream == current or stream.rpartition("@")[2] in item.origins


def made(
    name: str,
    base: Stream,
    columns: Sequence[tuple[str, Column, Iterable[str]]],
    *,
    hidden: dict[str, str] | None = None,
    frame: DataFrame | None = None,
) -> Stream:
    """A stream of new columns: (name, value, origins) each, computed on a frame. Types are asked of the engine."""
    from pyspark.sql import functions as F

    kept = base.hidden if hidden is None else hidden
    names = [fresh() for _ in columns]
    selected = [value.alias(column) for (_, value, _), column in zip(columns, names, strict=True)]
    result = (base.frame if frame is None else frame).select(*selected, *(F.col(item) for item in kept.values()))
    types = result.schema.fields
    fields = tuple(
        StreamField(label, column, types[index].dataType, frozenset(origins) | {name})
        for index, ((label, _, origins), column) in enumerate(zip(columns, names, strict=True))
    )
    return replace(base, name=name, frame=result, fields=fields, hidden=dict(kept))


def require(stream: Stream, name: str, line: int) -> StreamField:
    """The column of a name. Raises `ScriptError` naming the nearest one."""
    found = stream.find(name)
    if found is None:
        known = [item.name for item in stream.fields]
        raise ScriptError(f"The stream '{stream.name}' has no column '{name}'", line, remedy=did_you_mean(name, known))
    return found
