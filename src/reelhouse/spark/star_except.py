"""`SELECT * EXCEPT (columns)` for an engine that lacks it: all columns, of which some are dropped. Pure.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-qry-star
"""

from __future__ import annotations

import re

from reelhouse.errors import Unsupported
from reelhouse.spark.statements.tokens import Kind, Token, tokenise

_MAYBE = re.compile(r"\*\s*EXCEPT\s*\(", re.IGNORECASE)
_REFUSED_WITH = ("UNION", "INTERSECT", "MINUS", "EXCEPT", "DISTINCT", "GROUP")


def split(text: str) -> tuple[str, list[str]]:
    """The query with plain stars, and the names of the columns to drop from its rows; [] when it has no EXCEPT.

    Raises `Unsupported` where dropping from the result would not mean the same.

    >>> split("SELECT * EXCEPT (a, `b`) FROM t")
    ('SELECT *  FROM t', ['a', 'b'])
    """
    if not _MAYBE.search(text):
        return text, []
    tokens = tokenise(text)
    places = [place for place in range(1, len(tokens) - 3) if _is_star_except(tokens, place)]
    if not places:
        return text, []
    star = places[0]
    close = next(place for place in range(star, len(tokens)) if tokens[place].text == ")")
    names = [token.text for token in tokens[star + 3 : close] if token.kind in (Kind.WORD, Kind.QUOTED)]
    outer = _outermost([*tokens[: star + 1], *tokens[close + 1 :]])
    dropped = {name.lower() for name in names}
    select = [token for token in outer if token.start < _from(outer)]
    if (
        len(places) > 1
        or tokens[star] not in outer
        or tokens[star - 1].text == "."
        or any(token.is_word(*_REFUSED_WITH) for token in outer)
        or any(token.kind in (Kind.WORD, Kind.QUOTED) and token.text.lower() in dropped for token in select)
    ):
        raise Unsupported(
            "SELECT * EXCEPT (…) is supported here in the outermost SELECT of a query alone, without a name before the "
            "star, DISTINCT, GROUP BY, a set operation, or another column under a name that it leaves out",
            remedy="Name the columns, or use df.drop(…).",
        )
    return text[: tokens[star].end] + " " + text[tokens[close].end :], names


def _is_star_except(tokens: list[Token], place: int) -> bool:
    star, word, bracket, inner = tokens[place : place + 4]
    return (
        star.text == "*"
        and word.is_word("EXCEPT")
        and bracket.text == "("
        and not inner.is_word("SELECT", "WITH", "FROM")
    )


def _outermost(tokens: list[Token]) -> list[Token]:
    """The tokens outside of all brackets."""
    depth = 0
    outer: list[Token] = []
    for token in tokens:
        if token.kind is Kind.SYMBOL and token.text == "(":
            depth += 1
        elif token.kind is Kind.SYMBOL and token.text == ")":
            depth -= 1
        elif depth == 0:
            outer.append(token)
    return outer


def _from(outer: list[Token]) -> int:
    return next((token.start for token in outer if token.is_word("FROM")), outer[-1].end)
