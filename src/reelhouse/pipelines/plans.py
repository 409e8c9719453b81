"""What the plan of a query says: what it reads, whether it streams, whether it gives the same rows each time. Pure.

Names are replaced here as well: a view of the pipeline by its own plan, a table by its full name.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyspark.sql.connect.proto as proto

from reelhouse.errors import Place, UserError
from reelhouse.plans import plan
from reelhouse.spark import read_files, sqltext

_ids = itertools.count(1_000_000_000)
_PATH_FORMATS = frozenset({"delta", "parquet", "csv", "json", "text", "binaryfile"})
_CHANGING = frozenset(
    {
        "current_date",
        "curdate",
        "current_timestamp",
        "now",
        "localtimestamp",
        "unix_timestamp",
        "rand",
        "random",
        "randn",
        "uuid",
        "shuffle",
        "monotonically_increasing_id",
        "input_file_name",
        "current_user",
        "session_user",
        "user",
        "read_files",
        "cloud_files_state",
        "table_changes",
    }
)
_CHANGING_TEXT = re.compile(
    rf"\b(?:current_date|current_timestamp)\b|\b(?:{'|'.join(sorted(_CHANGING))})\s*\(", re.IGNORECASE
)


@dataclass(frozen=True)
class Reference:
    """A dataset that a plan reads, by the name as written."""

    name: str
    streaming: bool = False


def lift_sql(relation: plan.Relation, place: Place) -> plan.Relation:
    """The plan with every table of its SQL text standing as a read of its own beside the text.

    `SELECT … FROM STREAM x` becomes a query over a named streaming read, so that all plans are treated alike.
    """
    known = {
        reference.subquery_alias.alias.lower()
        for node in plan.walk(relation)
        if plan.kind(node) == "with_relations"
        for reference in node.with_relations.references
        if plan.kind(reference) == "subquery_alias"
    }

    def change(node: plan.Relation) -> plan.Relation | None:
        if plan.kind(node) == "sql":
            return _lift(node, known, place)
        if plan.kind(node) == "with_relations" and plan.kind(node.with_relations.root) == "with_relations":
            return _flatten(node)
        return None

    return plan.replace(relation, change)


def _lift(node: plan.Relation, known: set[str], place: Place) -> plan.Relation | None:
    query = node.sql.query
    try:
        query, files = _streamed_files(query)
        found = [t for t in sqltext.tables(query) if len(t.parts) > 1 or t.parts[0].lower() not in {*known, *files}]
    except UserError as error:
        raise UserError(error.what, where=place, remedy=error.remedy) from error
    if not found and not files:
        return None
    names = [(table, f"_reelhouse_{next(_ids)}") for table in found]
    lifted = proto.Relation()
    lifted.with_relations.root.CopyFrom(node)
    lifted.with_relations.root.sql.query = sqltext.rename(query, names)
    lifted.with_relations.references.extend(_identified(plan.alias(_read_of(table), local)) for table, local in names)
    lifted.with_relations.references.extend(_identified(plan.alias(read, local)) for local, read in files.items())
    return lifted


def _streamed_files(query: str) -> tuple[str, dict[str, plan.Relation]]:
    """The text with names in the place of `STREAM read_files(…)`, and the stream that each name stands for."""
    files: dict[str, plan.Relation] = {}
    for call in reversed(read_files.calls(query)):
        if call.streaming:
            name = f"_reelhouse_{next(_ids)}"
            files[name] = read_files.stream(call)
            query = query[: call.start] + name + query[call.end :]
    return query, files


def _read_of(table: sqltext.TableRef) -> plan.Relation:
    options = {}
    if table.version is not None:
        options["versionAsOf"] = str(table.version)
    if table.timestamp is not None:
        options["timestampAsOf"] = table.timestamp
    return plan.named_table(".".join(map(_quoted, table.parts)), options, streaming=table.streaming)


def quoted(name: str) -> str:
    """A name with each part in backticks."""
    return ".".join(plan.quote(part) for part in plan.split_name(name))


def _quoted(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z_]\w*", part) else plan.quote(part)


def _identified(relation: plan.Relation) -> plan.Relation:
    for node in plan.walk(relation):
        if not node.common.HasField("plan_id"):
            node.common.plan_id = next(_ids)
    return relation


def _flatten(node: plan.Relation) -> plan.Relation:
    flat = proto.Relation()
    inner = node.with_relations.root.with_relations
    flat.with_relations.root.CopyFrom(inner.root)
    flat.with_relations.references.extend([*node.with_relations.references, *inner.references])
    return flat


def references(relation: plan.Relation) -> list[Reference]:
    """What a lifted plan reads by name, each once."""
    found = [
        Reference(node.read.named_table.unparsed_identifier, node.read.is_streaming)
        for node in plan.walk(relation)
        if _is_named(node)
    ]
    return list(dict.fromkeys(found))


def _is_named(node: plan.Relation) -> bool:
    return plan.kind(node) == "read" and bool(node.read.HasField("named_table"))


def substitute(relation: plan.Relation, choose: Callable[[Reference], plan.Relation | None]) -> plan.Relation:
    """The plan with each named read replaced by what `choose` gives; None keeps it.

    Options of a read that is replaced by another read go over to it.
    """

    def change(node: plan.Relation) -> plan.Relation | None:
        if not _is_named(node):
            return None
        new = choose(Reference(node.read.named_table.unparsed_identifier, node.read.is_streaming))
        if new is not None and _is_named(new):
            copy = proto.Relation()
            copy.CopyFrom(new)
            for key, value in node.read.named_table.options.items():
                copy.read.named_table.options[key] = value
            return copy
        return new

    return plan.replace(relation, change)


def batched(relation: plan.Relation) -> plan.Relation:
    """The plan with streaming reads of tables as batch reads of all their rows."""

    def change(node: plan.Relation) -> plan.Relation | None:
        if _is_named(node) and node.read.is_streaming:
            return plan.named_table(node.read.named_table.unparsed_identifier)
        return None

    return plan.replace(relation, change)


def is_path(name: str) -> str | None:
    """The path of a name such as delta.`/path`, or None."""
    parts = plan.split_name(name)
    if len(parts) == 2 and parts[0].lower() in _PATH_FORMATS and ("/" in parts[1] or ":" in parts[1]):
        return parts[1]
    return None


def paths_read(relation: plan.Relation) -> list[str] | None:
    """Addresses of files that a plan reads, or None when it reads something whose state cannot be told."""
    paths: list[str] = []
    for node in plan.walk(relation):
        if plan.kind(node) != "read" or not node.read.HasField("data_source"):
            if _is_named(node) and (path := is_path(node.read.named_table.unparsed_identifier)):
                paths.append(path)
            continue
        source = node.read.data_source
        if source.format.lower() not in (*_PATH_FORMATS, "orc", "avro") or not source.paths:
            return None
        paths.extend(source.paths)
    return paths


def pivots(relation: plan.Relation) -> bool:
    """Whether a plan uses `pivot`, which pipelines do not allow."""
    pivot = proto.Aggregate.GROUP_TYPE_PIVOT
    return any(plan.kind(n) == "aggregate" and n.aggregate.group_type == pivot for n in plan.walk(relation))


def may_change(relation: plan.Relation) -> bool:
    """Whether a plan may give other rows over the same input: it asks for the time, for chance, for the user."""
    for message in _messages(relation):
        kind = message.DESCRIPTOR.name
        if kind == "UnresolvedFunction" and message.function_name.lower() in _CHANGING:
            return True
        if kind == "ExpressionString" and _CHANGING_TEXT.search(message.expression):
            return True
        if kind == "SQL" and _CHANGING_TEXT.search(message.query):
            return True
        if kind == "Sample":
            return True
        if kind == "CommonInlineUserDefinedFunction" and not message.deterministic:
            return True
    return False


def text_may_change(expression: str) -> bool:
    """Whether SQL text asks for the time, for chance or for the user."""
    return bool(_CHANGING_TEXT.search(expression))


def fingerprint(relation: plan.Relation) -> str:
    """A hash of what a plan computes. Ids, call sites and names made up here do not count."""
    copy = proto.Relation()
    copy.CopyFrom(relation)
    ids: dict[int, int] = {}
    for message in list(_messages(copy)):
        fields = message.DESCRIPTOR.fields_by_name
        if "origin" in fields and message.HasField("origin"):
            message.ClearField("origin")
        if "plan_id" in fields and message.HasField("plan_id"):
            message.plan_id = ids.setdefault(message.plan_id, len(ids))
    text = copy.SerializeToString(deterministic=True)
    made_up: dict[bytes, bytes] = {}
    text = re.sub(
        rb"_reelhouse_\d+|_pyspark_connect_temp_view_[0-9a-f_]+",
        lambda m: made_up.setdefault(m[0], b"_%d" % len(made_up)),
        text,
    )
    return hashlib.sha256(text).hexdigest()


def _messages(message: Any) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if isinstance(value, Mapping) or hasattr(value, "items"):
            if field.message_type.fields_by_name["value"].message_type is not None:
                for item in value.values():
                    yield from _messages(item)
        elif hasattr(value, "DESCRIPTOR"):
            yield from _messages(value)
        else:
            for item in value:
                yield from _messages(item)


def streams_tables_only(relation: plan.Relation) -> bool:
    """Whether every stream of a plan is one of a table, and all else that it reads is a table too."""
    return all(_is_named(node) for node in plan.walk(relation) if plan.kind(node) == "read")


def is_unique_by(relation: plan.Relation, keys: Sequence[str], columns: Sequence[str]) -> bool:
    """Whether a plan says by itself that no two of its rows agree in `keys`. `columns` are all that it gives."""
    node = relation
    while plan.kind(node) in ("subquery_alias", "filter"):
        node = node.subquery_alias.input if plan.kind(node) == "subquery_alias" else node.filter.input
    if plan.kind(node) != "deduplicate":
        return False
    by = columns if node.deduplicate.all_columns_as_keys else list(node.deduplicate.column_names)
    return {name.lower() for name in by} <= {key.lower() for key in keys}


def with_schema_locations(relation: plan.Relation, folder: str) -> plan.Relation:
    """The plan in which each Auto Loader read that says no schema and no place for one has a place under `folder`."""
    numbers = itertools.count()

    def change(node: plan.Relation) -> plan.Relation | None:
        if plan.kind(node) != "read" or node.read.data_source.format.lower() != "cloudfiles":
            return None
        number = next(numbers)
        if node.read.data_source.schema or "cloudfiles.schemalocation" in map(str.lower, node.read.data_source.options):
            return None
        located = proto.Relation()
        located.CopyFrom(node)
        located.read.data_source.options["cloudFiles.schemaLocation"] = f"{folder}/{number}"
        return located

    return plan.replace(relation, change)
