"""`SELECT a * 2 AS b, b + 1`: an alias named further on in its own select list, for an engine that lacks it.

What the alias stands for is written in its place. A column of that name in the tables comes first, as documented.
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-name-resolution
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from reelhouse.errors import Unsupported

if TYPE_CHECKING:
    from sqlglot import exp

Columns = Callable[[str], frozenset[str] | None]
"""The names of a query's columns in lower case; None when it cannot stand alone, as inside a correlated subquery."""

_ALIAS = re.compile(r"\bAS\s+`?(\w+)`?", re.IGNORECASE)
_CHANGES = ("rand", "randn", "uuid", "random", "shuffle", "monotonically_increasing_id")


def spelled_out(text: str, columns: Columns) -> str:
    """The query without such aliases: itself, unless it uses one.

    Raises `Unsupported` for an alias of something that would give another value when written twice.
    """
    if not _may_use(text):
        return text
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(text, dialect="databricks")
    except sqlglot.errors.SqlglotError:
        return text  # the engine says what is wrong with it
    changed = [_spell_out(select, columns) for select in tree.find_all(exp.Select)]
    return str(tree.sql(dialect="databricks")) if any(changed) else text


def _may_use(text: str) -> bool:
    """Whether the name of some alias stands once more behind it."""
    return any(
        re.search(rf"(?<![.\w]){re.escape(match[1])}(?!\w)", text[match.end() :], re.IGNORECASE)
        for match in _ALIAS.finditer(text)
    )


def _spell_out(select: exp.Select, columns: Columns) -> bool:
    from sqlglot import exp

    earlier: dict[str, Any] = {}
    own: frozenset[str] | None = None
    changed = False
    for item in select.expressions:
        for column in [found for found in _names(item, select) if found.name.lower() in earlier]:
            if own is None:
                own = columns(_source(select))
                if own is None:
                    return changed
            if column.name.lower() not in own:
                column.replace(exp.paren(_constant(earlier[column.name.lower()], column.name)))
                changed = True
        if isinstance(item, exp.Alias):
            earlier[item.alias.lower()] = item.this
    return changed


def _names(item: Any, select: exp.Select) -> Iterator[Any]:
    """The unqualified columns of a select item that belong to this SELECT, without the parameters of lambdas."""
    from sqlglot import exp

    for column in item.find_all(exp.Column):
        inside = column.find_ancestor(exp.Select) is select
        function = column.find_ancestor(exp.Lambda)
        bound = function is not None and any(p.name == column.name for p in function.expressions)
        if inside and not column.table and not bound:
            yield column


def _source(select: exp.Select) -> str:
    """A query for all columns of what a SELECT reads."""
    from sqlglot import exp

    query = exp.select("*")
    for part in ("from_", "from", "joins", "laterals"):
        if select.args.get(part):
            held = select.args[part]
            query.set(part, [one.copy() for one in held] if isinstance(held, list) else held.copy())
    scope: Any = select
    while scope is not None:
        tables = scope.args.get("with_") or scope.args.get("with")
        if tables is not None:
            before = query.args.get("with_") or query.args.get("with")
            whole = tables.copy()
            if before is not None:
                whole.set("expressions", [*whole.expressions, *before.expressions])
            query.set("with_" if "with_" in exp.Select.arg_types else "with", whole)
        scope = scope.find_ancestor(exp.Query)
    return str(query.sql(dialect="databricks"))


def _constant(expression: Any, name: str) -> Any:
    from sqlglot import exp

    for call in expression.find_all(exp.Func):
        word = call.name if isinstance(call, exp.Anonymous) else call.sql_name()
        if word.lower() in _CHANGES:
            raise Unsupported(
                f"The alias '{name}' of {word.lower()}() is not supported further on in the same SELECT",
                remedy="Put the alias into a subquery.",
            )
    return expression.copy()
