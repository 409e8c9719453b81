"""What a stream does with its schema: find it, watch it grow, read files with it. The only part here that writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reelhouse.autoloader.ddl import fields, to_ddl
from reelhouse.autoloader.options import CloudFiles
from reelhouse.autoloader.partitions import partition_types
from reelhouse.autoloader.reader import Relation, scan
from reelhouse.autoloader.request import FileEntry
from reelhouse.autoloader.schema import (
    RESCUED,
    Columns,
    Decision,
    Evolve,
    Fail,
    check_types,
    decide,
    evolution_mode,
    with_hints,
)
from reelhouse.autoloader.schema_log import SchemaLog
from reelhouse.errors import UserError

SAMPLE_FILES = 1000
SAMPLE_BYTES = 50 << 30
DEFAULT_CORRUPT = "_corrupt_record"
_FIXED: Mapping[str, Columns] = {
    "text": (("value", "string"),),
    "binaryfile": (
        ("path", "string"),
        ("modificationTime", "timestamp"),
        ("length", "bigint"),
        ("content", "binary"),
    ),
}


@dataclass(frozen=True)
class SourceSchema:
    """The schema that a start of a stream reads with."""

    number: int | None
    """Its number in the schema log; None when the user gave it or the format fixes it."""
    data: Columns
    partitions: Columns
    mode: str
    rescued: str | None
    corrupt: str | None

    @property
    def columns(self) -> Columns:
        """All columns in the order in which rows have them; the rescued data column is last."""
        named = {name for name, _ in self.data}
        extra = [(self.rescued, "string")] if self.rescued and self.rescued not in named else []
        return (*self.data, *self.partitions, *extra)

    @property
    def ddl(self) -> str:
        return to_ddl(self.columns)


def open_schema(
    options: CloudFiles,
    user_schema: str | None,
    log: SchemaLog | None,
    sample: Callable[[], Sequence[FileEntry]],
    *,
    time_zone: str = "UTC",
) -> SourceSchema:
    """The schema for a start of a stream: the user's, the newest of the log, or what the files show, which is logged.

    Args:
        options: the source's options, checked.
        user_schema: DDL or JSON from `.schema(…)`.
        log: the schema log, None without `cloudFiles.schemaLocation`.
        sample: gives files to infer from; called only when it comes to that.

    Raises `UserError` when a schema has to be inferred and there is no schema location or no file.
    """
    mode = evolution_mode(options.text("schemaEvolutionMode"), has_user_schema=user_schema is not None)
    rescued = options.rescued_data_column
    if user_schema is not None:
        columns = tuple(fields(user_schema))
        check_types(columns, "in the schema")
        return _split(None, columns, options, mode, rescued)
    with_hints((), options.text("schemaHints"))  # a wrong hint is told before files are looked at
    if options.format in _FIXED and log is None:
        return SourceSchema(None, _FIXED[options.format], (), "none", rescued, None)
    if log is None:
        raise UserError(
            "[CF_SCHEMA_LOCATION_MISSING] Option cloudFiles.schemaLocation is missing, and no schema is given",
            remedy="Give one of the two.",
        )
    if options.format in _FIXED:
        mode = "none"  # nothing can be new in such files, so nothing is rescued unless it is asked for
    elif rescued is None and mode.lower() != "none":
        rescued = RESCUED
    known = log.latest()
    if known is None:
        data, partitions = infer_schema(options, sample(), time_zone=time_zone)
        log.put(0, data, partitions)
        known = log.latest()
        assert known is not None
    hinted = with_hints(known.data, options.text("schemaHints"))
    return SourceSchema(known.number, hinted, known.partitions, mode, rescued, _corrupt_name(options, hinted))


def schema_once(
    options: CloudFiles,
    user_schema: str | None,
    files: Sequence[FileEntry],
    rescued: str,
    *,
    time_zone: str = "UTC",
) -> SourceSchema:
    """The schema to read these files with one time: the user's, or what they show, with a column for the rest."""
    if user_schema is not None:
        columns = tuple(fields(user_schema))
        check_types(columns, "in the schema")
        return _split(None, columns, options, "none", options.rescued_data_column)
    data, partitions = infer_schema(options, files, time_zone=time_zone)
    named = options.rescued_data_column or (None if options.format in _FIXED else rescued)
    return SourceSchema(None, data, partitions, "rescue", named, _corrupt_name(options, data))


