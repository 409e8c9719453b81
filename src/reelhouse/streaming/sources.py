"""From a streaming read to its source: options checked, addresses and names looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from reelhouse.errors import Unsupported, UserError, did_you_mean
from reelhouse.streaming import source
from reelhouse.streaming.delta_options import byte_count, positive
from reelhouse.streaming.delta_options import parse_options as parse_delta_options
from reelhouse.streaming.delta_source import DeltaSource
from reelhouse.streaming.errors import StreamingError
from reelhouse.streaming.port import Session
from reelhouse.streaming.selection import STREAM_OPTIONS, selection_of
from reelhouse.streaming.source import Limit, Source, SourceSpec

if TYPE_CHECKING:
    from reelhouse.autoloader.cleaning import CleanSource
    from reelhouse.autoloader.discovery import Selection
    from reelhouse.autoloader.options import CloudFiles

FORMATS = ("cloudFiles", "delta", "csv", "json", "text", "parquet", "orc", "avro")
_PLAIN = ("csv", "json", "text", "parquet", "orc", "avro")
_INERT = {"latestfirst": "false", "filenameonly": "false", "cleansource": "off"}


def open_source(session: Session, spec: SourceSpec, folder: str, *, metadata: bool = False) -> Source:
    """The source of a streaming read, which keeps what it needs in `folder`.

    Raises `Unsupported` for a format or option that is not done here, `StreamingError` when the folder belongs to
    another source.
    """
    name = spec.format.lower() or "delta"
    if name == "delta":
        return _delta(session, spec, folder)
    if name == "cloudfiles":
        return _cloud_files(session, spec, folder, metadata)
    if name in _PLAIN:
        return _files(session, replace(spec, format=name), folder, metadata)
    raise Unsupported(f"A stream from '{spec.format}' is not supported", remedy=f"Supported: {', '.join(FORMATS)}.")


def _delta(session: Session, spec: SourceSpec, folder: str) -> Source:
    if spec.schema:
        raise UserError("User specified schema is not supported with a Delta source", remedy="Leave out .schema(…).")
    name = None
    if spec.table is not None:
        entry = session.catalog.table(spec.table, session.current)
        if entry.is_view:
            raise Unsupported(f"The view '{spec.table}' cannot be read as a stream", remedy="Read its tables.")
        location, name = entry.location, str(entry.name)
    elif spec.path is not None:
        location = session.lake.local(spec.path)
    else:
        raise UserError("A stream from Delta names no table and no path")
    options = parse_delta_options(spec.options)
    source.remember(folder, spec, session.lake.url(location))
    return DeltaSource(location, folder, options, name, session.snapshot)


def _cloud_files(session: Session, spec: SourceSpec, folder: str, metadata: bool) -> Source:
    from reelhouse.autoloader.options import cloud_files
    from reelhouse.autoloader.schema_log import SchemaLog
    from reelhouse.streaming.cloud_files import CloudFilesReader, Entries
    from reelhouse.streaming.file_source import FileSource

    options = cloud_files(spec.options)
    path = _path(session, spec)
    given = {name.lower(): value for name, value in options.reader.items()}
    selection = selection_of(spec, path)
    location = options.text("schemaLocation")
    log = SchemaLog(session.lake.local(location)) if location else None
    entries = Entries(session, selection, partitions=not _flag(given, "recursivefilelookup"))
    reader = CloudFilesReader(session, entries, options, spec.schema, log, metadata=metadata)
    source.remember(folder, spec, session.lake.url(path))
    limit = Limit(options.max_files, options.max_bytes)
    _note_without_effect(session, options.no_effect)
    cleaning = _cleaning(session, options, selection)
    return FileSource("cloudFiles", selection, folder, reader, session.clock, limit=limit, cleaning=cleaning)


def _cleaning(session: Session, options: CloudFiles, selection: Selection) -> CleanSource | None:
    from reelhouse.autoloader.cleaning import CleanSource
    from reelhouse.autoloader.options import parse_interval

    mode = (options.text("cleanSource") or "OFF").upper()
    if mode == "OFF":
        return None
    destination = options.text("cleanSource.moveDestination") if mode == "MOVE" else None
    cleaning = CleanSource(
        parse_interval(options.text("cleanSource.retentionDuration") or "30 days"),
        session.lake.local(destination) if destination else None,
    )
    cleaning.check(selection.root)
    return cleaning


def _files(session: Session, spec: SourceSpec, folder: str, metadata: bool) -> Source:
    from reelhouse.autoloader.options import check_reader_options
    from reelhouse.streaming.cloud_files import Entries, PlainReader
    from reelhouse.streaming.file_source import FileSource

    schema = spec.schema or ("value STRING" if spec.format == "text" else None)
    if schema is None:
        raise StreamingError(
            "STREAMING_SCHEMA_MISSING",
            "Schema must be specified when creating a streaming source DataFrame.",
            remedy="Add .schema(…), or use Auto Loader (format 'cloudFiles'), which infers it.",
        )
    stream, reader = _split_options(spec.options)
    check_reader_options(spec.format, reader)
    given = {name.lower(): value for name, value in reader.items()}
    path = _path(session, spec)
    selection = selection_of(spec, path)
    limit = Limit(
        positive("maxFilesPerTrigger", stream.get("maxfilespertrigger")),
        byte_count("maxBytesPerTrigger", stream.get("maxbytespertrigger")),
    )
    entries = Entries(session, selection, partitions=not _flag(given, "recursivefilelookup"))
    rows = PlainReader(session, entries, spec.format, reader, schema, metadata=metadata)
    source.remember(folder, spec, session.lake.url(path))
    return FileSource(spec.format, selection, folder, rows, session.clock, limit=limit, offset_name="logOffset")


def _split_options(options: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The options of a file stream, by lower-case name, and those of its reader."""
    names = {name.lower() for name in STREAM_OPTIONS}
    stream = {name.lower(): value for name, value in options.items() if name.lower() in names}
    for name, value in stream.items():
        if name in _INERT and value.strip().lower() != _INERT[name]:
            raise Unsupported(
                f"The option '{name}' of a file stream is not supported",
                remedy=did_you_mean(name, ("maxFilesPerTrigger", "maxBytesPerTrigger", "maxFileAge")),
            )
    return stream, {name: value for name, value in options.items() if name.lower() not in names}


def _path(session: Session, spec: SourceSpec) -> str:
    if not spec.path:
        raise UserError(f"A stream from {spec.format} names no path", remedy="Give one to load().")
    return session.lake.local(spec.path)


def _flag(given: Mapping[str, str], name: str) -> bool:
    return given.get(name, "false").strip().lower() == "true"


def _note_without_effect(session: Session, names: tuple[str, ...]) -> None:
    if names and session.runs is not None:
        session.runs.note(f"No effect on this machine: {', '.join(names)}.")
