"""Names of one to three levels, as SQL and DataFrame calls write them, taken apart. Pure.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-names
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reelhouse.errors import UserError


@dataclass(frozen=True, order=True)
class SchemaName:
    """A schema with its catalog. Names are kept in lower case, as Unity Catalog keeps them."""

    catalog: str
    schema: str

    def __str__(self) -> str:
        return f"{self.catalog}.{self.schema}"


@dataclass(frozen=True, order=True)
class TableName:
    """A table or view with its schema and catalog."""

    catalog: str
    schema: str
    table: str

    @property
    def parent(self) -> SchemaName:
        return SchemaName(self.catalog, self.schema)

    def __str__(self) -> str:
        return f"{self.catalog}.{self.schema}.{self.table}"


def split_name(text: str) -> tuple[str, ...]:
    """The parts of a name; a part in backticks may hold anything, a doubled backtick is one.

    >>> split_name("netflix.`a.b`.t")
    ('netflix', 'a.b', 't')
    """
    parts: list[str] = []
    position, length = 0, len(text)
    while True:
        if position < length and text[position] == "`":
            part, position = _quoted(text, position + 1)
        else:
            end = text.find(".", position)
            end = length if end < 0 else end
            part, position = text[position:end].strip(), end
        if not part:
            raise UserError(f"INVALID_IDENTIFIER: '{text}' is no name")
        parts.append(part)
        if position >= length:
            return tuple(parts)
        if text[position] != ".":
            raise UserError(f"INVALID_IDENTIFIER: '{text}' is no name", remedy="Put parts in backticks.")
        position += 1


def _quoted(text: str, position: int) -> tuple[str, int]:
    part = ""
    while True:
        end = text.find("`", position)
        if end < 0:
            raise UserError(f"INVALID_IDENTIFIER: a backtick is not closed in '{text}'")
        part += text[position:end]
        if text[end + 1 : end + 2] != "`":
            return part, end + 1
        part, position = part + "`", end + 2


def quote_name(parts: Sequence[str] | SchemaName | TableName) -> str:
    """A name as SQL text, with backticks where a part needs them.

    >>> quote_name(("netflix", "my table"))
    'netflix.`my table`'
    """
    if isinstance(parts, SchemaName):
        parts = (parts.catalog, parts.schema)
    elif isinstance(parts, TableName):
        parts = (parts.catalog, parts.schema, parts.table)
    return ".".join(quote_part(part) for part in parts)


def quote_part(part: str) -> str:
    """One part of a name as SQL text."""
    plain = part.replace("_", "a").isalnum() and part.isascii() and not part[0].isdigit()
    return part if plain else "`" + part.replace("`", "``") + "`"


def complete(parts: Sequence[str], current: SchemaName) -> TableName:
    """The full name that one to three parts mean in a session whose schema is `current`."""
    if not 1 <= len(parts) <= 3:
        raise UserError(f"REQUIRES_SINGLE_PART_NAMESPACE: '{'.'.join(parts)}' has {len(parts)} parts, not one to three")
    full = [current.catalog, current.schema][: 3 - len(parts)] + [part.lower() for part in parts]
    return TableName(*full)


def complete_schema(parts: Sequence[str], current_catalog: str) -> SchemaName:
    """The schema that one or two parts mean."""
    if not 1 <= len(parts) <= 2:
        raise UserError(f"'{'.'.join(parts)}' is no name of a schema: it has {len(parts)} parts, not one or two")
    return SchemaName(*([current_catalog] if len(parts) == 1 else []), *(part.lower() for part in parts))
