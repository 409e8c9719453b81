"""`spark.read.csv`, `.json`, `.text` as plain Spark means them: which files, which columns, and the plan.

https://spark.apache.org/docs/latest/sql-data-sources-generic-options.html
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reelhouse.autoloader.ddl import fields, to_ddl
from reelhouse.autoloader.dialect import boolean
from reelhouse.autoloader.discovery import glob_to_regex, walk
from reelhouse.autoloader.options import check_reader_options
from reelhouse.autoloader.partitions import partition_types, partition_values
from reelhouse.autoloader.reader import Relation, scan
from reelhouse.autoloader.request import FileEntry
from reelhouse.autoloader.schema import check_types
from reelhouse.autoloader.timestamps import micros_of, zone
from reelhouse.errors import Unsupported, UserError
from reelhouse.storage.lake import Lake

_GLOB = re.compile(r"[*?\[{]")
DEFAULT_CORRUPT = "_corrupt_record"


@dataclass(frozen=True)
class Source:
    """The files of a batch read and their schema as (name, type), partition columns last."""

    files: tuple[FileEntry, ...]
    columns: tuple[tuple[str, str], ...]
    partition_columns: tuple[str, ...]
    rescued: str | None
    corrupt: str | None


def batch_read(
    format: str,
    options: Mapping[str, str],
    schema: str | None,
    paths: Sequence[str],
    lake: Lake,
    *,
    metadata: bool = False,
    time_zone: str = "UTC",
) -> Relation:
    """`spark.read.format(format).options(options).schema(schema).load(paths)` as a plan, with Spark's semantics.

    A CSV column is found by its position, as Spark does it (`enforceSchema`).

    Args:
        format: csv, json or text.
        options: reader options, names in any case.
        schema: DDL or the JSON of a StructType; without one it is inferred as Spark infers it.
        paths: addresses of files, folders or globs.
        lake: where the addresses lie.
        metadata: whether the plan gives a last column `_metadata`.

    Raises `UserError` for a path without files and for options that do not fit.
    """
    source = resolve(format, options, schema, paths, lake, time_zone=time_zone)
    return scan(
        source.files,
        format,
        options,
        to_ddl(source.columns),
        rescued=source.rescued,
        corrupt=source.corrupt,
        metadata=metadata,
        partition_columns=source.partition_columns,
        by_name=format.lower() in ("json", "orc", "avro"),
        time_zone=time_zone,
    )


def infer_batch_schema(
    format: str, options: Mapping[str, str], paths: Sequence[str], lake: Lake, *, time_zone: str = "UTC"
) -> str:
    """The schema (DDL) that Spark infers for a batch read."""
    source = resolve(format, options, None, paths, lake, time_zone=time_zone)
    rescued = [(source.rescued, "string")] if source.rescued else []
    return to_ddl([*source.columns, *rescued])


def resolve(
    format: str,
    options: Mapping[str, str],
    schema: str | None,
    paths: Sequence[str],
    lake: Lake,
    *,
    time_zone: str = "UTC",
) -> Source:
    """Which files a batch read takes and what its columns are."""
    check_reader_options(format, options)
    given = {name.lower(): value for name, value in options.items()}
    if boolean(given, "mergeschema", False):
        raise Unsupported(
            f"Option 'mergeSchema' in a read of {format}",
            remedy="Give a schema, or use Auto Loader, which merges them.",
        )
    files = batch_files(given, paths, lake, time_zone)
    if schema is not None:
        columns = fields(schema)
        check_types(columns, "in the schema")
    else:
        from reelhouse.autoloader.infer import infer

        columns = infer(format.lower(), options, files, time_zone=time_zone)
    partitions = partition_types(file.partition for file in files)
    declared = {name.lower(): kind for name, kind in columns}
    columns = [column for column in columns if column[0].lower() not in {name.lower() for name in partitions}]
    columns += [(name, declared.get(name.lower(), kind)) for name, kind in partitions.items()]
    corrupt = given.get("columnnameofcorruptrecord", DEFAULT_CORRUPT)
    rescued = given.get("rescueddatacolumn")
    return Source(
        tuple(files), tuple(columns), tuple(partitions), rescued, corrupt if corrupt in dict(columns) else None
    )


def batch_files(given: Mapping[str, str], paths: Sequence[str], lake: Lake, time_zone: str) -> list[FileEntry]:
    """The files of a batch read, in the order of paths and names, with the values of their partition columns."""
    if not paths:
        raise UserError("A read names no path", remedy="Give one to load(), csv(), json() or text().")
    keep = _filter(given, time_zone)
    recursive = boolean(given, "recursivefilelookup", False)
    base = lake.local(given["basepath"]) if "basepath" in given else None
    found: list[FileEntry] = []
    for path in paths:
        local = lake.local(path)
        roots = sorted(_expand(local)) if _GLOB.search(local) else [local]
        roots = [root for root in roots if os.path.exists(root) and not _hidden(root)]
        if not roots:
            raise UserError(
                f"[PATH_NOT_FOUND] Path does not exist: {path}", remedy=f"It would lie at {local} on this machine."
            )
        for root in roots:
            found += [replace(entry, url=lake.url(entry.path)) for entry in _entries(root, base, recursive, keep)]
    return found


def _hidden(path: str) -> bool:
    return os.path.basename(path).startswith((".", "_"))


def _entries(root: str, base: str | None, recursive: bool, keep: Any) -> Iterator[FileEntry]:
    if os.path.isfile(root):
        entry = _entry(root, {} if base is None else partition_values(os.path.relpath(root, base)))
        if keep(entry):
            yield entry
        return
    for relative in sorted(walk(root)):
        path = os.path.join(root, relative)
        from_base = relative if base is None else os.path.relpath(path, base)
        values = {} if recursive else partition_values(from_base)
        # Spark reads below a folder only what partition columns lead to, unless told to look everywhere.
        if not recursive and len(partition_values(relative)) < relative.count("/"):
            continue
        entry = _entry(path, values)
        if keep(entry):
            yield entry


def _entry(path: str, partition: Mapping[str, str | None]) -> FileEntry:
    status = os.stat(path)
    return FileEntry(path, status.st_size, status.st_mtime_ns // 1_000_000, partition=partition)


def _filter(given: Mapping[str, str], time_zone: str) -> Any:
    name = given.get("pathglobfilter")
    name_matches = re.compile(glob_to_regex(name, strict=True)).fullmatch if name else None
    after = _moment(given.get("modifiedafter"), given.get("timezone", time_zone))
    before = _moment(given.get("modifiedbefore"), given.get("timezone", time_zone))

    def keep(entry: FileEntry) -> bool:
        if name_matches and not name_matches(os.path.basename(entry.path)):
            return False
        if after is not None and entry.modified_ms <= after:
            return False
        return before is None or entry.modified_ms < before

    return keep


def _moment(text: str | None, time_zone: str) -> float | None:
    if text is None:
        return None
    try:
        datetime.fromisoformat(text)
        return micros_of(text, zone(time_zone)) / 1000
    except ValueError:
        raise UserError(
            f"'{text}' is not a time for modifiedAfter or modifiedBefore", remedy="Write it as 2020-06-01T13:00:00."
        ) from None


def _expand(path: str) -> list[str]:
    """The paths that a glob matches; braces list alternatives, as in Hadoop."""
    match = re.search(r"\{([^{}]*)\}", path)
    if not match:
        return glob.glob(path)
    return [
        found
        for choice in match[1].split(",")
        for found in _expand(path[: match.start()] + choice + path[match.end() :])
    ]
