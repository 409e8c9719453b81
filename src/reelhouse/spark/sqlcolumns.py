"""Which columns SQL text reads: of an expression, and of a whole query over named relations. Pure."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelhouse.spark.columns import Scope


@functools.lru_cache(maxsize=4096)
def parse_expression(text: str) -> tuple[str | None, tuple[tuple[str, ...], ...] | None]:
    """The name that an expression gives its column, and the names of the columns in it (None: cannot be read)."""
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(f"SELECT {text}", dialect="databricks").selects[0]
    except (sqlglot.errors.SqlglotError, IndexError):
        return None, None
    name = tree.alias if isinstance(tree, exp.Alias) else tree.name if isinstance(tree, exp.Column) else None
    bound = {parameter.name for function in tree.find_all(exp.Lambda) for parameter in function.expressions}
    columns = [
        tuple(part.name for part in column.parts)
        for column in tree.find_all(exp.Column)
        if len(column.parts) > 1 or column.name not in bound
    ]
    return name or None, tuple(columns)


def columns_of_sql(text: str, references: Mapping[str, Scope]) -> Scope:
    """The columns of a query over these relations; unknown when it cannot be followed."""
    from reelhouse.spark.columns import Column, Scope

    try:
        tree = _qualified(text, references)
        names = tree.named_selects
        return Scope(tuple(Column(name, _trace(tree, index, references)) for index, name in enumerate(names)))
    except Exception:  # sqlglot raises many kinds on what it cannot follow; then nothing is said
        return Scope.unknown()


def _qualified(text: str, references: Mapping[str, Scope]) -> Any:
    import sqlglot
    from sqlglot.optimizer.qualify import qualify

    tree = sqlglot.parse_one(text, dialect="databricks")
    schema = {name: {c.name: "string" for c in scope.columns if c.name} for name, scope in references.items()}
    return qualify(tree, schema=schema, dialect="databricks", validate_qualify_columns=False, identify=False)


def _trace(tree: Any, index: int, references: Mapping[str, Scope]) -> Any:
    """The sources of a query's n-th column."""
    from sqlglot.optimizer.scope import build_scope

    scope = build_scope(tree)
    return None if scope is None else _from_scope(scope, index, {k.lower(): v for k, v in references.items()}, 0)


def _from_scope(scope: Any, index: int, references: Mapping[str, Scope], depth: int) -> Any:
    from sqlglot import exp

    from reelhouse.spark.columns import _all, _both

    if depth > 50:
        return None
    query = scope.expression
    if isinstance(query, exp.SetOperation):
        left, right = scope.union_scopes
        one = _from_scope(left, index, references, depth + 1)
        return _both(one, _from_scope(right, index, references, depth + 1)) if isinstance(query, exp.Union) else one
    select = query.selects[index]
    if select.find(exp.Select) is not None or isinstance(select, exp.Star):
        return None
    return _all([_from_column(scope, column, references, depth) for column in select.find_all(exp.Column)])


def _from_column(scope: Any, column: Any, references: Mapping[str, Scope], depth: int) -> Any:
    from sqlglot import exp

    source = scope.sources.get(column.table)
    if source is None:
        return None
    if isinstance(source, exp.Table):
        known = references.get(source.name.lower())
        return None if known is None else known.find([column.name])
    if not hasattr(source, "expression"):
        return None
    names = [name.lower() for name in source.expression.named_selects]
    if column.name.lower() not in names:
        return None
    return _from_scope(source, names.index(column.name.lower()), references, depth + 1)


__all__ = ["columns_of_sql", "parse_expression"]
