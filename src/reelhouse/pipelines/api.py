"""The functions that a pipeline's Python files call: `from pyspark import pipelines as dp`, or `import dlt`.

Each records into the active `Registry`, with every documented parameter; a parameter that is not known is refused.
https://docs.databricks.com/aws/en/ldp/developer/python-ref
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from reelhouse.delta.write import Expectation, OnViolation
from reelhouse.errors import Place, Unsupported, UserError, did_you_mean
from reelhouse.pipelines.definitions import (
    ChangeFlow,
    Dataset,
    DatasetKind,
    EventHook,
    Flow,
    FlowKind,
    Registry,
    SnapshotFlow,
    active_registry,
)

F = TypeVar("F", bound=Callable[..., Any])

_SINK_FORMATS = ("delta",)


class UnknownParameter(UserError, TypeError):
    """A call with a parameter that the function does not have."""


def _caller() -> tuple[Registry, Place]:
    """The active registry and the place of the nearest frame outside of this module."""
    registry = active_registry.get()
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
        frame = frame.f_back
    if registry is None:
        raise UserError(
            "A dataset is defined outside of a pipeline",
            where=Place(frame.f_code.co_filename, f"line {frame.f_lineno}"),
            remedy="Run the file as a library of a pipeline.",
        )
    return registry, registry.place(frame.f_code.co_filename, frame.f_lineno)


def _refuse(function: str, unknown: Mapping[str, Any], known: Sequence[str], place: Place) -> None:
    for name in unknown:
        raise UnknownParameter(
            f"{function}() has no parameter '{name}'", where=place, remedy=did_you_mean(name, [*known])
        )


_TABLE_PARAMETERS = (
    "name",
    "comment",
    "spark_conf",
    "table_properties",
    "path",
    "partition_cols",
    "cluster_by_auto",
    "cluster_by",
    "schema",
    "row_filter",
    "private",
)


def _dataset(
    function: str, name: str, kind: DatasetKind, place: Place, given: Mapping[str, Any], extra: Sequence[str] = ()
) -> Dataset:
    """The dataset that the parameters common to all tables describe."""
    _refuse(function, {k: v for k, v in given.items() if k not in (*_TABLE_PARAMETERS, *extra)}, _known(extra), place)
    if given.get("row_filter") is not None:
        raise Unsupported(f"{function}(row_filter=…) of '{name}' is not supported", where=place)
    properties = given.get("table_properties") or {}
    if not isinstance(properties, Mapping):
        raise UserError(f"table_properties of '{name}' is not a dict", where=place)
    return Dataset(
        name=name,
        kind=kind,
        place=place,
        comment=given.get("comment"),
        schema=given.get("schema"),
        properties={str(k): _text(v) for k, v in properties.items()},
        partition_by=_names("partition_cols", given.get("partition_cols"), place) or (),
        cluster_by=_names("cluster_by", given.get("cluster_by"), place)
        or ("AUTO",) * bool(given.get("cluster_by_auto")),
        path=given.get("path"),
        private=bool(given.get("private") or given.get("temporary")),
        spark_conf={str(k): _text(v) for k, v in (given.get("spark_conf") or {}).items()},
    )


def _known(extra: Sequence[str]) -> list[str]:
    return [*_TABLE_PARAMETERS, *extra]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _names(parameter: str, value: Any, place: Place) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, str) for v in value):
        raise UserError(f"{parameter} has to be a list of column names, not {value!r}", where=place)
    return tuple(value)


def _columns(value: Any) -> tuple[Any, ...] | None:
    """A list of names or Columns; a single one stands for itself."""
    if value is None:
        return None
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _decorator(
    function: str, kind: DatasetKind, flow: FlowKind, given: Any, options: Mapping[str, Any], extra: Sequence[str] = ()
) -> Any:
    """Decorate a function as a dataset with one flow of the same name; with and without brackets."""
    registry, place = _caller()

    def define(query: F) -> F:
        if not callable(query):
            raise UserError(f"@{function} stands on {query!r}, which is not a function", where=place)
        name = options.get("name") or query.__name__
        registry.datasets.append(_dataset(function, name, kind, place, options, extra))
        registry.flows.append(Flow(name, name, place, query, flow, function=query))
        return query

    _refuse(function, {k: v for k, v in options.items() if k not in _known(extra)}, _known(extra), place)
    return define if given is None else define(given)


def table(query_function: Any = None, /, **options: Any) -> Any:
    """Define a table. A streaming query makes a streaming table, a batch query a materialized view.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-table
    """
    return _decorator("table", DatasetKind.TABLE, FlowKind.APPEND, query_function, options, ("temporary",))


def materialized_view(query_function: Any = None, /, **options: Any) -> Any:
    """Define a materialized view: what a batch query gives.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-materialized-view
    """
    return _decorator(
        "materialized_view", DatasetKind.MATERIALIZED_VIEW, FlowKind.MATERIALIZED_VIEW, query_function, options
    )


def temporary_view(query_function: Any = None, /, **options: Any) -> Any:
    """Define a view that only this pipeline sees.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-view
    """
    _, place = _caller()
    known = ("name", "comment", "spark_conf")
    _refuse("temporary_view", {k: v for k, v in options.items() if k not in known}, known, place)
    return _decorator("temporary_view", DatasetKind.TEMPORARY_VIEW, FlowKind.VIEW, query_function, options)


view = temporary_view


def create_streaming_table(
    name: str | None = None,
    *,
    expect_all: Mapping[str, str] | None = None,
    expect_all_or_drop: Mapping[str, str] | None = None,
    expect_all_or_fail: Mapping[str, str] | None = None,
    **options: Any,
) -> None:
    """Define an empty streaming table that flows write to.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-streaming-table
    """
    registry, place = _caller()
    if not isinstance(name, str) or not name:
        raise UserError("create_streaming_table() needs a name", where=place)
    rules = tuple(
        rule
        for action, group in (
            (OnViolation.ALLOW, expect_all),
            (OnViolation.DROP, expect_all_or_drop),
            (OnViolation.FAIL, expect_all_or_fail),
        )
        for rule in _rules(group or {}, action, place)
    )
    extra = ("expect_all", "expect_all_or_drop", "expect_all_or_fail")
    dataset = _dataset("create_streaming_table", name, DatasetKind.STREAMING_TABLE, place, options, extra)
    registry.datasets.append(Dataset(**{**dataset.__dict__, "expectations": rules}))


create_target_table = create_streaming_table
create_streaming_live_table = create_streaming_table


def append_flow(
    *,
    target: str | None = None,
    name: str | None = None,
    comment: str | None = None,
    spark_conf: Mapping[str, str] | None = None,
    once: bool = False,
    **unknown: Any,
) -> Callable[[F], F]:
    """Define a flow that appends to a streaming table or a sink. `once` runs a batch query a single time.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-append-flow
    """
    registry, place = _caller()
    _refuse("append_flow", unknown, ("target", "name", "comment", "spark_conf", "once"), place)
    if not target:
        raise UserError("append_flow() needs a target", where=place)

    def define(query: F) -> F:
        confs = {str(k): _text(v) for k, v in (spark_conf or {}).items()}
        registry.flows.append(
            Flow(name or query.__name__, target, place, query, FlowKind.APPEND, once, confs, function=query)
        )
        return query

    return define


def create_auto_cdc_flow(
    target: str | None = None,
    source: str | None = None,
    keys: Any = None,
    sequence_by: Any = None,
    where: Any = None,
    ignore_null_updates: bool = False,
    apply_as_deletes: Any = None,
    apply_as_truncates: Any = None,
    column_list: Any = None,
    except_column_list: Any = None,
    stored_as_scd_type: Any = 1,
    track_history_column_list: Any = None,
    track_history_except_column_list: Any = None,
    flow_name: str | None = None,
    once: bool = False,
    ignore_null_updates_column_list: Any = None,
    ignore_null_updates_except_column_list: Any = None,
    *,
    name: str | None = None,
    **unknown: Any,
) -> None:
    """Define a flow that applies a change feed to a streaming table.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-apply-changes
    """
    registry, place = _caller()
    for late in ("columns_to_update", "system_sequence_by"):
        if unknown.pop(late, None) is not None:
            raise Unsupported(f"create_auto_cdc_flow({late}=…) is not supported", where=place)
    _refuse("create_auto_cdc_flow", unknown, create_auto_cdc_flow.__code__.co_varnames[:18], place)
    flow = ChangeFlow(
        name=name or flow_name or str(target),
        target=_required("create_auto_cdc_flow", "target", target, place),
        source=_required("create_auto_cdc_flow", "source", source, place),
        place=place,
        keys=_required("create_auto_cdc_flow", "keys", _columns(keys), place),
        sequence_by=_required("create_auto_cdc_flow", "sequence_by", sequence_by, place),
        where=where,
        apply_as_deletes=apply_as_deletes,
        apply_as_truncates=apply_as_truncates,
        column_list=_columns(column_list),
        except_column_list=_columns(except_column_list),
        scd_type=scd_type(stored_as_scd_type, place),
        track_history=_columns(track_history_column_list),
        track_history_except=_columns(track_history_except_column_list),
        ignore_null_updates=bool(ignore_null_updates),
        ignore_null_columns=_columns(ignore_null_updates_column_list),
        ignore_null_except=_columns(ignore_null_updates_except_column_list),
        once=once,
    )
    check_change_flow(flow)
    registry.flows.append(flow)


apply_changes = create_auto_cdc_flow


def check_change_flow(flow: ChangeFlow) -> None:
    """Refuse parameters that exclude each other."""
    pairs = (
        ("column_list", flow.column_list, "except_column_list", flow.except_column_list),
        (
            "track_history_column_list",
            flow.track_history,
            "track_history_except_column_list",
            flow.track_history_except,
        ),
        (
            "ignore_null_updates_column_list",
            flow.ignore_null_columns,
            "ignore_null_updates_except_column_list",
            flow.ignore_null_except,
        ),
    )
    for left, left_value, right, right_value in pairs:
        if left_value is not None and right_value is not None:
            raise UserError(f"Flow '{flow.name}' has both {left} and {right}", where=flow.place)
    if flow.scd_type == 1 and (flow.track_history is not None or flow.track_history_except is not None):
        raise UserError(f"Flow '{flow.name}' tracks history, which needs SCD type 2", where=flow.place)
    if flow.scd_type == 2 and flow.apply_as_truncates is not None:
        raise UserError(f"Flow '{flow.name}' has apply_as_truncates, which SCD type 2 does not have", where=flow.place)


def create_auto_cdc_from_snapshot_flow(
    target: str | None = None,
    source: Any = None,
    keys: Any = None,
    stored_as_scd_type: Any = 1,
    track_history_column_list: Any = None,
    track_history_except_column_list: Any = None,
    **unknown: Any,
) -> None:
    """Define a flow that makes a streaming table follow snapshots.

    `source` is a table's name, or a function that gets the last processed version (None at first) and returns a
    DataFrame and its version, or None when there is no further snapshot.
    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-apply-changes-from-snapshot
    """
    registry, place = _caller()
    function = "create_auto_cdc_from_snapshot_flow"
    if "snapshot_and_version" in unknown and source is None:
        source = unknown.pop("snapshot_and_version")
    _refuse(function, unknown, create_auto_cdc_from_snapshot_flow.__code__.co_varnames[:6], place)
    if track_history_column_list is not None and track_history_except_column_list is not None:
        raise UserError(
            f"{function}() has both track_history_column_list and track_history_except_column_list", where=place
        )
    flow = SnapshotFlow(
        name=str(target),
        target=_required(function, "target", target, place),
        source=_required(function, "source", source, place),
        place=place,
        keys=_required(function, "keys", _columns(keys), place),
        scd_type=scd_type(stored_as_scd_type, place),
        track_history=_columns(track_history_column_list),
        track_history_except=_columns(track_history_except_column_list),
    )
    if flow.scd_type == 1 and (flow.track_history or flow.track_history_except):
        raise UserError(f"Flow '{flow.name}' tracks history, which needs SCD type 2", where=place)
    registry.flows.append(flow)


apply_changes_from_snapshot = create_auto_cdc_from_snapshot_flow


def _required(function: str, parameter: str, value: Any, place: Place) -> Any:
    if value is None or (isinstance(value, (str, tuple)) and not value):
        raise UserError(f"{function}() needs {parameter}", where=place)
    return value


def scd_type(value: Any, place: Place) -> int:
    """1 or 2, from 1, 2, "1" or "2"."""
    if str(value) not in ("1", "2"):
        raise UserError(f"stored_as_scd_type is {value!r}; it can be 1 or 2", where=place)
    return int(value)


def create_sink(
    name: str | None = None, format: str | None = None, options: Mapping[str, str] | None = None, **unknown: Any
) -> None:
    """Define a sink that flows append to. Its options are a Delta sink's: `path` or `tableName`.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-sink
    """
    registry, place = _caller()
    _refuse("create_sink", unknown, ("name", "format", "options"), place)
    given = {str(k): _text(v) for k, v in (options or {}).items()}
    if format not in _SINK_FORMATS:
        raise Unsupported(f"create_sink(format={format!r}) is not supported", where=place, remedy="Known: delta.")
    for option in given:
        if option not in ("path", "tableName"):
            raise Unsupported(f"Sink '{name}' has option '{option}'", where=place, remedy="Known: path, tableName.")
    if len(given) != 1:
        raise UserError(f"Sink '{name}' needs one of the options path and tableName", where=place)
    registry.datasets.append(
        Dataset(_required("create_sink", "name", name, place), DatasetKind.SINK, place, format=format, options=given)
    )


def _rules(group: Mapping[str, str], action: OnViolation, place: Place) -> list[Expectation]:
    if not isinstance(group, Mapping):
        raise UserError(f"Expectations are a dict of name to SQL, not {group!r}", where=place)
    return [_rule(name, constraint, action, place) for name, constraint in group.items()]


def _rule(name: Any, constraint: Any, action: OnViolation, place: Place) -> Expectation:
    if not isinstance(name, str) or not isinstance(constraint, str):
        raise UserError(f"Expectation {name!r} needs a name and SQL text, not {constraint!r}", where=place)
    return Expectation(name, constraint, action)


def _expect(group: Mapping[str, str], action: OnViolation) -> Callable[[F], F]:
    registry, place = _caller()
    rules = _rules(group, action, place)

    def mark(function: F) -> F:
        registry.rules.extend((function, rule, place) for rule in reversed(rules))
        return function

    return mark


def expect(name: str, constraint: str) -> Callable[[F], F]:
    """Count rows for which `constraint` is not true, and keep them.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-expectations
    """
    return _expect({name: constraint}, OnViolation.ALLOW)


def expect_or_drop(name: str, constraint: str) -> Callable[[F], F]:
    """Count rows for which `constraint` is not true, and leave them out."""
    return _expect({name: constraint}, OnViolation.DROP)


def expect_or_fail(name: str, constraint: str) -> Callable[[F], F]:
    """Fail the flow when `constraint` is not true for a row."""
    return _expect({name: constraint}, OnViolation.FAIL)


def expect_all(expectations: Mapping[str, str]) -> Callable[[F], F]:
    """`expect` for each of several rules."""
    return _expect(expectations, OnViolation.ALLOW)


def expect_all_or_drop(expectations: Mapping[str, str]) -> Callable[[F], F]:
    """`expect_or_drop` for each of several rules."""
    return _expect(expectations, OnViolation.DROP)


def expect_all_or_fail(expectations: Mapping[str, str]) -> Callable[[F], F]:
    """`expect_or_fail` for each of several rules."""
    return _expect(expectations, OnViolation.FAIL)


def on_event_hook(function: Any = None, /, *, max_allowable_consecutive_failures: int | None = None) -> Any:
    """Call the function with every record of the event log; switched off after that many failures in a row.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-on-event-hook
    """
    registry, place = _caller()

    def define(hook: F) -> F:
        registry.hooks.append(EventHook(hook.__name__, hook, max_allowable_consecutive_failures, place))
        return hook

    return define if function is None else define(function)


def read(name: str) -> Any:
    """The rows of a dataset of the pipeline: `spark.read.table(name)`."""
    return _reference(name, False)


def read_stream(name: str) -> Any:
    """A stream of a dataset of the pipeline: `spark.readStream.table(name)`."""
    return _reference(name, True)


readStream = read_stream


def _reference(name: str, streaming: bool) -> Any:
    registry, place = _caller()
    if registry.table_reference is None:
        raise UserError(f"'{name}' is read while no pipeline is planned", where=place)
    return registry.table_reference(name, streaming)


NAMES = (
    "append_flow",
    "apply_changes",
    "apply_changes_from_snapshot",
    "create_auto_cdc_flow",
    "create_auto_cdc_from_snapshot_flow",
    "create_sink",
    "create_streaming_live_table",
    "create_streaming_table",
    "create_target_table",
    "expect",
    "expect_all",
    "expect_all_or_drop",
    "expect_all_or_fail",
    "expect_or_drop",
    "expect_or_fail",
    "materialized_view",
    "on_event_hook",
    "read",
    "readStream",
    "read_stream",
    "table",
    "temporary_view",
    "view",
)
"""What `pyspark.pipelines` and `dlt` offer while a pipeline is loaded and planned."""
