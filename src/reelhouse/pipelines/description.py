"""What is said of a table beside its rows: with every write, and in the memos of what it was made from."""

from __future__ import annotations

import json
from typing import Any

from reelhouse.pipelines.planned import PlannedDataset


def described(dataset: PlannedDataset) -> dict[str, Any]:
    """What every write says of the table."""
    return {
        "partition_by": dataset.dataset.partition_by,
        "properties": dict(dataset.dataset.properties),
        "comment": dataset.dataset.comment,
        "column_comments": dataset.declared.comments,
    }


def definition_of(dataset: PlannedDataset) -> str:
    """What of a definition, besides its query, a refresh depends on."""
    own = dataset.dataset
    parts = [own.comment, dict(own.properties), own.partition_by, own.expectations, dataset.declared]
    return json.dumps([repr(part) for part in parts])
