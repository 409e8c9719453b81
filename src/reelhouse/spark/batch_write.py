"""`df.write` and `df.writeTo`: what the commands ask for, as one write to a table or to files.

https://docs.databricks.com/aws/en/delta/tutorial#write-to-a-table and
https://spark.apache.org/docs/latest/sql-data-sources-load-save-functions.html#save-modes
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reelhouse.delta.write import Commit, Mode, Target, Transaction, WriteSpec
from reelhouse.errors import Unsupported, UserError, did_you_mean
from reelhouse.failpoints import reach
from reelhouse.plans import plan
from reelhouse.spark.file_rows import file_rows
from reelhouse.spark.lineage import record_files
from reelhouse.spark.wire import WITHOUT_ZONES
from reelhouse.spark.write import NO_TABLE

if TYPE_CHECKING:
    from reelhouse.catalog.entry import TableEntry
    from reelhouse.spark.context import SessionContext

_SAVE_MODES = {0: "error", 1: "append", 2: "overwrite", 3: "error", 4: "ignore"}
_DELTA_OPTIONS = {
    name.lower(): name
    for name in (
        "mergeSchema",
        "overwriteSchema",
        "replaceWhere",
        "txnAppId",
        "txnVersion",
        "userMetadata",
        "partitionOverwriteMode",
        "path",
        "optimizeWrite",
        "autoCompact",
        "maxRecordsPerFile",
        "dataChange",
    )
}


@dataclass(frozen=True)
class Options:
    """The options of a write to Delta, checked."""

    merge_schema: bool
    overwrite_schema: bool
    replace_where: str | None
    transaction: Transaction | None
    user_metadata: str | None
    path: str | None
    properties: Mapping[str, str]


def write_operation(context: SessionContext, command: Any) -> None:
    """Do a `WriteOperation`: `save`, `saveAsTable` or `insertInto`. Raises `Unsupported` for what is not done here."""
    for name, what in (("bucket_by", "bucketBy"), ("clustering_columns", "clusterBy")):
        if command.HasField(name) if name == "bucket_by" else list(getattr(command, name)):
            raise Unsupported(f"{what} is not supported here", remedy="Use partitionBy, or OPTIMIZE … ZORDER BY.")
    if command.sort_column_names:
        raise Unsupported("sortBy is not supported here: it needs bucketBy")
    format = (command.source or "delta").lower()
    mode = _SAVE_MODES[command.mode]
    if format == "noop":
        context.wire.execute(_count(context, command.input))
        return
    if command.HasField("table"):
        _to_table(context, command, format, mode)
    elif format == "delta":
        options = delta_options(dict(command.options))
        path = command.path or options.path
        if not path:
            raise UserError("save() names no path", remedy="Give a path, or use saveAsTable.")
        _to_delta(context, command, at_path(context, path), options, mode)
    else:
        _to_files(context, command, format, mode)


def at_path(context: SessionContext, path: str) -> Target:
    """The Delta table at an address, by its name when the catalog knows it."""
    local = context.lake.local(path)
    entry = context.catalog.at_location(local)
    return Target(local, str(entry.name) if entry is not None else None)


def delta_options(given: Mapping[str, str]) -> Options:
    """Check the options of a write to Delta. Names in any case. Raises `Unsupported` for an unknown one."""
    lower = {key.lower(): value for key, value in given.items()}
    properties = {key: value for key, value in given.items() if key.lower().startswith("delta.")}
    for key in given:
        if key.lower() not in _DELTA_OPTIONS and not key.lower().startswith("delta."):
            raise Unsupported(
                f"Option '{key}' of a write to Delta is not supported",
                remedy=did_you_mean(key, _DELTA_OPTIONS.values()),
            )
    if lower.get("partitionoverwritemode", "static").lower() != "static":
        raise Unsupported("partitionOverwriteMode 'dynamic' is not supported here", remedy="Use replaceWhere.")
    if lower.get("datachange", "true").lower() != "true":
        raise Unsupported("Option dataChange=false of a write is not supported here", remedy="Use OPTIMIZE.")
    app, version = lower.get("txnappid"), lower.get("txnversion")
    if (app is None) != (version is None):
        raise UserError("txnAppId and txnVersion are options that go together", remedy="Give both, or neither.")
    return Options(
        merge_schema=boolean(lower, "mergeSchema"),
        overwrite_schema=boolean(lower, "overwriteSchema"),
        replace_where=lower.get("replacewhere"),
        transaction=Transaction(app, int(version)) if app is not None and version is not None else None,
        user_metadata=lower.get("usermetadata"),
        path=lower.get("path"),
        properties=properties,
    )


def boolean(options: Mapping[str, str], name: str) -> bool:
    """A true or false option (keys in lower case). Raises `UserError` for anything else."""
    value = options.get(name.lower(), "false").strip().lower()
    if value not in ("true", "false"):
        raise UserError(f"Option '{name}' is '{value}', not true or false")
    return value == "true"


# --- Delta ------------------------------------------------------------------------------------------------------------


def _spec(context: SessionContext, command: Any, options: Options, mode: Mode) -> WriteSpec:
    conf = context.conf
    automatic = conf["spark.databricks.delta.schema.autoMerge.enabled"].lower() == "true"
    metadata = options.user_metadata or conf.get("spark.databricks.delta.commitInfo.userMetadata")
    if options.replace_where is not None and mode is not Mode.OVERWRITE:
        raise UserError("replaceWhere goes with mode('overwrite') only")
    return WriteSpec(
        mode,
        partition_by=tuple(command.partitioning_columns),
        merge_schema=options.merge_schema or automatic or command.with_schema_evolution,
        overwrite_schema=options.overwrite_schema,
        replace_where=options.replace_where,
        transaction=options.transaction,
        user_metadata=metadata,
        properties=options.properties,
    )


def _to_delta(context: SessionContext, command: Any, target: Target, options: Options, mode: str) -> Commit | None:
    """Write to a Delta table at a place, with the save mode's meaning of what lies there. None: left as it is."""
    there = context.snapshot(target.location) is not None
    if there and mode == "ignore":
        return None
    if there and mode == "error":
        raise UserError(
            f"DELTA_PATH_EXISTS: there is a Delta table at {context.lake.url(target.location)} already",
            remedy="Use mode('append') or mode('overwrite').",
        )
    if not there:
        _check_free(context, target)
    spec = _spec(context, command, options, Mode.OVERWRITE if there and mode == "overwrite" else Mode.APPEND)
    if not there and options.replace_where is not None:
        spec = replace(spec, replace_where=None)
    if not there and mode != "append":
        spec = replace(spec, read_version=NO_TABLE)  # a table that somebody else makes meanwhile is a conflict
    return context.write(command.input, target, spec)


