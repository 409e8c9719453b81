"""Two lakes compared: equal in everything but where and when rows came, and the bounds of versions by their order."""

from __future__ import annotations

from collections import Counter
from typing import Any

ORIGIN = ("_source_file", "_source_modified_at", "_ingested_at")
BOUNDS = ("__START_AT", "__END_AT")


def comparable(rows: list[dict[str, Any]]) -> Counter[tuple[tuple[str, Any], ...]]:
    """The rows as a multiset, without what may differ between two runs of the same releases."""
    moments = sorted({row[name] for row in rows for name in BOUNDS if row.get(name) is not None})
    order = {moment: place for place, moment in enumerate(moments)}
    found: Counter[tuple[tuple[str, Any], ...]] = Counter()
    for row in rows:
        cells = []
        for name, value in sorted(row.items()):
            if name in ORIGIN:
                continue
            if name in BOUNDS:
                value = order.get(value)
            cells.append((name, tuple(value) if isinstance(value, list) else value))
        found[tuple(cells)] += 1
    return found


def differences(tables_a: dict[str, list[dict[str, Any]]], tables_b: dict[str, list[dict[str, Any]]]) -> list[str]:
    """One line for each table that differs, with the first rows that do."""
    told = [f"only on one side: {name}" for name in sorted(tables_a.keys() ^ tables_b.keys())]
    for name in sorted(tables_a.keys() & tables_b.keys()):
        a, b = comparable(tables_a[name]), comparable(tables_b[name])
        if a != b:
            told.append(f"{name}: only first {list((a - b).items())[:2]}, only second {list((b - a).items())[:2]}")
    return told
