"""Applies a translator: rows in, rows out, and documents to rows. Batches are mapped column by column.

https://learn.microsoft.com/azure/data-factory/copy-activity-schema-and-type-mapping
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.movement.conversion import Rules, arrow_type, convert, json_of
from reelhouse.adf.movement.rows import Documents, Progress, RowStream
from reelhouse.adf.movement.translator import Column, Translator
from reelhouse.errors import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 10_000
"""Documents that become one batch."""


@dataclass(frozen=True)
class Mapper:
    """`existing` are the columns that a sink has already, None for one that takes what comes."""

    translator: Translator
    existing: pa.Schema | None = None

    @property
    def passes_documents(self) -> bool:
        """Whether documents reach a sink of documents as they are."""
        translator = self.translator
        return translator.columns is None and translator.collection is None and not translator.complex_to_text

    def mapped(self, stream: RowStream) -> RowStream:
        """The rows as the sink gets them. Raises `ActivityFailed`."""
        columns = self.translator.columns
        if columns is None and self.existing is None:
            if not self.translator.complex_to_text:
                return stream
            columns = tuple(Column((name,), name=name) for name in stream.schema.names)
        elif columns is None:
            columns = self._by_name(stream.schema.names)
        plan = [self._target(column, stream.schema) for column in columns]
        return _Mapping(self.translator, columns, plan, stream).stream()

    def _by_name(self, names: Sequence[str]) -> tuple[Column, ...]:
        assert self.existing is not None
        lower = {name.lower(): name for name in reversed(self.existing.names)}
        columns = []
        for name in names:
            sink = name if name in self.existing.names else lower.get(name.lower())
            if sink is None:
                raise _no_column(name, "sink", self.existing.names)
            columns.append(Column((sink,), name=name))
        return tuple(columns)

    def _target(self, column: Column, schema: pa.Schema) -> pa.DataType:
        """The type that a column gets in the sink."""
        import pyarrow as pa

        if column.type is not None:
            return arrow_type(column.type, column.precision)
        if self.existing is not None and len(column.sink) == 1 and column.sink[0] in self.existing.names:
            return self.existing.field(column.sink[0]).type
        if column.source_type is not None and self.existing is None:
            return arrow_type(column.source_type)
        found = schema.field(_index(column, schema)).type
        if pa.types.is_nested(found) and self.translator.complex_to_text:
            return pa.string()
        return found

    def rows_of(self, documents: Documents, *, paths: bool = False) -> RowStream:
        """Documents as rows of the mapped columns; `paths` for sinks that take nested values."""
        unfolded = _Unfolded(self.translator, documents, paths)
        rows = unfolded.rows()
        first = list(islice(rows, CHUNK))
        columns = self.translator.columns
        flat = columns is not None
        names = [_key(column, i) for i, column in enumerate(columns)] if columns else unfolded.names(first)
        schema = _schema_of(first, names)
        stream = RowStream(schema, _batches(chain(first, rows), schema, documents.progress, flat), documents.progress)
        if columns is None:
            return Mapper(Translator(rules=self.translator.rules), self.existing).mapped(stream)
        plain = tuple(
            Column(c.sink, ordinal=i + 1, type=c.type, source_type=c.source_type, source_format=c.source_format,
                   sink_format=c.sink_format, culture=c.culture, precision=c.precision, name=None)
            for i, c in enumerate(columns)
        )  # fmt: skip
        return Mapper(Translator(plain, rules=self.translator.rules), self.existing).mapped(stream)


def _key(column: Column, index: int) -> str:
    return f"{index}:{column.shown}"


@dataclass
class _Unfolded:
    """Documents as flat rows: the collection's items, each with what is beside it."""

    translator: Translator
    documents: Documents
    nested: bool

    def rows(self) -> Iterator[dict[str, Any]]:
        for document in self.documents.items:
            for item in self._items(document):
                self.documents.progress.rows_read += 1
                yield self._row(document, item)

    def _items(self, document: dict[str, Any]) -> list[Any]:
        collection = self.translator.collection
        if collection is None:
            return [document]
        found = collection.find(document)
        items = found[0] if len(found) == 1 and isinstance(found[0], list) else found
        return items if isinstance(items, list) else [items]

    def _row(self, document: dict[str, Any], item: Any) -> dict[str, Any]:
        columns = self.translator.columns
        if columns is None:
            source = item if isinstance(item, dict) else {"value": item}
            return {name: self._plain(name, value) for name, value in source.items()}
        row = {}
        for index, column in enumerate(columns):
            start = document if column.from_root else item
            if column.path is not None:
                found = column.path.find(start)
            else:
                found = [start[column.name]] if isinstance(start, dict) and column.name and column.name in start else []
            value = None if not found else found[0] if len(found) == 1 else found
            row[_key(column, index)] = self._plain(column.shown, value)
        return row

    def _plain(self, name: str, value: Any) -> Any:
        if not isinstance(value, dict | list):
            return value
        if self.translator.complex_to_text:
            return json_of(value)
        if self.nested:
            return value
        raise ActivityFailed(
            "2200",
            f"ErrorCode=SchemaMappingFailedInHierarchicalToTabularStage,'{name}' holds {json_of(value)[:60]}, which is "
            "no single value; map what is inside of it by path, or set mapComplexValuesToString",
        )

    def names(self, rows: list[dict[str, Any]]) -> list[str]:
        return list(dict.fromkeys(name for row in rows for name in row))


def _schema_of(rows: list[dict[str, Any]], names: list[str]) -> pa.Schema:
    import pyarrow as pa

    fields = []
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            kind = pa.array(values).type
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            kind = pa.string()
        fields.append((name, pa.string() if pa.types.is_null(kind) else kind))
    return pa.schema(fields)


