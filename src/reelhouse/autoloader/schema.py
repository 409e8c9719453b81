"""The schema of an Auto Loader source: what its files show, what hints say, and how it may grow. Pure.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/schema
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reelhouse.autoloader.ddl import TYPES, fields, quoted, wrong_type
from reelhouse.errors import Unsupported, UserError, did_you_mean

Columns = tuple[tuple[str, str], ...]
"""Names and types (DDL) of columns, in order."""

RESCUED = "_rescued_data"
_WIDER: Mapping[str, tuple[str, ...]] = {
    "tinyint": ("smallint", "int", "bigint", "double"),
    "smallint": ("int", "bigint", "double"),
    "int": ("bigint", "double"),
    "bigint": (),
    "float": ("double",),
}
_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


class UnknownFieldException(UserError):
    """A file has columns that the schema lacks. With `is_retryable` the next start has them in its schema.

    https://docs.databricks.com/aws/en/error-messages/unknown-field-exception-error-class
    """

    def __init__(self, what: str, *, is_retryable: bool) -> None:
        super().__init__(what)
        self.is_retryable = is_retryable


@dataclass(frozen=True)
class FileColumns:
    """The columns that one file has; `address` is how messages name the file."""

    address: str
    columns: Columns
    per_record: bool = False
    """Whether each record names its columns (json), not the file as a whole."""


@dataclass(frozen=True)
class Fits:
    """The files can be read with the schema as it is."""


@dataclass(frozen=True)
class Evolve:
    """The schema grows to `columns`; the stream notes that and stops with `error`."""

    columns: Columns
    error: UnknownFieldException


@dataclass(frozen=True)
class Fail:
    """The stream stops with `error`, the schema stays."""

    error: UnknownFieldException


Decision = Fits | Evolve | Fail


def decide(mode: str, known: Columns, files: Sequence[FileColumns]) -> Decision:
    """What new columns in these files lead to.

    Args:
        mode: `cloudFiles.schemaEvolutionMode`, in any case.
        known: all columns of the source's schema, those of folders' names and special ones among them.
        files: the columns of the files of a batch.
    """
    kind = mode.lower()
    if kind in ("rescue", "none"):
        return Fits()
    widen = kind == "addnewcolumnswithtypewidening"
    merged, new, wider, first = _merge(known, files, widen)
    if first is None:
        return Fits()
    retry = kind != "failonnewcolumns"
    error = UnknownFieldException(_message(first, new, wider, retry), is_retryable=retry)
    return Evolve(merged, error) if retry else Fail(error)


def _merge(
    known: Columns, files: Iterable[FileColumns], widen: bool
) -> tuple[Columns, dict[str, str], dict[str, str], FileColumns | None]:
    """The known columns with new ones at the end; the new and the widened ones; the first file that has any."""
    types = dict(known)
    spelling = {name.lower(): name for name in types}
    new: dict[str, str] = {}
    wider: dict[str, str] = {}
    first: FileColumns | None = None
    for file in files:
        for name, kind in file.columns:
            own = spelling.setdefault(name.lower(), name)
            if own not in types:
                types[own] = new[own] = kind
                first = first or file
            elif widen and (wide := widened(types[own], kind)) is not None:
                types[own] = wide
                (new if own in new else wider)[own] = wide
                first = first or file
    return tuple(types.items()), new, wider, first


def _message(file: FileColumns, new: Mapping[str, str], wider: Mapping[str, str], retry: bool) -> str:
    place = "RECORD_WITH_FILE_PATH" if file.per_record else "FILE"
    unit = "record" if file.per_record else "file"
    what = "NEW_FIELDS_AND_WIDENED_TYPES" if new and wider else "NEW_FIELDS" if new else "NEW_TYPE_FOR_FIELDS"
    names = ",".join([*new, *wider])
    lines = [
        f"[UNKNOWN_FIELD_EXCEPTION.{what}_IN_{place}] Encountered unknown fields during parsing: [{names}], which can "
        f"be fixed by an automatic retry: {str(retry).lower()}",
        f"Unknown fields inside file path: {file.address}",
    ]
    if new:
        lines.append(f"Rescued {unit} schema: {_struct(new)}")
    if wider:
        lines.append(f"Schema of fields with widened types: {_struct(wider)}")
    return "\n".join([*lines, "SQLSTATE: KD003"])


def _struct(columns: Mapping[str, str]) -> str:
    return f"struct<{','.join(f'{name}:{kind}' for name, kind in columns.items())}>"


def widened(known: str, seen: str) -> str | None:
    """The type that a column of type `known` grows to when a file has `seen`; None when it stays.

    >>> widened("int", "double"), widened("int", "string"), widened("bigint", "decimal(10,2)")
    ('double', None, 'decimal(22,2)')
    """
    known, seen = known.lower(), seen.lower()
    if seen in _WIDER.get(known, ()):
        return seen
    target = _DECIMAL.fullmatch(seen)
    if not target:
        return None
    precision, scale = int(target[1]), int(target[2])
    source = _DECIMAL.fullmatch(known)
    if source:
        whole = max(precision - scale, int(source[1]) - int(source[2]))
        scale = max(scale, int(source[2]))
    elif known in _DIGITS:
        whole = max(precision - scale, _DIGITS[known])
    else:
        return None
    wide = f"decimal({min(whole + scale, 38)},{scale})"
    return wide if wide != known else None


def wider_of(left: str, right: str) -> str:
    """The type for values of both types: one of them, a wider number, or string."""
    if left == right:
        return left
    if {left, right} == {"bigint", "double"}:
        return "double"
    return widened(left, right) or widened(right, left) or "string"


def union(files: Iterable[Columns], *, typed: bool) -> Columns:
    """The columns of several files in the order of first sight; names that differ in case are one column.

    Without `typed` every column is a string.
    """
    types: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for columns in files:
        for name, kind in columns:
            own = spelling.setdefault(name.lower(), name)
            types[own] = wider_of(types[own], kind) if own in types else kind
    return tuple((name, kind if typed else "string") for name, kind in types.items())


def with_hints(columns: Columns, hints: str | None) -> Columns:
    """The columns with the types, spelling and further columns that `cloudFiles.schemaHints` gives.

    Raises `UserError` for a hint that is no column, or whose type does not exist.
    """
    if not hints:
        return columns
    given = {name.lower(): (name, kind) for name, kind in fields(hints)}
    check_types(given.values(), "in cloudFiles.schemaHints")
    nested = [name for name, _ in given.values() if "." in name]
    if nested:
        raise Unsupported(
            f"Hint '{nested[0]}' in cloudFiles.schemaHints is for a field inside a column",
            remedy=f"Give the type of the whole column, as in {quoted(nested[0].split('.')[0])} STRUCT<…>.",
        )
    merged = [given.pop(name.lower(), (name, kind)) for name, kind in columns]
    return (*merged, *given.values())


def check_types(columns: Iterable[tuple[str, str]], where: str) -> None:
    """Raise `UserError` for a column whose type is none, before an engine meets it; `where` says who gave it."""
    for name, kind in columns:
        wrong = wrong_type(kind)
        if wrong is not None:
            raise UserError(
                f"[UNSUPPORTED_DATATYPE] The type '{wrong}' of column '{name}' {where} does not exist",
                remedy=did_you_mean(wrong, (*TYPES, "array", "map", "struct")),
            )


def evolution_mode(mode: str | None, *, has_user_schema: bool) -> str:
    """The evolution mode in force: `addNewColumns` without a schema of the user's, `none` with one.

    Raises `UserError` for `addNewColumns` together with a user's schema.
    """
    if mode is None:
        return "none" if has_user_schema else "addNewColumns"
    if has_user_schema and mode.lower().startswith("addnewcolumns"):
        raise UserError(
            f"[CF_ADD_NEW_NOT_SUPPORTED] Schema evolution mode {mode} is not supported when the schema is specified",
            remedy="Give cloudFiles.schemaHints in place of the schema, or another cloudFiles.schemaEvolutionMode.",
        )
    return mode
