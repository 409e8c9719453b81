from __future__ import annotations

import json

import pytest

from reelhouse.delta.schema import Projection, fields_of, new_schema, reconcile, schema_key, type_text
from reelhouse.errors import Unsupported, UserError


def schema(**columns) -> str:
    return json.dumps(
        {
            "type": "struct",
            "fields": [{"name": n, "type": t, "nullable": False, "metadata": {}} for n, t in columns.items()],
        }
    )


def array(element) -> dict:
    return {"type": "array", "elementType": element, "containsNull": False}


def struct(**fields) -> dict:
    return json.loads(schema(**fields))


def test_a_new_table_is_nullable_throughout():
    found = fields_of(new_schema(schema(a=array(struct(b="long"))), not_null=["A"]))[0]
    assert (found["nullable"], found["type"]["containsNull"]) == (False, True)
    assert found["type"]["elementType"]["fields"][0]["nullable"] is True


@pytest.mark.parametrize(
    ("data", "table"),
    [
        ("byte", "short"),
        ("short", "long"),
        ("integer", "long"),
        ("float", "double"),
        ("void", "date"),
        ("decimal(5,2)", "decimal(7,3)"),
        (array("integer"), array("long")),
        (struct(x="integer"), struct(x="long")),
        ({"type": "map", "keyType": "string", "valueType": "short", "valueContainsNull": True},
         {"type": "map", "keyType": "string", "valueType": "long", "valueContainsNull": True}),
    ],
)  # fmt: skip
def test_narrower_types_are_cast_to_the_tables(data, table):
    found = reconcile(schema(A=table), schema(a=data), table="t")
    assert not found.changed
    assert found.projection[0].name == "A"
    assert type_text(found.projection[0].cast_to) == type_text(table)


@pytest.mark.parametrize(
    ("data", "table"),
    [
        ("long", "integer"),
        ("string", "long"),
        ("long", "string"),
        ("double", "float"),
        ("date", "timestamp"),
        ("timestamp_ntz", "timestamp"),
        ("decimal(7,3)", "decimal(5,2)"),
        ("decimal(5,2)", "decimal(5,3)"),
        (array("string"), array("long")),
        (struct(y="long"), struct(x="long")),
        ("string", array("string")),
    ],
)
def test_other_types_are_refused_naming_the_column(data, table):
    with pytest.raises(UserError, match=r"DELTA_FAILED_TO_MERGE_FIELDS.*(column|fields of) 'a"):
        reconcile(schema(a=table), schema(a=data), table="t")


def test_equal_rows_need_no_projection():
    found = reconcile(schema(a="long", b="string"), schema(b="string", a="long"), table="t")
    assert found.projection == (Projection("b", "b"), Projection("a", "a"))
    assert all(column.is_identity for column in found.projection)


def test_fields_of_structs_are_merged_like_columns():
    with pytest.raises(UserError, match=r"DELTA_METADATA_MISMATCH.*'a.y'"):
        reconcile(schema(a=struct(x="long")), schema(a=struct(x="long", y="date")), table="t")
    found = reconcile(schema(a=struct(x="long")), schema(a=struct(x="long", y="date")), table="t", merge=True)
    assert type_text(fields_of(found.schema)[0]["type"]) == "struct<x:bigint,y:date>"
    assert found.changed


def test_merge_keeps_what_is_there_and_says_when_nothing_is_new():
    table = new_schema(schema(a="long"), comments={"a": "key"})
    assert not reconcile(table, schema(a="long"), table="t", merge=True).changed
    found = reconcile(table, schema(b="date"), table="t", merge=True)
    assert [field["name"] for field in fields_of(found.schema)] == ["a", "b"]
    assert fields_of(found.schema)[0]["metadata"] == {"comment": "key"}


def test_the_order_of_json_keys_makes_no_difference():
    one = schema(a="decimal(5, 2)")
    other = json.dumps(
        {"fields": [{"metadata": {}, "type": "decimal(5,2)", "nullable": False, "name": "a"}], "type": "struct"}
    )
    assert schema_key(one) == schema_key(other)


@pytest.mark.parametrize("kind", ["interval day", "void", "variant", array("void")])
def test_types_that_cannot_be_stored_are_refused(kind):
    with pytest.raises(Unsupported, match="'a'"):
        new_schema(schema(a=kind))
