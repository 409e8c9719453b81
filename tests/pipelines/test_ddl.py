"""Schema strings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reelhouse.errors import Place, Unsupported, UserError
from reelhouse.pipelines.ddl import Column, parse_schema, same_type, type_text

PLACE = Place("silver.py", "line 3")


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("a INT", "integer"),
        ("a: BIGINT", "long"),
        ("`a` decimal(10, 2)", "decimal(10,2)"),
        ("a DECIMAL", "decimal(10,0)"),
        ("a ARRAY<STRING>", {"type": "array", "elementType": "string", "containsNull": True}),
        ("a VARCHAR(10)", "varchar(10)"),
    ],
)
def test_types(text: str, type: Any) -> None:
    assert parse_schema(text, PLACE).columns == (Column("a", type),)


def test_nested_types_are_written_as_they_are_read() -> None:
    text = "STRUCT<`x`: INT, `y`: MAP<STRING, ARRAY<TIMESTAMP>>>"
    (column,) = parse_schema(f"a {text}", PLACE).columns
    assert type_text(column.type) == text


def test_columns_comments_and_keys() -> None:
    schema = parse_schema(
        """
        id INT NOT NULL COMMENT 'it''s the key', -- a comment
        `a b` STRING COMMENT "two words",
        CONSTRAINT pk PRIMARY KEY (id) RELY,
        CONSTRAINT fk FOREIGN KEY (`a b`) REFERENCES netflix.gold.other (x) NOT ENFORCED
        """,
        PLACE,
    )
    assert schema.columns == (
        Column("id", "integer", False, "it's the key"),
        Column("a b", "string", True, "two words"),
    )
    assert schema.primary_key == ("id",)
    assert [(k.columns, k.table, k.references) for k in schema.foreign_keys] == [
        (("a b",), "netflix.gold.other", ("x",))
    ]
    assert json.loads(schema.json())["fields"][0] == {
        "name": "id",
        "type": "integer",
        "nullable": False,
        "metadata": {"comment": "it's the key"},
    }


def test_a_struct_type_of_pyspark_says_the_same() -> None:
    from pyspark.sql.types import ArrayType, LongType, StructType

    schema = StructType().add("a", ArrayType(LongType()), nullable=False)
    (column,) = parse_schema(schema, PLACE).columns
    assert not column.nullable
    assert same_type(column.type, parse_schema("a ARRAY<BIGINT>", PLACE).columns[0].type)


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("a INT GENERATED ALWAYS AS IDENTITY", Unsupported, "declared GENERATED"),
        ("a INT DEFAULT 1", Unsupported, "declared DEFAULT"),
        ("a NUMBER", Unsupported, "Type NUMBER"),
        ("a INT b INT", UserError, "expected a comma"),
        ("a INT, A STRING", UserError, "declared twice"),
        ("a INT, PRIMARY KEY (b)", UserError, "names column 'b'"),
        ("a INT, CONSTRAINT c CHECK (a > 1)", Unsupported, "CHECK"),
        (1, UserError, "DDL string"),
    ],
)
def test_what_is_refused(text: Any, kind: type[UserError], what: str) -> None:
    with pytest.raises(kind, match=what) as caught:
        parse_schema(text, PLACE)
    assert "silver.py" in str(caught.value)
