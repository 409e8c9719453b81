"""What an overwrite changes, row by row, told by the engine from a hash of every row.

A row is known by 64 bits of hash (xxHash64 over the values, each with whether it is NULL). Two different rows of one
table are taken for the same with a probability of about 3 in 10⁸ at a million rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reelhouse.plans import plan

if TYPE_CHECKING:
    from reelhouse.spark.context import SessionContext

_numbers = itertools.count()
"""Apache Spark makes temporary views of the relations that a query names, so two queries at once need other names."""


def compare(
    context: SessionContext, old: plan.Relation, new: plan.Relation, schema: dict[str, Any], key: Sequence[str] = ()
) -> dict[str, int | None]:
    """Rows `added`, `updated` and `removed` between two resolved plans of the same schema (a struct in JSON).

    Rows are compared as a multiset. A row of the same key with other values is `updated`; without `key` nothing is,
    and `updated` is None.
    """
    number = next(_numbers)
    names = (f"__reelhouse_old_{number}", f"__reelhouse_new_{number}")
    text = comparison([field["name"] for field in schema["fields"]], _complex(schema), key, names)
    relation = plan.with_relations(plan.sql(text), dict(zip(names, (old, new), strict=True)))
    row = context.wire.collect(relation).to_pylist()[0]
    added, updated, removed = (int(row[name]) for name in ("added", "updated", "removed"))
    return {"added": added, "updated": updated if key else None, "removed": removed}


def comparison(columns: Sequence[str], nested: frozenset[str], key: Sequence[str], names: tuple[str, str]) -> str:
    """The query over the old and the new rows, which go by two `names`. Pure."""
    old, new = names
    keys = ", ".join(plan.quote(name) for name in key) or "h"
    chosen = "".join(f"{plan.quote(name)}, " for name in key)
    values = ", ".join(
        f"{f'to_json(named_struct({_text(name)}, {plan.quote(name)}))' if name in nested else plan.quote(name)}, "
        f"isnull({plan.quote(name)})"
        for name in columns
    )
    group = f"{keys}, h" if key else "h"
    return f"""
WITH every AS (
  SELECT {chosen}xxhash64({values}) AS h, 1L AS w FROM {new}
  UNION ALL SELECT {chosen}xxhash64({values}) AS h, -1L AS w FROM {old}
), differing AS (
  SELECT {group}, sum(w) AS n FROM every GROUP BY {group} HAVING sum(w) <> 0
), by_key AS (
  SELECT sum(CASE WHEN n > 0 THEN n ELSE 0L END) AS a, sum(CASE WHEN n < 0 THEN -n ELSE 0L END) AS r
  FROM differing GROUP BY {keys}
)
SELECT coalesce(sum(a - least(a, r)), 0L) AS added, coalesce(sum(least(a, r)), 0L) AS updated,
       coalesce(sum(r - least(a, r)), 0L) AS removed
FROM by_key"""


def _complex(schema: dict[str, Any]) -> frozenset[str]:
    return frozenset(field["name"] for field in schema["fields"] if isinstance(field["type"], dict))


def _text(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
