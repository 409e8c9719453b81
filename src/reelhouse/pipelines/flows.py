"""Runs the flows of one dataset: what they read is settled, what they write is one commit each.

https://docs.databricks.com/aws/en/ldp/flows
"""

from __future__ import annotations

from reelhouse.pipelines.appends import Appends
from reelhouse.pipelines.change_feeds import ChangeFeeds
from reelhouse.pipelines.definitions import ChangeFlow, DatasetKind, SnapshotFlow
from reelhouse.pipelines.outcome import Outcome
from reelhouse.pipelines.planned import PlannedDataset, PlannedFlow
from reelhouse.pipelines.refresh import Refreshes
from reelhouse.pipelines.snapshots import Snapshots
from reelhouse.pipelines.work import FlowWork


def run_flow(work: FlowWork, dataset: PlannedDataset, planned: PlannedFlow) -> Outcome:
    """Run a flow. Raises whatever its query, its expectations or the write raise; then nothing was committed."""
    outcome, flow = Outcome(), planned.flow
    if isinstance(flow, SnapshotFlow):
        Snapshots(work).run(dataset, planned, flow, outcome)
    elif isinstance(flow, ChangeFlow):
        ChangeFeeds(work).run(dataset, planned, flow, outcome)
    elif dataset.kind is DatasetKind.MATERIALIZED_VIEW:
        Refreshes(work).run(dataset, planned, outcome)
    elif flow.once:
        Appends(work).run_once(dataset, planned, flow, outcome)
    else:
        Appends(work).run(dataset, planned, flow, outcome)
    return outcome
