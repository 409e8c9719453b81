"""The columns and constraints of a table, as a schema string or the brackets of a CREATE statement write them.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-streaming-table
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelhouse.delta.write import Expectation, OnViolation
from reelhouse.errors import Place, Unsupported, UserError, did_you_mean
from reelhouse.pipelines.tokens import Kind, Tokens

TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "byte",
    "BYTE": "byte",
    "SMALLINT": "short",
    "SHORT": "short",
    "INT": "integer",
    "INTEGER": "integer",
    "BIGINT": "long",
    "LONG": "long",
    "FLOAT": "float",
    "REAL": "float",
    "DOUBLE": "double",
    "STRING": "string",
    "BINARY": "binary",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_LTZ": "timestamp",
    "TIMESTAMP_NTZ": "timestamp_ntz",
}
"""SQL type names and the words of Spark's JSON schema."""


@dataclass(frozen=True)
class ForeignKey:
    columns: tuple[str, ...]
    table: str
    references: tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True)
class Column:
    """`type` is a value of Spark's JSON schema: a word, or a dict for arrays, maps and structs."""

    name: str
    type: Any
    nullable: bool = True
    comment: str | None = None


@dataclass(frozen=True)
class TableSchema:
    """A declared schema. Keys are informational, as on Databricks: told, not enforced."""

    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def comments(self) -> dict[str, str]:
        """Comments of columns, by column."""
        return {c.name: c.comment for c in self.columns if c.comment}

    def column(self, name: str) -> Column | None:
        """The column of that name, in any case of letters."""
        return next((c for c in self.columns if c.name.lower() == name.lower()), None)

    def json(self) -> str:
        """Spark's JSON form."""
        return json.dumps(struct_json(self.columns))


def struct_json(columns: tuple[Column, ...]) -> dict[str, Any]:
    """Columns in Spark's JSON form."""
    fields = [
        {
            "name": c.name,
            "type": c.type,
            "nullable": c.nullable,
            "metadata": {"comment": c.comment} if c.comment else {},
        }
        for c in columns
    ]
    return {"type": "struct", "fields": fields}


def parse_schema(schema: Any, place: Place) -> TableSchema:
    """A declared schema, from a DDL string or a pyspark StructType.

    >>> parse_schema("id INT NOT NULL COMMENT 'key', CONSTRAINT pk PRIMARY KEY(id)", Place("a.py")).primary_key
    ('id',)
    """
    if schema is None:
        return TableSchema()
    if isinstance(schema, TableSchema):
        return schema
    if isinstance(schema, str):
        tokens = Tokens(schema, place)
        parsed = table_elements(tokens)
        if not tokens.at_end:
            raise tokens.error("expected a comma or the end of the schema")
        return parsed
    as_json = getattr(schema, "jsonValue", None)
    if as_json is None:
        raise UserError(f"schema has to be a DDL string or a StructType, not {schema!r}", where=place)
    columns = (
        Column(f["name"], f["type"], f["nullable"], (f.get("metadata") or {}).get("comment"))
        for f in as_json()["fields"]
    )
    return TableSchema(tuple(columns))


def table_elements(tokens: Tokens, *, typed: bool = True) -> TableSchema:
    """Columns, constraints and expectations up to the closing bracket or the end.

    Where `typed` is False, as in a view, a column may come without a type; its type is then an empty text.
    """
    columns: list[Column] = []
    primary: tuple[str, ...] = ()
    foreign: list[ForeignKey] = []
    rules: list[Expectation] = []
    while True:
        if tokens.matches("CONSTRAINT") or tokens.matches("PRIMARY", "KEY") or tokens.matches("FOREIGN", "KEY"):
            found = _constraint(tokens)
            if isinstance(found, Expectation):
                rules.append(found)
            elif isinstance(found, ForeignKey):
                foreign.append(found)
            else:
                primary = found
        else:
            column, key = _column(tokens, typed)
            if any(column.name.lower() == other.name.lower() for other in columns):
                raise UserError(f"Column '{column.name}' is declared twice", where=tokens.place())
            columns.append(column)
            primary = (column.name,) if key else primary
        if not tokens.accept(","):
            break
    schema = TableSchema(tuple(columns), primary, tuple(foreign), tuple(rules))
    for name in (*primary, *(c for key in foreign for c in key.columns)):
        if columns and schema.column(name) is None:
            remedy = did_you_mean(name, [c.name for c in columns])
            raise UserError(
                f"A constraint names column '{name}', which is not declared", where=tokens.place(), remedy=remedy
            )
    return schema


def _constraint(tokens: Tokens) -> Expectation | ForeignKey | tuple[str, ...]:
    name = tokens.identifier() if tokens.accept("CONSTRAINT") else None
    if tokens.accept("EXPECT"):
        return expectation(tokens, str(name))
    if tokens.accept("PRIMARY", "KEY"):
        columns = _key_columns(tokens)
        _key_options(tokens)
        return columns
    if tokens.accept("FOREIGN", "KEY"):
        columns = tokens.names_in_brackets()
        tokens.expect("REFERENCES")
        table = tokens.name()
        references = tokens.names_in_brackets() if tokens.matches("(") else ()
        _key_options(tokens)
        return ForeignKey(columns, table, references, name)
    if tokens.matches("CHECK"):
        raise Unsupported(
            f"CHECK constraint '{name}' in the definition of a pipeline's table is not supported",
            where=tokens.place(),
            remedy="Use an expectation.",
        )
    raise tokens.error("expected PRIMARY KEY, FOREIGN KEY or EXPECT")


