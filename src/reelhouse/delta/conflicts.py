"""Whether a commit may follow another one that came first. Pure.

https://docs.databricks.com/aws/en/optimizations/isolation-level
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reelhouse.delta.log import actions_of
from reelhouse.delta.write import Transaction
from reelhouse.errors import UserError

Entry = Iterable[Mapping[str, Any]]


class ConcurrentModification(UserError):
    """Somebody else changed the table meanwhile, in a way that this commit cannot follow."""


def check_can_follow(entry: Entry, version: int, table: str, *, blind: bool, transaction: Transaction | None) -> None:
    """Raise `ConcurrentModification` unless a commit may follow the `entry` that took `version` before it.

    A blind commit only adds rows and has read nothing: it may follow anything that left schema and transaction alone.
    """
    actions = list(entry)
    remedy = "Read the table again and repeat the operation."
    if transaction and any(txn["appId"] == transaction.app_id for txn in actions_of(actions, "txn")):
        raise ConcurrentModification(
            f"DELTA_CONCURRENT_TRANSACTION: version {version} of '{table}' belongs to application "
            f"'{transaction.app_id}' too",
            remedy="Two runs of one stream are at work; stop one.",
        )
    if _has(actions, "protocol"):
        raise ConcurrentModification(
            f"DELTA_PROTOCOL_CHANGED: version {version} of '{table}' changed its protocol", remedy=remedy
        )
    if _has(actions, "metaData"):
        raise ConcurrentModification(
            f"DELTA_METADATA_CHANGED: version {version} of '{table}' changed its schema or properties", remedy=remedy
        )
    if blind:
        return
    if _has(actions, "remove"):
        raise ConcurrentModification(
            f"DELTA_CONCURRENT_DELETE_READ: version {version} of '{table}' removed files that this operation has read",
            remedy=remedy,
        )
    if _has(actions, "add"):
        raise ConcurrentModification(
            f"DELTA_CONCURRENT_APPEND: version {version} of '{table}' added rows that this operation has not seen",
            remedy=remedy,
        )


def _has(actions: Entry, kind: str) -> bool:
    return any(True for _ in actions_of(actions, kind))
