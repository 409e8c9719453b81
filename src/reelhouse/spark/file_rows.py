"""Rows as they have to be for an engine to write them as Spark writes files.

The embedded engine spells timestamps and binary values in JSON otherwise, and in CSV it writes an empty text as NULL
and quotes otherwise: the former is mended here, the latter refused.
https://spark.apache.org/docs/latest/sql-data-sources-json.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelhouse.errors import Unsupported
from reelhouse.plans import plan

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext

FORMATS = ("parquet", "json", "text", "csv")
_OPTIONS: Mapping[str, frozenset[str]] = {
    "parquet": frozenset({"compression"}),
    "json": frozenset(),
    "text": frozenset(),
}


def file_rows(
    context: SessionContext,
    resolved: plan.Relation,
    format: str,
    options: Mapping[str, str],
    partition_by: Sequence[str] = (),
) -> plan.Relation:
    """The resolved rows, ready to be written in `format`. Raises `Unsupported` for what would come out otherwise."""
    if format not in FORMATS:
        raise Unsupported(
            f"Files of format '{format}' cannot be written here", remedy=f"Supported: delta, {', '.join(FORMATS[:3])}."
        )
    if context.engine != "sail":
        return resolved
    if format == "csv":
        raise Unsupported(
            "CSV files cannot be written by the embedded engine, which writes an empty text like NULL",
            remedy="Write JSON or Parquet, use toPandas().to_csv(…), or an engine sc://….",
        )
    unknown = [key for key in options if key.lower() not in _OPTIONS[format]]
    if unknown:
        raise Unsupported(f"Option '{unknown[0]}' of a write of {format} files is not supported by the embedded engine")
    if format != "json" and not partition_by:
        return resolved
    return _spelled_rows(context, resolved, format, {name.lower() for name in partition_by})


def _spelled_rows(
    context: SessionContext, resolved: plan.Relation, format: str, partition_by: set[str]
) -> plan.Relation:
    """The rows with those columns as text that the engine would spell otherwise than Spark."""
    from reelhouse.spark.write import partition_text

    zone = context.conf.read("spark.sql.session.timeZone") or "UTC"
    texts: dict[str, str | None] = {}
    for field in context.wire.schema(resolved).jsonValue()["fields"]:
        name, type = field["name"], field["type"]
        if name.lower() in partition_by:
            texts[name] = partition_text(name, type, zone)
        else:
            texts[name] = _json_text(name, type, zone) if format == "json" else None
    if not any(texts.values()):
        return resolved
    return plan.project(
        resolved,
        [
            plan.named(plan.expression(text), name) if text is not None else plan.column(name)
            for name, text in texts.items()
        ],
    )


def _json_text(name: str, type: Any, zone: str) -> str | None:
    """The expression that spells a column as Spark does, None for one that the engine spells the same. Pure."""
    column = plan.quote(name)
    if type == "timestamp":
        if zone.upper() not in ("UTC", "ETC/UTC", "Z", "GMT"):
            raise Unsupported("Timestamps are written to JSON files in UTC only here", remedy="Cast them to STRING.")
        return f"date_format({column}, \"yyyy-MM-dd'T'HH:mm:ss.SSS'Z'\")"
    if type == "timestamp_ntz":
        return f"date_format({column}, \"yyyy-MM-dd'T'HH:mm:ss.SSS\")"
    if type == "binary":
        return f"base64({column})"
    if isinstance(type, dict) and any(
        f'"{kind}"' in _spelled(type) for kind in ("timestamp", "timestamp_ntz", "binary")
    ):
        raise Unsupported(
            f"Column '{name}' holds timestamps or binary values inside of a {type['type']}: the embedded engine writes "
            "them to JSON files otherwise than Spark",
            remedy="Cast them to STRING, or write Parquet.",
        )
    return None


def _spelled(type: Any) -> str:
    import json

    return json.dumps(type)
