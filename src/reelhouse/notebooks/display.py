"""`display`: a small table of plain text.

https://docs.databricks.com/aws/en/visualizations/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reelhouse.errors import Unsupported

ROWS_SHOWN = 20
_WIDTH = 40


def display(value: Any = None, *args: Any, **kwargs: Any) -> None:
    """Print the first rows of a DataFrame, or a value. Options of the notebook page's charts are refused."""
    if args or kwargs:
        raise Unsupported(
            f"display(…) with {', '.join([*map(repr, args), *kwargs])} is not supported",
            remedy="Supported: display(value).",
        )
    if hasattr(value, "toArrow") and hasattr(value, "limit"):
        if value.isStreaming:
            raise Unsupported(
                "display of a streaming DataFrame is not supported",
                remedy="Write it to a table, or to a memory table with .format('memory').queryName(…), and show that.",
            )
        found = value.limit(ROWS_SHOWN + 1).collect()
        if value.columns:
            print(table(value.columns, found[:ROWS_SHOWN], more=len(found) > ROWS_SHOWN))
    elif hasattr(value, "to_string") and hasattr(value, "head"):
        print(value.head(ROWS_SHOWN).to_string())
    elif value is not None:
        print(value)


def display_html(html: str) -> None:
    """Print the HTML as it is: there is no page to show it on."""
    print(html)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, more: bool = False) -> str:
    """Rows as text in columns.

    >>> print(table(["id", "title"], [(1, "Dark"), (2, None)]))
    id | title
    ---+------
    1  | Dark
    2  | null
    """
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max([len(c), *(len(row[i]) for row in cells)]) for i, c in enumerate(columns)]
    lines = [
        " | ".join(c.ljust(w) for c, w in zip(columns, widths, strict=True)).rstrip(),
        "-+-".join("-" * w for w in widths),
        *(" | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells),
    ]
    if more:
        lines.append(f"only the first {len(rows)} rows are shown")
    return "\n".join(lines)


def _text(value: Any) -> str:
    text = "null" if value is None else str(value).replace("\n", " ")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
