"""Rows of files for a stream: Auto Loader with its schema log, and Spark's plain file streams."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from reelhouse.autoloader import run
from reelhouse.autoloader.ddl import fields, to_json
from reelhouse.autoloader.discovery import Selection, list_files
from reelhouse.autoloader.options import CloudFiles
from reelhouse.autoloader.partitions import partition_values
from reelhouse.autoloader.request import FileEntry
from reelhouse.autoloader.state import Found
from reelhouse.errors import Unsupported
from reelhouse.streaming.port import Session
from reelhouse.streaming.source import Relation

if TYPE_CHECKING:
    from reelhouse.autoloader.run import SourceSchema
    from reelhouse.autoloader.schema_log import SchemaLog


class Entries:
    """Turns files that were found into what readers of rows are told of them."""

    def __init__(self, session: Session, selection: Selection, *, partitions: bool = True) -> None:
        self._session = session
        self.selection = selection
        self._partitions = partitions

    def of(self, found: Sequence[Found]) -> list[FileEntry]:
        """The entries of these files. A file that has gone since keeps what was known of it: reading it will tell."""
        root = self.selection.root
        entries = []
        for file in found:
            path = os.path.join(root, file.path)
            values = partition_values(file.path) if self._partitions else {}
            entries.append(FileEntry(path, *_present(path, file), url=self._session.lake.url(path), partition=values))
        return entries

    def sample(self) -> list[FileEntry]:
        """All files of the source, oldest first."""
        return self.of(list_files(self.selection, self._session.clock.now()))


class CloudFilesReader:
    """Rows of an Auto Loader source by its options and schema log."""

    def __init__(
        self,
        session: Session,
        entries: Entries,
        options: CloudFiles,
        user_schema: str | None,
        log: SchemaLog | None,
        *,
        metadata: bool,
    ) -> None:
        self._session = session
        self._entries = entries
        self._options = options
        self._user_schema = user_schema
        self._log = log
        self._metadata = metadata

    def prepare(self) -> None:
        """Find out the schema: from the log as a rule, from files at the first start."""
        _ = self._schema

    def read(self, found: Sequence[Found]) -> Relation:
        """The rows of the files. Raises `UnknownFieldException`, with the grown schema logged, for new columns."""
        entries = self._entries.of(found)
        zone = _time_zone(self._session)
        if entries:
            run.check_files(self._schema, self._options, entries, self._log, time_zone=zone)
        self._session.need_file_reader()
        return run.read_files(self._schema, self._options, entries, metadata=self._metadata, time_zone=zone)

    @cached_property
    def _schema(self) -> SourceSchema:
        # Only an inference asks for the zone, and with it the engine.
        infers = self._user_schema is None and (self._log is None or self._log.latest() is None)
        zone = _time_zone(self._session) if infers else "UTC"
        return run.open_schema(self._options, self._user_schema, self._log, self._entries.sample, time_zone=zone)


class PlainReader:
    """Rows of a plain file stream, whose schema the user has given."""

    def __init__(
        self,
        session: Session,
        entries: Entries,
        format: str,
        options: dict[str, str],
        schema: str,
        *,
        metadata: bool,
    ) -> None:
        self._session = session
        self._entries = entries
        self._format = format
        self._options = options
        self._schema = schema
        self._metadata = metadata

    def prepare(self) -> None:
        pass

    def read(self, found: Sequence[Found]) -> Relation:
        entries = self._entries.of(found)
        partitions = sorted({name for entry in entries for name in entry.partition})
        unknown = [name for name in partitions if name not in self._names]
        if unknown:
            raise Unsupported(
                f"The folders of '{self._entries.selection.path}' have a column '{unknown[0]}', which the stream's "
                "schema lacks",
                remedy="Add it to the schema, or set recursiveFileLookup to true to do without it.",
            )
        return self._parquet(entries, partitions) if self._format == "parquet" else self._scan(entries, partitions)

    @cached_property
    def _names(self) -> list[str]:
        return [name for name, _ in fields(self._schema)]

    def _parquet(self, entries: Sequence[FileEntry], partitions: Sequence[str]) -> Relation:
        from reelhouse.plans import plan, tables

        schema = to_json(fields(self._schema))
        if not entries:
            return plan.empty(schema)
        return tables.read_files(json.loads(schema), partitions, [(entry.path, entry.partition) for entry in entries])

    def _scan(self, entries: Sequence[FileEntry], partitions: Sequence[str]) -> Relation:
        from reelhouse.autoloader.reader import scan

        self._session.need_file_reader()
        given = {name.lower(): value for name, value in self._options.items()}
        corrupt = given.get("columnnameofcorruptrecord", run.DEFAULT_CORRUPT)
        return scan(
            entries,
            self._format,
            self._options,
            self._schema,
            corrupt=corrupt if corrupt in self._names else None,
            metadata=self._metadata,
            partition_columns=partitions,
            by_name=self._format in ("json", "orc", "avro"),
            time_zone=_time_zone(self._session),
        )


def _present(path: str, file: Found) -> tuple[int, int]:
    """Size and time of change of the file as it is now: after an overwrite its present content is what is read."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return file.size, file.modified_ns // 1_000_000
    return status.st_size, status.st_mtime_ns // 1_000_000


def _time_zone(session: Session) -> str:
    return session.conf.read("spark.sql.session.timeZone") or "UTC"
