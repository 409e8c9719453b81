"""Queries in the part of Databricks SQL that every engine reads. Pure.

Most queries pass untouched; only a text that uses one of the forms below is parsed and written anew.

* `QUALIFY` becomes a filter around the query
* `GROUP BY ALL` names the select items that aggregate nothing
* `ORDER BY ALL` counts the select items
* `column:path` reads JSON text with `get_json_object`

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-qry-select
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reelhouse.errors import Unsupported, UserError
from reelhouse.spark.statements.tokens import Kind, tokenise, unquote

if TYPE_CHECKING:
    from sqlglot import exp

_MAYBE = re.compile(r"\bQUALIFY\b|\b(?:GROUP|ORDER)\s+BY\s+ALL\b|[\w`\])]:[A-Za-z_`\[]", re.I)


def for_engine(text: str) -> str:
    """The query as every engine reads it: itself, unless it uses a form that some lack.

    >>> for_engine("SELECT a, count(*) AS n FROM t GROUP BY ALL")
    'SELECT a, COUNT(*) AS n FROM t GROUP BY a'
    """
    if not _MAYBE.search(text) or not _uses_a_form(text):
        return text
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(text, dialect="databricks")
    except sqlglot.errors.SqlglotError as error:
        raise UserError(f"PARSE_SYNTAX_ERROR: this SQL cannot be read: {error}") from error
    for select in list(tree.find_all(exp.Select)):
        _name_groups(select)
        _number_order(select)
    tree = tree.transform(_json_text)
    while any(select.args.get("qualify") is not None for select in tree.find_all(exp.Select)):
        tree = tree.transform(_without_qualify)  # one level at a time: what is replaced is not looked into
    return str(tree.sql(dialect="databricks"))


def _uses_a_form(text: str) -> bool:
    tokens = tokenise(text)
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.is_word("QUALIFY") and before.text != ".":
            return True
        if token.is_word("BY") and before.is_word("GROUP", "ORDER") and after.is_word("ALL"):
            return True
        if token.text == ":" and token.kind is Kind.SYMBOL and before.end == token.start and after.start == token.end:
            named = before.kind in (Kind.WORD, Kind.QUOTED) or before.text in ("]", ")")
            if named and (after.kind in (Kind.WORD, Kind.QUOTED) or after.text == "[") and not _in_type(tokens, token):
                return True
    return False


def _in_type(tokens: list[Any], colon: Any) -> bool:
    """Whether a colon stands in `STRUCT<a: INT>`: its nearest open bracket is an angle one."""
    depth = 0
    for token in reversed([token for token in tokens if token.end <= colon.start]):
        if token.text in (")", "]"):
            depth += 1
        elif token.text in ("(", "["):
            if depth == 0:
                return False
            depth -= 1
        elif token.text == "<" and depth == 0:
            return True
    return False


def _name_groups(select: exp.Select) -> None:
    """GROUP BY ALL: all select items without an aggregate function, in the order they stand."""
    from sqlglot import exp

    group = select.args.get("group")
    if group is None or not group.args.get("all") or group.expressions:
        return
    items = [item.unalias() for item in select.expressions]
    if any(isinstance(item, exp.Star) for item in items):
        raise UserError("GROUP BY ALL needs the columns to be named, not *")
    plain = [item.copy() for item in items if not _aggregates(item) and not isinstance(item, exp.Literal)]
    select.set("group", exp.Group(expressions=plain) if plain else None)


def _number_order(select: exp.Select) -> None:
    """ORDER BY ALL: all select items from the left, each in the direction that is given once."""
    from sqlglot import exp

    order = select.args.get("order")
    items = order.expressions if order is not None else []
    if len(items) != 1 or items[0].this.sql().upper() != "ALL":
        return
    if any(isinstance(item.unalias(), exp.Star) for item in select.expressions):
        raise Unsupported("ORDER BY ALL with * is not supported here", remedy="Name the columns.")
    numbered = []
    for number in range(1, len(select.expressions) + 1):
        term = items[0].copy()
        term.set("this", exp.Literal.number(number))
        numbered.append(term)
    order.set("expressions", numbered)


def _aggregates(item: exp.Expression) -> bool:
    from sqlglot import exp

    return any(
        node.find_ancestor(exp.Window) is None
        for node in item.find_all(exp.AggFunc, exp.Count, exp.Sum, exp.Max, exp.Min)
    )


def _json_text(node: Any) -> Any:
    from sqlglot import exp

    if isinstance(node, exp.JSONExtract) and isinstance(node.expression, exp.JSONPath):
        path = unquote(node.expression.sql(dialect="spark"))
        return exp.Anonymous(this="get_json_object", expressions=[node.this, exp.Literal.string(path)])
    return node


def _without_qualify(node: Any) -> Any:
    """QUALIFY as WHERE of a query around, which also takes what comes after it: ORDER BY and LIMIT."""
    from sqlglot import exp

    if not isinstance(node, exp.Select) or node.args.get("qualify") is None:
        return node
    if node.args.get("distinct"):
        raise Unsupported("QUALIFY in a SELECT DISTINCT is not supported here", remedy="Put DISTINCT around the query.")
    names = []
    for item in node.expressions:
        if not item.alias_or_name or item.alias_or_name == "*":
            raise Unsupported(
                f"QUALIFY in a query with the select item '{item.sql(dialect='databricks')}' is not supported here",
                remedy="Name the columns, and give expressions an alias.",
            )
        names.append(exp.column(item.alias_or_name, quoted=True))
    inner = node.copy()
    condition = inner.args["qualify"].this
    own = {item.alias.lower(): item.this for item in inner.expressions if isinstance(item, exp.Alias)}
    condition = condition.transform(lambda part: _spell_out(part, own))
    inner.set("qualify", None)
    inner.append("expressions", exp.alias_(condition, "__qualify", quoted=True))
    clauses = ("order", "limit", "offset", "with_", "with")
    after = {clause: inner.args[clause].pop() for clause in clauses if inner.args.get(clause) is not None}
    outer = exp.select(*names).from_(inner.subquery("__qualified")).where(exp.column("__qualify", quoted=True))
    for clause, what in after.items():
        outer.set(clause, what)
    return outer


def _spell_out(part: Any, own: dict[str, Any]) -> Any:
    """What an alias of the select list stands for: inside a SELECT its own aliases cannot be named."""
    from sqlglot import exp

    if isinstance(part, exp.Column) and not part.table and part.name.lower() in own:
        return exp.paren(own[part.name.lower()].copy())
    return part
