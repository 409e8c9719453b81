"""Column names and types from the files themselves.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/schema
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from reelhouse.autoloader import columnar, csv, json, schema
from reelhouse.autoloader.dialect import Dialect, Mode, boolean, dialect
from reelhouse.autoloader.formats import unknown_format
from reelhouse.autoloader.json_types import Inference
from reelhouse.autoloader.request import FileEntry, blamed_on
from reelhouse.autoloader.values import converter
from reelhouse.errors import UserError

Columns = list[tuple[str, str]]

_LADDER = ("int", "bigint", "double", "date", "timestamp", "boolean")


def infer(format: str, options: Mapping[str, str], files: Sequence[FileEntry], *, time_zone: str = "UTC") -> Columns:
    """The columns that a plain Spark read infers: names from the first file, types when `inferSchema` is on."""
    given = {name.lower(): value for name, value in options.items()}
    if format == "text":
        return [("value", "string")]
    if format == "csv":
        how = dialect(options)
        names = next((found for file in files if (found := csv.read_header(file.path, how))), [])
        if not names:
            raise UserError(
                "[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for CSV: no file has a record",
                remedy="Give a schema with .schema(…).",
            )
        if not boolean(given, "inferschema", False):
            return [(name, "string") for name in names]
        return list(zip(names, csv_types(files, how, len(names), given, time_zone), strict=True))
    if format == "json":
        return _spark_json(options, files, time_zone)
    if format in columnar.FORMATS:
        return _first_columns(format, files)
    raise unknown_format(format)


def _spark_json(options: Mapping[str, str], files: Sequence[FileEntry], time_zone: str) -> Columns:
    how = dialect(options)
    found, malformed = Inference(options, time_zone), False
    for file in files:
        for text in json.texts(file.path, how):
            try:
                for record in json.records(text):
                    found.add(record)
            except ValueError:
                malformed = malformed or how.mode is Mode.PERMISSIVE
    columns = dict(found.columns(sort=True))
    if malformed:
        name = {key.lower(): value for key, value in options.items()}.get(
            "columnnameofcorruptrecord", "_corrupt_record"
        )
        columns.setdefault(name, "string")
    if not columns:
        raise UserError(
            "[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for JSON: no file has a record",
            remedy="Give a schema with .schema(…).",
        )
    return sorted(columns.items())


def infer_columns(
    format: str, options: Mapping[str, str], files: Sequence[FileEntry], typed: bool, time_zone: str = "UTC"
) -> schema.Columns:
    """The columns that Auto Loader infers: those of all files, in the order of first sight."""
    seen = columns_of_files(format, options, files, typed, time_zone)
    return schema.union((file.columns for file in seen), typed=typed)


def columns_of_files(
    format: str,
    options: Mapping[str, str],
    files: Sequence[FileEntry],
    typed: bool,
    time_zone: str = "UTC",
) -> list[schema.FileColumns]:
    """The columns of each file. Without `typed` all are strings, and of a CSV file only the header is read."""
    if format == "csv":
        return [_of_file(_csv_columns, file, options, typed, time_zone) for file in files]
    if format == "json":
        return [_of_file(_json_columns, file, options, typed, time_zone) for file in files]
    if format in columnar.FORMATS:
        return [_of_file(_columnar_columns(format), file, options, typed, time_zone) for file in files]
    raise unknown_format(format)


def _first_columns(format: str, files: Sequence[FileEntry]) -> Columns:
    """What a plain read takes the columns of such files from: one of them."""
    for file in files:
        with blamed_on(file):
            return _columns_in(format, file)
    raise UserError(
        f"[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for {format.upper()}: there is no file",
        remedy="Give a schema with .schema(…).",
    )


def _columnar_columns(
    format: str,
) -> Callable[[FileEntry, Mapping[str, str], bool, str], schema.FileColumns]:
    def columns(file: FileEntry, options: Mapping[str, str], typed: bool, time_zone: str) -> schema.FileColumns:
        return schema.FileColumns(file.address, tuple(_columns_in(format, file)))

    return columns


def _columns_in(format: str, file: FileEntry) -> Columns:
    try:
        return columnar.columns_of(format, file.path)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"[FAILED_READ_FILE.NO_HINT] {file.address} cannot be read as {format}: {error}") from error


def _of_file(
    columns: Callable[[FileEntry, Mapping[str, str], bool, str], schema.FileColumns],
    file: FileEntry,
    options: Mapping[str, str],
    typed: bool,
    time_zone: str,
) -> schema.FileColumns:
    with blamed_on(file):
        return columns(file, options, typed, time_zone)


def _csv_columns(file: FileEntry, options: Mapping[str, str], typed: bool, time_zone: str) -> schema.FileColumns:
    how = dialect(options)
    names = csv.read_header(file.path, how)
    kinds = ["string"] * len(names)
    if typed:
        given = {name.lower(): value for name, value in options.items()}
        kinds = csv_types([file], how, len(names), given, time_zone)
    return schema.FileColumns(file.address, tuple(zip(names, kinds, strict=True)))


def _json_columns(file: FileEntry, options: Mapping[str, str], typed: bool, time_zone: str) -> schema.FileColumns:
    how = dialect(options)
    found = Inference(options, time_zone)
    names: dict[str, str] = {}
    for text in json.texts(file.path, how):
        try:
            for record in json.records(text):
                if typed:
                    found.add(record)
                else:
                    names.update(dict.fromkeys(record, "string"))
        except ValueError:
            continue  # a malformed record shows no columns; reading it is what reports it
    columns = found.columns(sort=False) if typed else list(names.items())
    return schema.FileColumns(file.address, tuple(columns), per_record=True)


def csv_types(
    files: Sequence[FileEntry], how: Dialect, width: int, given: Mapping[str, str], time_zone: str
) -> list[str]:
    """For each column by position the first type of Spark's ladder that fits all its values; string if none does."""
    given = {"dateformat": "yyyy-MM-dd", **given}  # Spark infers dates from this spelling alone
    steps: list[int | None] = [None] * width
    for file in files:
        for block in csv.read_blocks(file.path, how, width):
            for at, column in enumerate(block.columns):
                steps[at] = _step(column, steps[at], given, time_zone)
    return ["string" if step is None or step >= len(_LADDER) else _LADDER[step] for step in steps]


def _step(column: pa.Array, step: int | None, given: Mapping[str, str], time_zone: str) -> int | None:
    values = pc.unique(column.drop_null())
    if not len(values) or step == len(_LADDER):
        return step
    for candidate in range(step or 0, len(_LADDER)):
        if not converter(_LADDER[candidate], given, time_zone)(values)[1]:
            # A number is no date: what began as one can only become another number, or text.
            if step is not None and candidate > step and (step <= 2 < candidate or candidate == 5):
                return len(_LADDER)
            return candidate
    return len(_LADDER)
