"""A dataset and its flows as planning finds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reelhouse.pipelines.agreement import Feed
from reelhouse.pipelines.ddl import TableSchema
from reelhouse.pipelines.definitions import AnyFlow, Dataset, DatasetKind
from reelhouse.plans.plan import Relation


@dataclass
class PlannedFlow:
    """A flow with its query's plan. `relation` is None where a function gives the rows later (snapshots)."""

    flow: AnyFlow
    relation: Relation | None = None
    streaming: bool = False
    inputs: set[str] = field(default_factory=set)
    """Keys of datasets of the pipeline that it reads."""
    external: set[str] = field(default_factory=set)
    """Full names of other tables that it reads."""
    feed: Feed | None = None
    """Of a change flow: the columns of its source, once they are known."""
    likely: set[str] = field(default_factory=set)
    """Full names of tables that a snapshot function names, and probably reads."""

    @property
    def name(self) -> str:
        return self.flow.name


@dataclass
class PlannedDataset:
    """A dataset with its flows. `name` is its full name; of a view or sink the name as written."""

    key: str
    name: str
    dataset: Dataset
    kind: DatasetKind
    declared: TableSchema
    flows: list[PlannedFlow] = field(default_factory=list)
    location: str = ""
    schema: list[dict[str, Any]] | None = None
    """Fields that its queries give, in Spark's JSON; None while unknown."""

    @property
    def inputs(self) -> set[str]:
        return {key for flow in self.flows for key in flow.inputs}

    @property
    def is_table(self) -> bool:
        return self.kind in (DatasetKind.STREAMING_TABLE, DatasetKind.MATERIALIZED_VIEW)
