"""Column types as SQL writes them, in the form of a schema's JSON, and back. Pure.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-datatypes
"""

from __future__ import annotations

from typing import Any

from reelhouse.errors import Unsupported
from reelhouse.spark.statements.tokens import Cursor, Kind

Type = str | dict[str, Any]

_SIMPLE = {
    "BIGINT": "long",
    "LONG": "long",
    "INT": "integer",
    "INTEGER": "integer",
    "SMALLINT": "short",
    "SHORT": "short",
    "TINYINT": "byte",
    "BYTE": "byte",
    "FLOAT": "float",
    "REAL": "float",
    "DOUBLE": "double",
    "STRING": "string",
    "BINARY": "binary",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_LTZ": "timestamp",
    "TIMESTAMP_NTZ": "timestamp_ntz",
}


def parse_type(cursor: Cursor) -> Type:
    """The type at the cursor."""
    word = cursor.identifier().upper()
    if word in _SIMPLE:
        return _SIMPLE[word]
    if word in ("DECIMAL", "DEC", "NUMERIC"):
        precision, scale = "10", "0"
        if cursor.accept_symbol("("):
            precision = cursor.next().text
            if cursor.accept_symbol(","):
                scale = cursor.next().text
            cursor.expect_symbol(")")
        return f"decimal({precision},{scale})"
    if word in ("VARCHAR", "CHAR", "CHARACTER"):
        raise Unsupported(f"Column type {word} is not supported here", remedy="Use STRING.")
    if word == "ARRAY":
        cursor.expect_symbol("<")
        element = parse_type(cursor)
        cursor.expect_symbol(">")
        return {"type": "array", "elementType": element, "containsNull": True}
    if word == "MAP":
        cursor.expect_symbol("<")
        key = parse_type(cursor)
        cursor.expect_symbol(",")
        value = parse_type(cursor)
        cursor.expect_symbol(">")
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    if word == "STRUCT":
        return {"type": "struct", "fields": _fields(cursor)}
    known = ", ".join(sorted([*_SIMPLE, "DECIMAL", "ARRAY", "MAP", "STRUCT"]))
    raise Unsupported(f"Column type {word} is not supported here", remedy=f"Supported are {known}.")


def _fields(cursor: Cursor) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = []
    if cursor.token.kind is Kind.SYMBOL and cursor.token.text == "<>":
        cursor.next()
        return fields
    cursor.expect_symbol("<")
    while not cursor.accept_symbol(">"):
        name = cursor.identifier()
        cursor.accept_symbol(":")
        kind = parse_type(cursor)
        if cursor.at("NOT"):
            raise Unsupported(f"NOT NULL is not supported for field '{name}' of a struct")
        metadata = {"comment": cursor.string()} if cursor.accept("COMMENT") else {}
        fields.append({"name": name, "type": kind, "nullable": True, "metadata": metadata})
        cursor.accept_symbol(",")
    return fields


_NUMERIC = ("byte", "short", "integer", "long", "float", "double")


def can_assign(given: Type, wanted: Type) -> bool:
    """Whether a value may be stored in a column by INSERT, UPDATE, MERGE (ANSI store assignment).

    https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-ansi-compliance
    """
    if given in ("void", wanted):
        return True
    if isinstance(given, dict) or isinstance(wanted, dict):
        if not (isinstance(given, dict) and isinstance(wanted, dict)) or given["type"] != wanted["type"]:
            return False
        if given["type"] == "array":
            return can_assign(given["elementType"], wanted["elementType"])
        if given["type"] == "map":
            return can_assign(given["keyType"], wanted["keyType"]) and can_assign(
                given["valueType"], wanted["valueType"]
            )
        own, others = given["fields"], wanted["fields"]
        return len(own) == len(others) and all(
            can_assign(a["type"], b["type"]) for a, b in zip(own, others, strict=True)
        )
    if wanted == "string":
        return given != "binary"
    if _is_numeric(wanted):
        return _is_numeric(given)
    moments = ("date", "timestamp", "timestamp_ntz")
    return given in moments and wanted in moments


def _is_numeric(kind: str) -> bool:
    return kind in _NUMERIC or kind.startswith("decimal")