def _batches(
    rows: Iterator[dict[str, Any]], schema: pa.Schema, progress: Progress, flat: bool
) -> Iterator[pa.RecordBatch]:
    known = set(schema.names)
    while chunk := list(islice(rows, CHUNK)):
        import pyarrow as pa

        if not flat:
            extra = next((name for row in chunk for name in row if name not in known), None)
            if extra is not None:
                raise ActivityFailed(
                    "2200",
                    f"ErrorCode=UserErrorInvalidDataValue,The property '{extra}' is not among those of the first "
                    f"{CHUNK} objects, which gave the columns; name the columns in a mapping",
                )
        bad: dict[int, str] = {}
        arrays = [_array([row.get(field.name) for row in chunk], field, bad) for field in schema]
        for index, name in bad.items():
            progress.bad.add(chunk[index], "UserErrorInvalidDataValue", _invalid(name, chunk[index].get(name)))
        batch = pa.record_batch(arrays, schema=schema)
        yield _without(batch, bad)


def _array(values: list[Any], field: pa.Field, bad: dict[int, str]) -> pa.Array:
    """Values of one column. Those that are of another type are text where the column is text, else wrong."""
    import pyarrow as pa

    try:
        return pa.array(values, field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        found = []
        strict = Rules(allow_truncation=False)
        for index, value in enumerate(values):
            try:
                one, wrong = convert(pa.array([value]), field.type, strict)
            except pa.ArrowException:
                one, wrong = pa.nulls(1, field.type), [0]
            if wrong:
                bad[index] = field.name
            found.append(one)
        return pa.concat_arrays(found)


def _invalid(name: str, value: Any) -> str:
    return f"Column '{name}' contains an invalid value '{value}'"


def _without(batch: pa.RecordBatch, bad: dict[int, str]) -> pa.RecordBatch:
    import pyarrow as pa

    if not bad:
        return batch
    return batch.filter(pa.array([index not in bad for index in range(batch.num_rows)]))


def _index(column: Column, schema: pa.Schema) -> int:
    if column.name is not None:
        if column.name in schema.names:
            return int(schema.names.index(column.name))
        raise _no_column(column.name, "source", schema.names)
    if column.ordinal is not None:
        if column.ordinal <= len(schema.names):
            return column.ordinal - 1
        raise ActivityFailed(
            "2200",
            f"ErrorCode=UserErrorInvalidColumnName,The source has {len(schema.names)} columns, no number "
            f"{column.ordinal}",
        )
    assert column.path is not None
    names = [step.key for step in column.path.steps]
    if len(names) == 1 and names[0] in schema.names:
        return int(schema.names.index(names[0]))
    raise _no_column(column.path.text, "source", schema.names)


def _no_column(name: str, side: str, known: Sequence[str]) -> ActivityFailed:
    return ActivityFailed(
        "2200", f"ErrorCode=UserErrorInvalidColumnName,The {side} has no column '{name}'. {did_you_mean(name, known)}"
    )


@dataclass
class _Mapping:
    """One stream on its way through a mapping."""

    translator: Translator
    columns: tuple[Column, ...]
    types: list[pa.DataType]
    source: RowStream

    def stream(self) -> RowStream:
        empty = self._nested(self.types)
        return RowStream(empty, self._mapped(), self.source.progress)

    def _mapped(self) -> Iterator[pa.RecordBatch]:
        for batch in self.source.batches:
            yield self._one(batch)

    def _one(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        arrays: list[pa.Array] = []
        bad: dict[int, str] = {}
        for column, to in zip(self.columns, self.types, strict=True):
            index = _index(column, batch.schema)
            values = batch.column(index)
            pattern = column.sink_format if pa.types.is_string(to) else column.source_format
            found, wrong = convert(values, to, self._rules(column), pattern)
            for row in wrong:
                name, kind = batch.schema.names[index], column.type or str(to)
                bad.setdefault(row, f"{_invalid(name, values[row].as_py())}. It cannot be converted to type '{kind}'")
            arrays.append(found)
        for row, message in sorted(bad.items()):
            values_of_row = batch.slice(row, 1).to_pylist()[0]
            self.source.progress.bad.add(values_of_row, "UserErrorInvalidDataValue", message)
        flat = pa.record_batch(arrays, names=[str(index) for index in range(len(arrays))])
        kept = _without(flat, bad)
        return _nest(kept.columns, [column.sink for column in self.columns])

    def _rules(self, column: Column) -> Rules:
        return replace(self.translator.rules, culture=column.culture) if column.culture else self.translator.rules

    def _nested(self, types: list[pa.DataType]) -> pa.Schema:
        import pyarrow as pa

        return _nest([pa.nulls(0, kind) for kind in types], [column.sink for column in self.columns]).schema


def _nest(arrays: Sequence[pa.Array], paths: Sequence[tuple[str, ...]]) -> pa.RecordBatch:
    """A batch whose columns with a common beginning of their paths are in one struct."""
    import pyarrow as pa

    names, columns = _level(list(zip(paths, arrays, strict=True)))
    return pa.record_batch(columns, names=names)


def _level(items: list[tuple[tuple[str, ...], Any]]) -> tuple[list[str], list[Any]]:
    import pyarrow as pa

    groups: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
    for path, array in items:
        groups.setdefault(path[0], []).append((path[1:], array))
    columns = []
    for name, inner in groups.items():
        if not inner[0][0]:
            if len(inner) > 1:
                raise ActivityFailed("2200", f"ErrorCode=UserErrorInvalidColumnName,Two columns map to '{name}'")
            columns.append(inner[0][1])
        else:
            names, arrays = _level(inner)
            columns.append(pa.StructArray.from_arrays(arrays, names=names))
    return list(groups), columns
