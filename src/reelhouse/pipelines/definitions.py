"""What the files of a pipeline define, as plain lists: datasets, flows, change flows, sinks, hooks.

Nothing here runs anything. The decorators (`api`) and the SQL statements (`sql`) write into a `Registry`; the graph
reads it. https://docs.databricks.com/aws/en/ldp/developer/python-ref
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from reelhouse.delta.write import Expectation
from reelhouse.errors import Place, UserError

Query = Callable[[], Any]
"""A function without arguments that returns a DataFrame."""


class DatasetKind(StrEnum):
    STREAMING_TABLE = "STREAMING_TABLE"
    MATERIALIZED_VIEW = "MATERIALIZED_VIEW"
    TEMPORARY_VIEW = "TEMPORARY_VIEW"
    SINK = "SINK"
    TABLE = "TABLE"
    """Made with `table`: its query tells whether it is a streaming table or a materialized view."""


class FlowKind(StrEnum):
    """The event log's `flow_type`."""

    APPEND = "APPEND"
    COMPLETE = "COMPLETE"
    CHANGE = "CHANGE"
    SNAPSHOT_CHANGE = "SNAPSHOT_CHANGE"
    MATERIALIZED_VIEW = "MATERIALIZED_VIEW"
    VIEW = "VIEW"


@dataclass(frozen=True)
class Dataset:
    """A table, a view or a sink. `name` is as written; the graph completes it with catalog and schema."""

    name: str
    kind: DatasetKind
    place: Place
    comment: str | None = None
    schema: Any = None
    """A DDL string, a StructType, or None."""
    properties: Mapping[str, str] = field(default_factory=dict)
    partition_by: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    path: str | None = None
    private: bool = False
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
    rule_places: Mapping[str, Place] = field(default_factory=dict)
    """Where expectations stand that decorators declared, by name; the others stand at `place`."""
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Flow:
    """A query that feeds a dataset. `query` returns a DataFrame; `function` is what the decorator stood on."""

    name: str
    target: str
    place: Place
    query: Query
    kind: FlowKind
    once: bool = False
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    function: Any = None


@dataclass(frozen=True)
class ChangeFlow:
    """AUTO CDC from a change feed. Columns and conditions are Column objects or SQL text.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-apply-changes
    """

    name: str
    target: str
    source: str
    place: Place
    keys: tuple[Any, ...]
    sequence_by: Any
    where: Any = None
    apply_as_deletes: Any = None
    apply_as_truncates: Any = None
    column_list: tuple[Any, ...] | None = None
    except_column_list: tuple[Any, ...] | None = None
    scd_type: int = 1
    track_history: tuple[Any, ...] | None = None
    track_history_except: tuple[Any, ...] | None = None
    ignore_null_updates: bool = False
    ignore_null_columns: tuple[Any, ...] | None = None
    ignore_null_except: tuple[Any, ...] | None = None
    once: bool = False
    kind: FlowKind = FlowKind.CHANGE


@dataclass(frozen=True)
class SnapshotFlow:
    """AUTO CDC from snapshots. `source` is a dataset's name or a function of the last version.

    https://docs.databricks.com/aws/en/ldp/developer/ldp-python-ref-apply-changes-from-snapshot
    """

    name: str
    target: str
    source: str | Callable[[Any], Any]
    place: Place
    keys: tuple[Any, ...]
    scd_type: int = 1
    track_history: tuple[Any, ...] | None = None
    track_history_except: tuple[Any, ...] | None = None
    kind: FlowKind = FlowKind.SNAPSHOT_CHANGE


AnyFlow = Flow | ChangeFlow | SnapshotFlow


@dataclass(frozen=True)
class EventHook:
    """A function called with each record of the event log."""

    name: str
    function: Callable[[dict[str, Any]], Any]
    max_allowable_consecutive_failures: int | None
    place: Place


@dataclass
class Registry:
    """What was defined so far, in the order of the files."""

    root: str = ""
    """Places are told relative to this folder."""
    datasets: list[Dataset] = field(default_factory=list)
    flows: list[AnyFlow] = field(default_factory=list)
    hooks: list[EventHook] = field(default_factory=list)
    configuration: dict[str, str] = field(default_factory=dict)
    """What SQL files set with `SET key = value`."""
    rules: list[tuple[Any, Expectation, Place]] = field(default_factory=list)
    """Expectation decorators: the function they stand on, the rule, the place."""
    table_reference: Callable[[str, bool], Any] | None = None
    """Returns the DataFrame of `dlt.read(name)` (False) and `dlt.read_stream(name)` (True)."""

    def place(self, file: str, line: int) -> Place:
        """The place of a line, with the file relative to `root`."""
        short = file[len(self.root) :].lstrip("/") if self.root and file.startswith(self.root) else file
        return Place(short, f"line {line}")

    def with_rules(self) -> tuple[Dataset, ...]:
        """The datasets, each with the expectations that its function's decorators declared.

        Raises `UserError` when two rules of one dataset share a name, a sink has rules, or a rule stands on a
        function that is no dataset.
        """
        functions = {id(f.function): f.target for f in self.flows if isinstance(f, Flow) and f.function is not None}
        by_target: dict[str, list[Expectation]] = {}
        places: dict[str, dict[str, Place]] = {}
        for function, rule, place in reversed(self.rules):
            target = functions.get(id(function))
            if target is None:
                name = getattr(function, "__name__", function)
                raise UserError(f"Expectation '{rule.name}' stands on '{name}', which defines no dataset", where=place)
            by_target.setdefault(target, []).append(rule)
            places.setdefault(target, {})[rule.name] = place
        return tuple(_with_rules(d, by_target.get(d.name, []), places.get(d.name, {})) for d in self.datasets)


def _with_rules(dataset: Dataset, rules: list[Expectation], places: Mapping[str, Place]) -> Dataset:
    result = replace(dataset, expectations=(*dataset.expectations, *rules), rule_places=places)
    seen: set[str] = set()
    for rule in result.expectations:
        if rule.name in seen:
            raise UserError(
                f"Dataset '{dataset.name}' has two expectations named '{rule.name}'",
                where=dataset.place,
                remedy="Names of expectations are unique in a dataset.",
            )
        seen.add(rule.name)
    if rules and dataset.kind is DatasetKind.SINK:
        raise UserError(f"Sink '{dataset.name}' has expectations; a sink can have none", where=dataset.place)
    return result


active_registry: ContextVar[Registry | None] = ContextVar("active_registry", default=None)
"""Where the decorators of the files now being loaded write to."""
