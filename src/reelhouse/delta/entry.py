"""The actions of a log entry, built from what a write decided. Pure but for the clock and random ids.

https://github.com/delta-io/delta/blob/master/PROTOCOL.md#actions
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from reelhouse.delta import log
from reelhouse.delta.plan import WritePlan
from reelhouse.delta.properties import protocol_action


def commit_info(
    operation: str,
    parameters: Mapping[str, str],
    metrics: Mapping[str, object],
    read_version: int | None,
    blind: bool,
    user_metadata: str | None = None,
) -> log.Action:
    """The `commitInfo` action, which DESCRIBE HISTORY shows."""
    info: dict[str, Any] = {
        "timestamp": int(time.time() * 1000),
        "operation": operation,
        "operationParameters": dict(parameters),
        "operationMetrics": {key: str(value) for key, value in metrics.items()},
        "isBlindAppend": blind,
        "isolationLevel": "WriteSerializable",
        "engineInfo": "reelhouse",
        "txnId": str(uuid.uuid4()),
    }
    if read_version is not None:
        info["readVersion"] = read_version
    if user_metadata is not None:
        info["userMetadata"] = user_metadata
    return {"commitInfo": info}


def metadata_actions(plan: WritePlan) -> list[log.Action]:
    """The `protocol` (where it has to rise) and `metaData` actions of a table that is new or changes."""
    before = plan.snapshot
    protocol = protocol_action(plan.schema, plan.properties, before.protocol if before else None)
    metadata: dict[str, Any] = {
        "id": before.id if before else str(uuid.uuid4()),
        "format": {"provider": "parquet", "options": {}},
        "schemaString": plan.schema,
        "partitionColumns": list(plan.partition_by),
        "configuration": dict(plan.properties),
        "createdTime": int(before.created_at.timestamp() * 1000) if before and before.created_at else _now(),
    }
    if before and before.name:
        metadata["name"] = before.name
    if plan.comment is not None:
        metadata["description"] = plan.comment
    return [*([{"protocol": protocol}] if protocol else []), {"metaData": metadata}]


def _now() -> int:
    return int(time.time() * 1000)