def expectation(tokens: Tokens, name: str) -> Expectation:
    """The rest of `CONSTRAINT name EXPECT (condition) [ON VIOLATION DROP ROW | FAIL UPDATE]`."""
    constraint = tokens.bracketed()
    action = OnViolation.ALLOW
    if tokens.accept("ON", "VIOLATION"):
        if tokens.accept("DROP", "ROW"):
            action = OnViolation.DROP
        elif tokens.accept("FAIL", "UPDATE"):
            action = OnViolation.FAIL
        else:
            raise tokens.error("expected DROP ROW or FAIL UPDATE")
    return Expectation(name, constraint, action)


def _key_columns(tokens: Tokens) -> tuple[str, ...]:
    tokens.expect("(")
    names = [tokens.identifier()]
    tokens.accept("TIMESERIES")
    while tokens.accept(","):
        names.append(tokens.identifier())
        tokens.accept("TIMESERIES")
    tokens.expect(")")
    return tuple(names)


def _key_options(tokens: Tokens) -> None:
    """Words that say how a key is used by the optimiser; keys are never enforced."""
    while any(
        tokens.accept(*option)
        for option in (
            ("NOT", "ENFORCED"),
            ("DEFERRABLE",),
            ("INITIALLY", "DEFERRED"),
            ("NORELY",),
            ("RELY",),
            ("MATCH", "FULL"),
            ("ON", "UPDATE", "NO", "ACTION"),
            ("ON", "DELETE", "NO", "ACTION"),
        )
    ):
        pass


def _column(tokens: Tokens, typed: bool = True) -> tuple[Column, bool]:
    name = tokens.identifier()
    tokens.accept(":")
    untyped = not typed and (tokens.token.kind is not Kind.WORD or tokens.matches("COMMENT") or tokens.matches("NOT"))
    kind = "" if untyped else data_type(tokens)
    nullable, comment, key = True, None, False
    while True:
        if tokens.accept("NOT", "NULL"):
            nullable = False
        elif tokens.accept("COMMENT"):
            comment = tokens.string()
        elif tokens.matches("PRIMARY", "KEY") or (tokens.matches("CONSTRAINT") and _is_column_key(tokens)):
            if tokens.accept("CONSTRAINT"):
                tokens.identifier()
            tokens.expect("PRIMARY", "KEY")
            _key_options(tokens)
            key = True
        elif tokens.matches("GENERATED") or tokens.matches("DEFAULT") or tokens.matches("MASK"):
            what = f"Column '{name}' is declared {tokens.token.text.upper()}, which is not supported"
            raise Unsupported(what, where=tokens.place())
        else:
            return Column(name, kind, nullable, comment), key


def _is_column_key(tokens: Tokens) -> bool:
    return tokens.peek(2).text.upper() == "PRIMARY" and tokens.peek(4).text != "("


def data_type(tokens: Tokens) -> Any:
    """A type, as a value of Spark's JSON schema."""
    if tokens.token.kind is not Kind.WORD:
        raise tokens.error("expected a type")
    word = tokens.next().text.upper()
    if word in TYPES:
        return TYPES[word]
    if word in ("DECIMAL", "DEC", "NUMERIC"):
        return f"decimal({','.join(_numbers(tokens) or ['10', '0'])})"
    if word in ("VARCHAR", "CHAR"):
        return f"{word.lower()}({_numbers(tokens)[0]})"
    if word == "ARRAY":
        tokens.expect("<")
        element = data_type(tokens)
        tokens.expect(">")
        return {"type": "array", "elementType": element, "containsNull": True}
    if word == "MAP":
        tokens.expect("<")
        key = data_type(tokens)
        tokens.expect(",")
        value = data_type(tokens)
        tokens.expect(">")
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    if word == "STRUCT":
        tokens.expect("<")
        fields = [_column(tokens)[0]]
        while tokens.accept(","):
            fields.append(_column(tokens)[0])
        tokens.expect(">")
        return struct_json(tuple(fields))
    raise Unsupported(
        f"Type {word} is not known",
        where=tokens.place(),
        remedy=did_you_mean(word, [*TYPES, "DECIMAL", "ARRAY", "MAP", "STRUCT"]),
    )


def _numbers(tokens: Tokens) -> list[str]:
    if not tokens.accept("("):
        return []
    numbers = [tokens.next().text]
    while tokens.accept(","):
        numbers.append(tokens.next().text)
    tokens.expect(")")
    return numbers if len(numbers) > 1 else [numbers[0], "0"]


def type_text(kind: Any) -> str:
    """A type of Spark's JSON schema as SQL writes it.

    >>> type_text({"type": "array", "elementType": "long", "containsNull": True})
    'ARRAY<BIGINT>'
    """
    if isinstance(kind, str):
        names = {"byte": "TINYINT", "short": "SMALLINT", "integer": "INT", "long": "BIGINT"}
        return names.get(kind, kind.upper())
    if kind["type"] == "array":
        return f"ARRAY<{type_text(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"MAP<{type_text(kind['keyType'])}, {type_text(kind['valueType'])}>"
    fields = ", ".join(f"`{f['name']}`: {type_text(f['type'])}" for f in kind["fields"])
    return f"STRUCT<{fields}>"


def same_type(left: Any, right: Any) -> bool:
    """Whether two types hold the same values; nullability and comments inside of them do not count."""
    return type_text(left).lower() == type_text(right).lower()
