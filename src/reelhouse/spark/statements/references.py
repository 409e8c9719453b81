"""A statement whose text names DataFrames: `spark.sql("INSERT INTO t SELECT * FROM {df}", df=df)`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext


def with_references(context: SessionContext, references: Sequence[Any]) -> SessionContext:
    """The same session, in which for this statement each reference (`subquery_alias`) is a temporary view."""
    inner = copy.copy(context)
    inner.views = {
        **context.views,
        **{ref.subquery_alias.alias.lower(): ref.subquery_alias.input for ref in references},
    }
    return inner