def _check_free(context: SessionContext, target: Target) -> None:
    """A folder with other files must not become a Delta table."""
    try:
        names = [name for name in os.listdir(target.location) if not name.startswith((".", "_"))]
    except (FileNotFoundError, NotADirectoryError):
        return
    if names:
        raise UserError(
            f"DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION: {context.lake.url(target.location)} holds files that are not "
            f"a Delta table ({names[0]}, …)",
            remedy="Write to an empty folder.",
        )


def _to_table(context: SessionContext, command: Any, format: str, mode: str) -> None:
    if format != "delta":
        raise Unsupported(f"Tables of format '{format}' cannot be made here", remedy="Use format('delta').")
    name = command.table.table_name
    parts = plan.split_name(name)
    options = delta_options(dict(command.options))
    if len(parts) == 2 and parts[0].lower() == "delta":
        _to_delta(context, command, at_path(context, parts[1]), options, mode)
        return
    insert = command.table.save_method == plan.proto.WriteOperation.SaveTable.TABLE_SAVE_METHOD_INSERT_INTO
    entry = existing(context, name)
    if entry is not None and entry.is_view:
        raise UserError(f"'{entry.name}' is a view and cannot be written to")
    if insert:
        if entry is None:
            raise _no_table(context, name)
        _insert_into(context, command, entry, options, mode)
        return
    if entry is not None:
        if mode == "ignore":
            return
        if mode == "error":
            raise UserError(
                f"TABLE_OR_VIEW_ALREADY_EXISTS: there is a table '{entry.name}' already",
                remedy="Use mode('append') or mode('overwrite').",
            )
        _same_place(context, entry, options)
        _to_delta(context, command, Target(entry.location, str(entry.name)), options, mode)
        return
    create_with(context, name, options.path, lambda target: _to_delta(context, command, target, options, mode))


