"""`spark.read.parquet`: which files, which partition columns, which schema; then the files with that schema.

The embedded engine takes partition values for text, finds nothing under some globs, and merges schemas unasked, so all
three are decided here, as Spark does.
https://spark.apache.org/docs/latest/sql-data-sources-parquet.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelhouse.errors import Unsupported, UserError, did_you_mean
from reelhouse.plans import plan
from reelhouse.plans.tables import MOST_PARTITIONS, read_files

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext

_OPTIONS = (
    "mergeSchema",
    "pathGlobFilter",
    "recursiveFileLookup",
    "basePath",
    "modifiedBefore",
    "modifiedAfter",
    "timeZone",
)


def read_parquet(
    context: SessionContext, options: Mapping[str, str], schema: str | None, paths: Sequence[str]
) -> plan.Relation:
    """The rows of Parquet files at these addresses, with partition columns last unless `schema` places them."""
    from reelhouse.autoloader.batch import batch_files
    from reelhouse.autoloader.partitions import partition_types

    given = {key.lower(): value for key, value in options.items()}
    known = {name.lower() for name in _OPTIONS}
    unknown = [key for key in options if key.lower() not in known]
    if unknown:
        raise Unsupported(
            f"Parquet reader option '{unknown[0]}' is not supported", remedy=did_you_mean(unknown[0], _OPTIONS)
        )
    zone = context.conf.read("spark.sql.session.timeZone") or "UTC"
    files = batch_files(given, [context.lake.local(path) for path in paths], context.lake, zone)
    if not files and schema is None:
        raise UserError(
            f"UNABLE_TO_INFER_SCHEMA: there are no Parquet files in {', '.join(paths)}",
            remedy="Give a schema, or write files first.",
        )
    types = partition_types(file.partition for file in files)
    if len({tuple(file.partition.items()) for file in files}) > MOST_PARTITIONS:
        raise Unsupported(
            f"A read of more than {MOST_PARTITIONS} partitions of Parquet files is not supported",
            remedy="Use a Delta table, or name fewer folders.",
        )
    merge = given.get("mergeschema", "false").lower() == "true"
    asked = {"mergeSchema": "true"} if merge else {}
    first = [file.path for file in files] if merge else [file.path for file in files[:1]]
    fields = _fields(context, plan.empty(schema) if schema else plan.read_data_source("parquet", asked, paths=first))
    declared = {field["name"].lower() for field in fields}
    fields += [
        {"name": name, "type": _json_type(kind), "nullable": True, "metadata": {}}
        for name, kind in types.items()
        if name.lower() not in declared
    ]
    spelled = {field["name"].lower(): field["name"] for field in fields}
    columns = [spelled[name.lower()] for name in types]
    return read_files(
        {"type": "struct", "fields": fields},
        columns,
        [(file.path, {spelled[name.lower()]: value for name, value in file.partition.items()}) for file in files],
    )


def _fields(context: SessionContext, relation: plan.Relation) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = context.wire.schema(relation).jsonValue()["fields"]
    return [{**field, "nullable": True} for field in fields]


def _json_type(ddl: str) -> str:
    """A partition column's type as a schema's JSON spells it."""
    return {"int": "integer", "bigint": "long"}.get(ddl, ddl)
