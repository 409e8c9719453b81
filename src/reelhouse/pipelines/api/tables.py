"""Tables, views and sinks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reelhouse.delta.write import OnViolation
from reelhouse.errors import Place, Unsupported, UserError
from reelhouse.pipelines.api.calls import F, caller, names, refuse, required, text
from reelhouse.pipelines.api.expectations import rules_of
from reelhouse.pipelines.definitions import Dataset, DatasetKind, Flow, FlowKind

_SINK_FORMATS = ("delta",)
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
    refuse(function, {k: v for k, v in given.items() if k not in (*_TABLE_PARAMETERS, *extra)}, _known(extra), place)
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
        properties={str(k): text(v) for k, v in properties.items()},
        partition_by=names("partition_cols", given.get("partition_cols"), place) or (),
        cluster_by=names("cluster_by", given.get("cluster_by"), place)
        or ("AUTO",) * bool(given.get("cluster_by_auto")),
        path=given.get("path"),
        private=bool(given.get("private") or given.get("temporary")),
        spark_conf={str(k): text(v) for k, v in (given.get("spark_conf") or {}).items()},
    )


def _known(extra: Sequence[str]) -> list[str]:
    return [*_TABLE_PARAMETERS, *extra]


def _decorator(
    function: str, kind: DatasetKind, flow: FlowKind, given: Any, options: Mapping[str, Any], extra: Sequence[str] = ()
) -> Any:
    """Decorate a function as a dataset with one flow of the same name; with and without brackets."""
    registry, place = caller()

    def define(query: F) -> F:
        if not callable(query):
            raise UserError(f"@{function} stands on {query!r}, which is not a function", where=place)
        name = options.get("name") or query.__name__
        registry.datasets.append(_dataset(function, name, kind, place, options, extra))
        registry.flows.append(Flow(name, name, place, query, flow, function=query))
        return query

    refuse(function, {k: v for k, v in options.items() if k not in _known(extra)}, _known(extra), place)
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
    _, place = caller()
    known = ("name", "comment", "spark_conf")
    refuse("temporary_view", {k: v for k, v in options.items() if k not in known}, known, place)
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
    registry, place = caller()
    if not isinstance(name, str) or not name:
        raise UserError("create_streaming_table() needs a name", where=place)
    rules = tuple(
        rule
        for action, group in (
            (OnViolation.ALLOW, expect_all),
            (OnViolation.DROP, expect_all_or_drop),
            (OnViolation.FAIL, expect_all_or_fail),
        )
        for rule in rules_of(group or {}, action, place)
    )
    extra = ("expect_all", "expect_all_or_drop", "expect_all_or_fail")
    dataset = _dataset("create_streaming_table", name, DatasetKind.STREAMING_TABLE, place, options, extra)
    registry.datasets.append(Dataset(**{**dataset.__dict__, "expectations": rules}))


create_target_table = create_streaming_table
create_streaming_live_table = create_streaming_table


def create_sink(
    name: str | None = None, format: str | None = None, options: Mapping[str, str] | None = None, **unknown: Any
) -> None:
    """Define a sink that flows append to. Its options are a Delta sink's: `path` or `tableName`.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-sink
    """
    registry, place = caller()
    refuse("create_sink", unknown, ("name", "format", "options"), place)
    given = {str(k): text(v) for k, v in (options or {}).items()}
    if format not in _SINK_FORMATS:
        raise Unsupported(f"create_sink(format={format!r}) is not supported", where=place, remedy="Supported: delta.")
    for option in given:
        if option not in ("path", "tableName"):
            what = f"Sink '{name}' has option '{option}', which is not supported"
            raise Unsupported(what, where=place, remedy="Supported: path, tableName.")
    if len(given) != 1:
        raise UserError(f"Sink '{name}' needs one of the options path and tableName", where=place)
    registry.datasets.append(
        Dataset(required("create_sink", "name", name, place), DatasetKind.SINK, place, format=format, options=given)
    )
