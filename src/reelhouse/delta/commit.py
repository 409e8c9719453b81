"""From staged Parquet files to one atomic commit.

An engine writes files into a staging folder (`delta.staging`); here they get their final names, then one log entry
refers to them. Up to that entry a crash leaves files nobody refers to; after it the commit is whole.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reelhouse.delta import change_feed, log, staging
from reelhouse.delta.conflicts import ConcurrentModification, check_can_follow
from reelhouse.delta.entry import commit_info, metadata_actions
from reelhouse.delta.expectations import Verdict, judge
from reelhouse.delta.files import Files, check_not_null, move, read_footers, remove
from reelhouse.delta.plan import WritePlan, plan_for, plan_write
from reelhouse.delta.replace_where import replace_where
from reelhouse.delta.snapshot import Snapshot, open_snapshot
from reelhouse.delta.statistics import Footer
from reelhouse.delta.write import Commit, Mode, Target, WriteSpec
from reelhouse.errors import InternalError, Unsupported

_log = logging.getLogger("reelhouse.delta")
_MOST_RETRIES = 50


def commit_files(
    target: Target,
    staged_folder: str,
    schema_json: str,
    spec: WriteSpec,
    *,
    mask_column: str | None = None,
    counts: Mapping[str, int | None] | None = None,
    planned: WritePlan | None = None,
    changes: Sequence[staging.StagedFile] = (),
) -> Commit:
    """Commit what an engine staged, and clear the staging folder away whatever happens.

    `schema_json` is the schema of the rows before `plan_write`'s projection; `mask_column` the column that the
    outermost staged folders spell, needed when the plan has rules. `counts` may give `added`, `updated` and `removed`
    rows where the caller knows better than "all rows of an overwrite". `planned` is the plan that the files were
    written by: an overwrite is then a conflict when others changed the table since. `changes` are files of changed rows
    for the change data feed.

    Raises `ExpectationViolation` when a rule with action FAIL or a constraint is broken, `ConcurrentModification` when
    another commit came first that this one cannot follow, `UserError` for rows that do not fit the table. In each of
    these cases the table is as it was. Returns a `Commit` without version when the transaction was committed before.
    https://docs.databricks.com/aws/en/delta/
    """
    if planned is not None and spec.mode is Mode.OVERWRITE and spec.read_version is None:
        spec = replace(spec, read_version=planned.version)
    try:
        plan = plan_write(target, schema_json, spec)
        if _is_repeated(plan.snapshot, spec):
            return Commit(None, 0)
        return _commit(
            target,
            staged_folder,
            schema_json,
            spec,
            plan,
            mask_column,
            {**(spec.counts or {}), **(counts or {})},
            changes,
        )
    finally:
        staging.discard(staged_folder)


def _is_repeated(snapshot: Snapshot | None, spec: WriteSpec) -> bool:
    if spec.transaction is None or snapshot is None:
        return False
    return snapshot.transactions.get(spec.transaction.app_id, -1) >= spec.transaction.version


def _commit(
    target: Target,
    staged_folder: str,
    schema_json: str,
    spec: WriteSpec,
    plan: WritePlan,
    mask_column: str | None,
    counts: Mapping[str, int | None],
    changes: Sequence[staging.StagedFile],
) -> Commit:
    name = target.name or target.location
    staged = staging.staged_files(staged_folder, mask_column, plan.partition_by)
    if plan.rules and mask_column is None and staged:
        raise InternalError(f"The rows for '{name}' have rules to meet, but came without a mask")
    footers = read_footers(staged, plan)
    verdict = judge(_rows_by_mask(staged, footers), plan.rules, name)
    kept = [pair for pair in zip(staged, footers, strict=True) if pair[0].mask in verdict.kept_masks and pair[1].rows]
    check_not_null(kept, plan, name)
    if spec.replace_where and plan.snapshot:
        if spec.read_version is not None:
            _check_unchanged(target, spec, spec.read_version, plan.version)
        rows = sum(footer.rows for _, footer in kept)
        version, removed = replace_where(target, [file for file, _ in kept], rows, plan, spec)
        return _result(spec, version, rows, removed, verdict, counts)
    files = move(target.location, kept, plan)
    try:
        change_paths, files.changes = change_feed.move(target.location, changes)
        files.paths += change_paths
        published, removed = _publish(target, schema_json, spec, plan, files)
    except BaseException:
        remove(files.paths)
        raise
    if published is None:
        remove(files.paths)
        return Commit(None, 0)
    checkpoint_when_due(target.location, published, plan.properties)
    return _result(spec, published, files.rows, removed, verdict, counts)


def _result(
    spec: WriteSpec, version: int, rows: int, removed: int, verdict: Verdict, counts: Mapping[str, int | None]
) -> Commit:
    return Commit(
        version,
        rows,
        added=_known(counts.get("added"), rows),
        updated=counts.get("updated"),
        removed=_known(counts.get("removed"), removed),
        failed={rule.name: verdict.failed.get(rule.name, 0) for rule in spec.expectations},
        checked=verdict.checked,
        dropped=verdict.dropped,
    )


def _known(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _rows_by_mask(staged: Sequence[staging.StagedFile], footers: Sequence[Footer]) -> dict[int, int]:
    rows: dict[int, int] = {}
    for file, footer in zip(staged, footers, strict=True):
        rows[file.mask] = rows.get(file.mask, 0) + footer.rows
    return rows


def _publish(
    target: Target,
    schema_json: str,
    spec: WriteSpec,
    plan: WritePlan,
    files: Files,
) -> tuple[int | None, int]:
    """Write the log entry, after others' commits where that is right. Returns the version and the rows removed.

    The version is None when the transaction turns out to be committed by somebody else meanwhile.
    """
    name = target.name or target.location
    blind = spec.mode is Mode.APPEND and spec.read_version is None
    if spec.read_version is not None:
        _check_unchanged(target, spec, spec.read_version, plan.version)
    for _ in range(_MOST_RETRIES):
        removes, removed_rows = _removes(plan.snapshot, spec, name)
        entry = _entry(spec, plan, files, removes, blind)
        version = (plan.version if plan.version is not None else -1) + 1
        if log.publish(target.location, version, entry):
            return version, removed_rows
        winner = log.read_entry(target.location, version)
        later = open_snapshot(target.location)
        if _is_repeated(later, spec):
            return None, 0
        if version > 0 or not blind:
            check_can_follow(winner, version, name, blind=blind, transaction=spec.transaction)
        plan = _plan_again(plan, later, target, schema_json, spec, name)
    raise ConcurrentModification(f"'{name}' is written so often by others that {_MOST_RETRIES} attempts were in vain")


def _plan_again(
    plan: WritePlan, later: Snapshot | None, target: Target, schema_json: str, spec: WriteSpec, name: str
) -> WritePlan:
    """The same write upon the table as it is now; the files are written, so it must ask the same of them."""
    again = plan_for(later, target, schema_json, spec)
    wanted = (again.projection, again.rules, again.partition_by)
    if wanted != (plan.projection, plan.rules, plan.partition_by):
        raise ConcurrentModification(
            f"DELTA_METADATA_CHANGED: the schema or the constraints of '{name}' were changed meanwhile",
            remedy="Repeat the write.",
        )
    return again


def _check_unchanged(target: Target, spec: WriteSpec, read_version: int, version: int | None) -> None:
    for later in range(read_version + 1, (version if version is not None else -1) + 1):
        check_can_follow(
            log.read_entry(target.location, later),
            later,
            target.name or target.location,
            blind=False,
            transaction=spec.transaction,
        )


def _removes(snapshot: Snapshot | None, spec: WriteSpec, name: str) -> tuple[list[dict[str, Any]], int]:
    if snapshot is None or spec.mode is Mode.APPEND:
        return [], 0
    if "deletionVectors" in snapshot.protocol[3] and any(True for _ in snapshot.table.deletion_vectors()):
        raise Unsupported(f"'{name}' has deletion vectors and cannot be overwritten here", remedy="REORG it first.")
    now = int(time.time() * 1000)
    removes = [
        {
            "path": file.log_path,
            "deletionTimestamp": now,
            "dataChange": True,
            "extendedFileMetadata": True,
            "partitionValues": dict(file.partition_values),
            "size": file.size,
        }
        for file in snapshot.files
    ]
    return removes, snapshot.records or 0


def _entry(
    spec: WriteSpec,
    plan: WritePlan,
    files: Files,
    removes: list[dict[str, Any]],
    blind: bool,
) -> list[log.Action]:
    metrics = {"numFiles": len(files.adds), "numOutputRows": files.rows, "numOutputBytes": files.size}
    if spec.mode is Mode.OVERWRITE:
        metrics |= {"numRemovedFiles": len(removes), "numRemovedBytes": sum(r["size"] for r in removes)}
    metrics |= spec.metrics
    entry = [commit_info(spec.operation, _parameters(spec, plan), metrics, plan.version, blind, spec.user_metadata)]
    if plan.metadata_changed:
        entry += metadata_actions(plan)
    if spec.transaction:
        txn = {"appId": spec.transaction.app_id, "version": spec.transaction.version}
        entry.append({"txn": {**txn, "lastUpdated": int(time.time() * 1000)}})
    return [
        *entry,
        *({"remove": r} for r in removes),
        *({"add": a} for a in files.adds),
        *({"cdc": c} for c in files.changes),
    ]


def _parameters(spec: WriteSpec, plan: WritePlan) -> dict[str, str]:
    if spec.operation_parameters and spec.operation not in ("WRITE", "STREAMING UPDATE"):
        return dict(spec.operation_parameters)
    mode = "Append" if spec.mode is Mode.APPEND else "Overwrite"
    return {"mode": mode, "partitionBy": json.dumps(list(plan.partition_by)), **spec.operation_parameters}


def checkpoint_when_due(location: str, version: int, properties: Mapping[str, str]) -> None:
    """Write a checkpoint of the log at every `delta.checkpointInterval`-th version (10 unless told otherwise).

    The commit stands whether or not this succeeds, so a failure is logged, not raised.
    """
    interval = int(properties.get("delta.checkpointInterval", "10"))
    if version == 0 or version % interval:
        return
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(location, version=version)
        table.create_checkpoint()
        if properties.get("delta.enableExpiredLogCleanup", "true").lower() == "true":
            table.cleanup_metadata()
    except DeltaError as error:
        _log.warning("no checkpoint of '%s' at version %d: %s", location, version, error)
