"""What a plan reads and writes, by table and by column, read off the plan. Pure but for `record_*`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelhouse.spark import plan

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext


def record_read(context: SessionContext, relation: plan.Relation) -> None:
    """Note what a query of the user reads."""


def record_write(context, relation, target, version) -> None:  # type: ignore[no-untyped-def]
    pass


def record_files(context, relation, path) -> None:  # type: ignore[no-untyped-def]
    pass