def existing(context: SessionContext, name: str) -> TableEntry | None:
    """The table or view of that name; None as well for a name whose first commit was never made."""
    entry = context.catalog.find(name, context.current)
    if entry is None or entry.is_view or context.snapshot(entry.location) is not None:
        return entry
    return None


def _no_table(context: SessionContext, name: str) -> UserError:
    try:
        entry = context.catalog.table(name, context.current)
    except UserError as error:
        return error
    return UserError(f"DELTA_TABLE_NOT_FOUND: '{entry.name}' has no table at {context.lake.url(entry.location)}")


def create_with(context: SessionContext, name: str, path: str | None, write: Callable[[Target], object]) -> None:
    """Make a table with its first commit.

    The name is entered first. Killed in between, it is a name without a table, which the next attempt takes for free:
    the other way round, that attempt would find rows it knows nothing of.
    """
    from reelhouse.catalog.entry import TableEntry, TableType

    full = context.catalog.resolve_name(name, context.current)
    location = context.lake.local(path) if path else context.catalog.managed_location(full)
    entry = TableEntry(full, location, TableType.EXTERNAL if path else TableType.MANAGED)
    entered = context.catalog.create_table(entry, replace=context.catalog.find(full) is not None)
    reach("spark.name_entered")
    try:
        write(Target(entered.location, str(full)))
    except Exception:
        if context.snapshot(entered.location) is None:
            context.catalog.drop_table(full, if_exists=True)
        raise


def _same_place(context: SessionContext, entry: TableEntry, options: Options) -> None:
    if options.path is not None and context.lake.local(options.path) != entry.location:
        raise UserError(
            f"The table '{entry.name}' lies at {context.lake.url(entry.location)}, not at {options.path}",
            remedy="Leave out the path, or drop the table first.",
        )


def _insert_into(context: SessionContext, command: Any, entry: TableEntry, options: Options, mode: str) -> None:
    """`insertInto` goes by position, not by name."""
    snapshot = context.snapshot(entry.location)
    if snapshot is None:
        raise UserError(f"DELTA_TABLE_NOT_FOUND: '{entry.name}' has no table at {entry.location}")
    changed = plan.proto.WriteOperation()
    changed.CopyFrom(command)
    changed.input.CopyFrom(by_position(context, command.input, plan.schema_names(snapshot.schema), str(entry.name)))
    chosen = "overwrite" if mode == "overwrite" else "append"
    _to_delta(context, changed, Target(entry.location, str(entry.name)), options, chosen)


def by_position(context: SessionContext, relation: plan.Relation, names: Sequence[str], table: str) -> plan.Relation:
    """The rows with their columns renamed, in order, to those of a table."""
    have = len(context.wire.schema(context.resolve(relation)).fields)
    if have != len(names):
        raise UserError(
            f"INSERT_COLUMN_ARITY_MISMATCH: '{table}' has {len(names)} columns, the rows have {have}",
            remedy=f"Give them in this order: {', '.join(names)}.",
        )
    renamed = plan.proto.Relation()
    renamed.to_df.input.CopyFrom(relation)
    renamed.to_df.column_names.extend(names)
    return renamed


# --- writeTo ----------------------------------------------------------------------------------------------------------


def write_operation_v2(context: SessionContext, command: Any) -> None:
    """Do a `WriteOperationV2`: create, replace, append, overwrite of `df.writeTo(table)`."""
    kinds = plan.proto.WriteOperationV2
    if command.provider and command.provider.lower() != "delta":
        raise Unsupported(f"Tables of format '{command.provider}' cannot be made here", remedy="Use using('delta').")
    if command.clustering_columns:
        raise Unsupported("clusterBy is not supported here", remedy="Use partitionedBy, or OPTIMIZE … ZORDER BY.")
    if command.mode == kinds.MODE_OVERWRITE_PARTITIONS:
        raise Unsupported("overwritePartitions is not supported here", remedy="Use overwrite(condition).")
    options = delta_options({**dict(command.options), **dict(command.table_properties)})
    shaped = _as_write(command)
    entry = existing(context, command.table_name)
    target = Target(entry.location, str(entry.name)) if entry is not None else None
    creates = command.mode in (kinds.MODE_CREATE, kinds.MODE_CREATE_OR_REPLACE)
    if target is None and not creates:
        raise _no_table(context, command.table_name)
    if target is not None and command.mode == kinds.MODE_CREATE:
        raise UserError(f"TABLE_OR_VIEW_ALREADY_EXISTS: there is a table '{target.name}' already")
    if target is None:
        create_with(
            context, command.table_name, options.path, lambda new: _to_delta(context, shaped, new, options, "append")
        )
    elif command.mode == kinds.MODE_APPEND:
        _to_delta(context, shaped, target, options, "append")
    elif command.mode == kinds.MODE_OVERWRITE:
        condition = _condition(context, command)
        _to_delta(context, shaped, target, replace(options, replace_where=condition), "overwrite")
    else:
        _to_delta(context, shaped, target, replace(options, overwrite_schema=True), "overwrite")


