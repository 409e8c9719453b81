"""Flows that apply changes or snapshots to a table."""

from __future__ import annotations

from typing import Any

from reelhouse.errors import Place, Unsupported, UserError
from reelhouse.pipelines.api.calls import caller, columns, refuse, required
from reelhouse.pipelines.definitions import ChangeFlow, SnapshotFlow


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
    registry, place = caller()
    for late in ("columns_to_update", "system_sequence_by"):
        if unknown.pop(late, None) is not None:
            raise Unsupported(f"create_auto_cdc_flow({late}=…) is not supported", where=place)
    refuse("create_auto_cdc_flow", unknown, create_auto_cdc_flow.__code__.co_varnames[:18], place)
    flow = ChangeFlow(
        name=name or flow_name or str(target),
        target=required("create_auto_cdc_flow", "target", target, place),
        source=required("create_auto_cdc_flow", "source", source, place),
        place=place,
        keys=required("create_auto_cdc_flow", "keys", columns(keys), place),
        sequence_by=required("create_auto_cdc_flow", "sequence_by", sequence_by, place),
        where=where,
        apply_as_deletes=apply_as_deletes,
        apply_as_truncates=apply_as_truncates,
        column_list=columns(column_list),
        except_column_list=columns(except_column_list),
        scd_type=scd_type(stored_as_scd_type, place),
        track_history=columns(track_history_column_list),
        track_history_except=columns(track_history_except_column_list),
        ignore_null_updates=bool(ignore_null_updates),
        ignore_null_columns=columns(ignore_null_updates_column_list),
        ignore_null_except=columns(ignore_null_updates_except_column_list),
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
    registry, place = caller()
    function = "create_auto_cdc_from_snapshot_flow"
    if "snapshot_and_version" in unknown and source is None:
        source = unknown.pop("snapshot_and_version")
    refuse(function, unknown, create_auto_cdc_from_snapshot_flow.__code__.co_varnames[:6], place)
    if track_history_column_list is not None and track_history_except_column_list is not None:
        raise UserError(
            f"{function}() has both track_history_column_list and track_history_except_column_list", where=place
        )
    flow = SnapshotFlow(
        name=str(target),
        target=required(function, "target", target, place),
        source=required(function, "source", source, place),
        place=place,
        keys=required(function, "keys", columns(keys), place),
        scd_type=scd_type(stored_as_scd_type, place),
        track_history=columns(track_history_column_list),
        track_history_except=columns(track_history_except_column_list),
    )
    if flow.scd_type == 1 and (flow.track_history or flow.track_history_except):
        raise UserError(f"Flow '{flow.name}' tracks history, which needs SCD type 2", where=place)
    registry.flows.append(flow)


apply_changes_from_snapshot = create_auto_cdc_from_snapshot_flow


def scd_type(value: Any, place: Place) -> int:
    """1 or 2, from 1, 2, "1" or "2"."""
    if str(value) not in ("1", "2"):
        raise UserError(f"stored_as_scd_type is {value!r}; it can be 1 or 2", where=place)
    return int(value)
