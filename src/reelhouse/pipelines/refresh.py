"""Refreshes materialized views: whole, and only when something that they depend on has changed.

https://docs.databricks.com/aws/en/ldp/concepts/refresh
"""

from __future__ import annotations

from reelhouse.delta.write import Mode, WriteSpec
from reelhouse.failpoints import reach
from reelhouse.pipelines import plans
from reelhouse.pipelines.description import definition_of, described
from reelhouse.pipelines.expectations import Counts
from reelhouse.pipelines.inputs import table_fingerprint
from reelhouse.pipelines.outcome import Outcome
from reelhouse.pipelines.planned import PlannedDataset, PlannedFlow
from reelhouse.pipelines.work import FlowWork

_FORMAT = 1
"""Raised when a memo of an older release of this package must not be believed."""


class Refreshes:
    """Runs the flows of materialized views."""

    def __init__(self, work: FlowWork) -> None:
        self._work = work

    def run(self, dataset: PlannedDataset, planned: PlannedFlow, outcome: Outcome) -> None:
        """Make the table what its query gives today."""
        relation = self._work.planner.bound(planned)
        definition = plans.fingerprint(relation) + definition_of(dataset)
        states = self._work.states(relation)
        memo = self._work.state.read("tables", dataset.key)
        known = {"format": _FORMAT, "definition": definition, "inputs": states}
        output = table_fingerprint(dataset.location)
        if states is not None and output and memo == {**known, "output": output}:
            outcome.up_to_date = True
            return
        self._work.count_views(relation, outcome)
        reach("pipelines.before_refresh")
        spec = WriteSpec(
            Mode.OVERWRITE,
            operation="REFRESH",
            overwrite_schema=self._work.differs(dataset),
            expectations=dataset.dataset.expectations,
            skip_if_same=True,
            key=dataset.declared.primary_key,
            **described(dataset),
        )
        commit = self._work.context.write(relation, self._work.target(dataset), spec)
        reach("pipelines.after_refresh")
        outcome.add(commit)
        if dataset.dataset.expectations:
            outcome.count(dataset.key, Counts.of(commit))
        if states is None:
            self._work.state.forget("tables", dataset.key)
        else:
            self._work.state.write("tables", dataset.key, {**known, "output": table_fingerprint(dataset.location)})