def infer_schema(options: CloudFiles, files: Sequence[FileEntry], *, time_zone: str = "UTC") -> tuple[Columns, Columns]:
    """Data columns with hints, and partition columns, from a sample of files."""
    from reelhouse.autoloader.infer import infer_columns

    partitions = _partition_columns(options, files)
    own = {name.lower() for name, _ in partitions}
    if options.format in _FIXED:
        data = _FIXED[options.format]
    else:
        if not files:
            raise UserError(
                "[CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE] Cannot infer the schema when the input path is empty",
                remedy="Start the stream when there are files, or give a schema.",
            )
        data = infer_columns(options.format, options.reader_options, files[:SAMPLE_FILES], options.typed, time_zone)
    data = tuple(column for column in data if column[0].lower() not in own)
    return with_hints(data, options.text("schemaHints")), partitions


def check_files(
    schema: SourceSchema,
    options: CloudFiles,
    files: Sequence[FileEntry],
    log: SchemaLog | None,
    *,
    time_zone: str = "UTC",
) -> None:
    """Stop the stream when files of a batch bring columns that its evolution mode stops for.

    Raises `UnknownFieldException`, after the grown schema is in the log where the mode lets it grow.
    """
    if options.format in _FIXED or schema.mode.lower() in ("none", "rescue"):
        return
    from reelhouse.autoloader.infer import columns_of_files

    known = schema.columns + _special(schema)
    widen = schema.mode.lower() == "addnewcolumnswithtypewidening"

    def seen(with_types: bool) -> Decision:
        found = columns_of_files(options.format, options.reader_options, files, with_types, time_zone)
        return decide(schema.mode, known, found)

    decision = seen(options.typed and widen)
    if isinstance(decision, Evolve) and options.typed and not widen:
        decision = seen(True)  # only now are the new columns' types worth a look at the rows
    if isinstance(decision, Evolve):
        apart = {name.lower() for name, _ in (*schema.partitions, *_special(schema))} | {str(schema.rescued).lower()}
        data = tuple(column for column in decision.columns if column[0].lower() not in apart or column in schema.data)
        if log is not None:
            log.put((schema.number if schema.number is not None else -1) + 1, data, schema.partitions)
        raise decision.error
    if isinstance(decision, Fail):
        raise decision.error


def read_files(
    schema: SourceSchema,
    options: CloudFiles,
    files: Sequence[FileEntry],
    *,
    metadata: bool = False,
    time_zone: str = "UTC",
) -> Relation:
    """The rows of these files as a plan."""
    return scan(
        files,
        options.format,
        options.reader_options,
        schema.ddl,
        rescued=schema.rescued,
        corrupt=schema.corrupt,
        metadata=metadata,
        partition_columns=[name for name, _ in schema.partitions],
        time_zone=time_zone,
    )


def _special(schema: SourceSchema) -> Columns:
    return ((schema.corrupt, "string"),) if schema.corrupt else ()


def _split(number: int | None, columns: Columns, options: CloudFiles, mode: str, rescued: str | None) -> SourceSchema:
    wanted = {name.lower() for name in options.partition_columns or ()}
    missing = wanted - {name.lower() for name, _ in columns}
    if missing:
        raise UserError(
            f"cloudFiles.partitionColumns names '{sorted(missing)[0]}', which the schema lacks",
            remedy="Add it to the schema.",
        )
    data = tuple(column for column in columns if column[0].lower() not in wanted)
    partitions = tuple(column for column in columns if column[0].lower() in wanted)
    return SourceSchema(number, data, partitions, mode, rescued, _corrupt_name(options, columns))


def _corrupt_name(options: CloudFiles, columns: Columns) -> str | None:
    given = {name.lower(): value for name, value in options.reader.items()}
    name = given.get("columnnameofcorruptrecord", DEFAULT_CORRUPT)
    return name if name in dict(columns) else None


def _partition_columns(options: CloudFiles, files: Sequence[FileEntry]) -> Columns:
    asked = options.partition_columns
    if asked == ():
        return ()
    types = partition_types(file.partition for file in files)
    if asked is not None:
        found = {name.lower(): kind for name, kind in types.items()}
        types = {name: found.get(name.lower(), "string") for name in asked}
    return tuple((name, kind if options.typed else "string") for name, kind in types.items())
