"""CHECK and NOT NULL constraints of a table. Every later write is held to them.

https://docs.databricks.com/aws/en/tables/constraints
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from reelhouse.delta.alter import change_metadata, column
from reelhouse.delta.plan import WritePlan
from reelhouse.delta.properties import CONSTRAINT
from reelhouse.delta.schema import fields_of, to_schema
from reelhouse.delta.snapshot import Snapshot
from reelhouse.delta.write import Target
from reelhouse.errors import UserError, did_you_mean

CountRows = Callable[[Snapshot, str], int]
"""Counts the rows of a table at a version for which a condition (SQL) is not true. An engine does it."""


def list_constraints(properties: Mapping[str, str]) -> dict[str, str]:
    """The CHECK constraints by name."""
    return {k.removeprefix(CONSTRAINT): v for k, v in sorted(properties.items()) if k.startswith(CONSTRAINT)}


def add_constraint(target: Target, name: str, condition: str, count_violations: CountRows) -> int | None:
    """ALTER TABLE … ADD CONSTRAINT … CHECK. Refused when a row of the table breaks it: false and NULL both do."""

    def change(plan: WritePlan) -> WritePlan:
        key = CONSTRAINT + name.lower()
        if key in plan.properties:
            raise UserError(
                f"DELTA_CONSTRAINT_ALREADY_EXISTS: '{target.name}' has a constraint '{name}' ({plan.properties[key]})",
                remedy="Drop it first.",
            )
        count = count_violations(_snapshot(plan), condition)
        if count:
            raise UserError(
                f"DELTA_NEW_CHECK_CONSTRAINT_VIOLATION: {count} row{'s' if count != 1 else ''} of '{target.name}' "
                f"violate the new CHECK constraint ({condition})"
            )
        return replace(plan, properties={**plan.properties, key: condition})

    return change_metadata(target, "ADD CONSTRAINT", {"name": name, "expr": condition}, change)


def drop_constraint(target: Target, name: str, *, if_exists: bool = False) -> int | None:
    """ALTER TABLE … DROP CONSTRAINT, of a CHECK constraint."""

    def change(plan: WritePlan) -> WritePlan:
        key = CONSTRAINT + name.lower()
        if key not in plan.properties and not if_exists:
            known = list_constraints(plan.properties)
            raise UserError(
                f"DELTA_CONSTRAINT_DOES_NOT_EXIST: '{target.name}' has no constraint '{name}'",
                remedy=did_you_mean(name, known),
            )
        return replace(plan, properties={k: v for k, v in plan.properties.items() if k != key})

    return change_metadata(target, "DROP CONSTRAINT", {"name": name}, change)


def set_not_null(target: Target, column_name: str, count_violations: CountRows) -> int | None:
    """ALTER TABLE … ALTER COLUMN … SET NOT NULL. Refused when the column holds NULL."""

    def change(plan: WritePlan) -> WritePlan:
        fields = fields_of(plan.schema)
        field = column(fields, column_name)
        if field["nullable"]:
            quoted = field["name"].replace("`", "``")
            count = count_violations(_snapshot(plan), f"`{quoted}` IS NOT NULL")
            if count:
                raise UserError(
                    f"DELTA_NOT_NULL_CONSTRAINT_VIOLATED: column '{field['name']}' of '{target.name}' holds "
                    f"{count} NULL value{'s' if count != 1 else ''}"
                )
            field["nullable"] = False
        return replace(plan, schema=to_schema(fields))

    return change_metadata(target, "CHANGE COLUMN", {"column": column_name, "nullable": "false"}, change)


def drop_not_null(target: Target, column_name: str) -> int | None:
    """ALTER TABLE … ALTER COLUMN … DROP NOT NULL."""

    def change(plan: WritePlan) -> WritePlan:
        fields = fields_of(plan.schema)
        column(fields, column_name)["nullable"] = True
        return replace(plan, schema=to_schema(fields))

    return change_metadata(target, "CHANGE COLUMN", {"column": column_name, "nullable": "true"}, change)


def _snapshot(plan: WritePlan) -> Snapshot:
    assert plan.snapshot is not None
    return plan.snapshot
