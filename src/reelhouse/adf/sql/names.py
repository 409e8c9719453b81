"""Identifiers as databases spell them."""

from __future__ import annotations

import re

from reelhouse.adf.expression.values import text
from reelhouse.adf.settings.sql import SqlTableSettings
from reelhouse.errors import Place, UserError

_PART = re.compile(r'\s*(?:\[((?:[^\]]|\]\])+)\]|"((?:[^"]|"")+)"|([^.\[\]"]+))\s*(?:\.|$)')


def quoted(name: str, kind: str = "") -> str:
    """An identifier in the quotes of a database (SQLAlchemy's name of it): double ones, unless it has its own."""
    if kind in ("mysql", "mariadb"):
        return "`" + name.replace("`", "``") + "`"
    return '"' + name.replace('"', '""') + '"'


def parts_of(name: str) -> list[str]:
    """The parts of a name with dots, without quotes or brackets. Raises `ValueError`.

    >>> parts_of("[dbo].[my.table]")
    ['dbo', 'my.table']
    """
    found, position = [], 0
    while position < len(name):
        match = _PART.match(name, position)
        if match is None:
            raise ValueError(f"'{name}' is no name")
        bracketed, in_quotes, plain = match.groups()
        if bracketed is not None:
            found.append(bracketed.replace("]]", "]"))
        else:
            found.append(in_quotes.replace('""', '"') if in_quotes is not None else plain.strip())
        position = match.end()
    return found


def table_names(settings: SqlTableSettings, place: Place) -> tuple[str, str]:
    """The schema and the table of an evaluated dataset; both are empty when it names none. Raises `UserError`."""
    if settings.table:
        return text(settings.schema_), text(settings.table)
    if not settings.table_name:
        return text(settings.schema_), ""
    try:
        found = parts_of(text(settings.table_name))
    except ValueError as error:
        raise UserError(str(error), where=place.at("tableName")) from None
    if len(found) > 2:
        found = found[-2:]  # database.schema.table: the linked service says which database
    return (found[0], found[1]) if len(found) == 2 else (text(settings.schema_), found[0])