def _as_write(command: Any) -> Any:
    """The same rows and partitioning as a `WriteOperation`."""
    shaped = plan.proto.WriteOperation()
    shaped.input.CopyFrom(command.input)
    for expression in command.partitioning_columns:
        if expression.WhichOneof("expr_type") != "unresolved_attribute":
            raise Unsupported("partitionedBy takes columns only here, not years, months, days, hours or buckets")
        shaped.partitioning_columns.append(plan.split_name(expression.unresolved_attribute.unparsed_identifier)[-1])
    return shaped


def _condition(context: SessionContext, command: Any) -> str | None:
    """The condition of `overwrite(condition)` as SQL; None when it is true for all rows."""
    from reelhouse.spark.expressions import to_sql

    text = to_sql(command.overwrite_condition)
    return None if text.lower() == "true" else text


# --- files ------------------------------------------------------------------------------------------------------------


def _to_files(context: SessionContext, command: Any, format: str, mode: str) -> None:
    """Write Parquet, JSON, text or CSV files by the engine, put in place by one rename."""
    path = command.path or next((v for k, v in command.options.items() if k.lower() == "path"), "")
    if not path:
        raise UserError("save() names no path")
    folder = context.lake.local(path)
    there = os.path.isdir(folder) and any(not name.startswith(".") for name in os.listdir(folder))
    if there and mode == "ignore":
        return
    if there and mode == "error":
        raise UserError(
            f"PATH_ALREADY_EXISTS: {path} exists already", remedy="Use mode('append') or mode('overwrite')."
        )
    options = {key: value for key, value in command.options.items() if key.lower() != "path"}
    resolved = file_rows(context, context.resolve(command.input), format, options, command.partitioning_columns)
    stage = os.path.join(os.path.dirname(folder), f".{os.path.basename(folder)}.{uuid.uuid4().hex}")
    own = plan.proto.Command()
    own.write_operation.CopyFrom(command)
    own.write_operation.input.CopyFrom(resolved)
    own.write_operation.path = stage
    own.write_operation.mode = plan.proto.WriteOperation.SAVE_MODE_APPEND
    own.write_operation.options.clear()
    for key, value in options.items():
        own.write_operation.options[key] = value
    if format == "parquet":
        own.write_operation.options.update(WITHOUT_ZONES)
    try:
        context.wire.command(own)
        os.makedirs(stage, exist_ok=True)
        _put_in_place(stage, folder, overwrite=mode == "overwrite")
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    record_files(context, command.input, path)


def _put_in_place(stage: str, folder: str, *, overwrite: bool) -> None:
    if overwrite and os.path.isdir(folder):
        old = f"{stage}.old"
        os.rename(folder, old)
        os.rename(stage, folder)
        shutil.rmtree(old, ignore_errors=True)
        return
    if not os.path.isdir(folder):
        os.rename(stage, folder)
        return
    for root, _, files in os.walk(stage):
        inside = os.path.join(folder, os.path.relpath(root, stage))
        os.makedirs(inside, exist_ok=True)
        for name in files:
            os.rename(os.path.join(root, name), os.path.join(inside, name))


def _count(context: SessionContext, relation: plan.Relation) -> Any:
    """A plan that computes every row of `relation` and gives one."""
    counted = plan.proto.Plan()
    counted.root.aggregate.input.CopyFrom(context.resolve(relation))
    counted.root.aggregate.group_type = plan.proto.Aggregate.GROUP_TYPE_GROUPBY
    counted.root.aggregate.aggregate_expressions.append(plan.expression("count(*)"))
    return counted


__all__ = ["Options", "boolean", "by_position", "create_with", "delta_options", "write_operation", "write_operation_v2"]
