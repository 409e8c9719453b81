from __future__ import annotations

import json

import pytest

from reelhouse.delta.alter import (
    add_columns,
    apply_definition,
    create_table,
    set_column_comments,
    set_comment,
    set_properties,
    unset_properties,
)
from reelhouse.delta.constraints import add_constraint, drop_constraint, drop_not_null, list_constraints, set_not_null
from reelhouse.delta.expectations import ExpectationViolation
from reelhouse.delta.schema import fields_of
from reelhouse.delta.snapshot import open_snapshot
from reelhouse.errors import UserError

SCHEMA = json.dumps(
    {
        "type": "struct",
        "fields": [
            {"name": "id", "type": "long", "nullable": False, "metadata": {"comment": "key"}},
            {"name": "c", "type": "string", "nullable": True, "metadata": {}},
        ],
    }
)


def no_violations(snapshot, condition):
    return 0


def test_a_table_is_created_empty(table):
    assert create_table(table.target, SCHEMA, not_null=["id"], partition_by=["C"], comment="x") == 0
    snapshot = open_snapshot(table.location)
    assert (snapshot.files, snapshot.partition_columns, snapshot.comment) == ((), ("c",), "x")
    assert [f["nullable"] for f in fields_of(snapshot.schema)] == [False, True]
    with pytest.raises(UserError, match="DELTA_TABLE_ALREADY_EXISTS"):
        create_table(table.target, SCHEMA)
    table.write({"id": [1], "c": ["x"]}, partition_by=("c",))
    assert create_table(table.target, SCHEMA, replace_existing=True) == 2
    assert table.rows() == []


def test_properties_are_set_and_unset_and_equal_ones_make_no_version(table):
    table.write({"id": [1]})
    assert set_properties(table.target, {"delta.APPENDONLY": "true", "quality": "b"}) == 1
    assert set_properties(table.target, {"quality": "b"}) is None
    assert open_snapshot(table.location).properties == {"delta.appendOnly": "true", "quality": "b"}
    assert unset_properties(table.target, ["quality"]) == 2
    with pytest.raises(UserError, match="DELTA_UNSET_NON_EXISTENT_PROPERTY"):
        unset_properties(table.target, ["quality"])
    assert unset_properties(table.target, ["quality"], if_exists=True) is None
    with pytest.raises(UserError, match="CHECK constraint"):
        set_properties(table.target, {"delta.constraints.x": "id > 0"})


def test_comments(table):
    table.write({"id": [1]})
    assert set_comment(table.target, "of the table") == 1
    assert set_column_comments(table.target, {"ID": "key"}) == 2
    snapshot = open_snapshot(table.location)
    assert (snapshot.comment, fields_of(snapshot.schema)[0]["metadata"]) == ("of the table", {"comment": "key"})
    with pytest.raises(UserError, match="no column 'idd'"):
        set_column_comments(table.target, {"idd": "key"})


def test_a_definition_is_applied_in_one_commit_or_none(table):
    table.write({"id": [1]})
    definition = {"properties": {"quality": "silver"}, "comment": "x", "column_comments": {"id": "key"}}
    assert apply_definition(table.target, **definition) == 1
    assert apply_definition(table.target, **definition) is None


def test_columns_are_added_last_and_old_rows_have_null(table):
    table.write({"id": [1]})
    new = json.dumps(
        {"type": "struct", "fields": [{"name": "c", "type": "string", "nullable": True, "metadata": {"comment": "x"}}]}
    )
    assert add_columns(table.target, new) == 1
    assert table.rows() == [{"id": 1, "c": None}]
    with pytest.raises(UserError, match="FIELD_ALREADY_EXISTS"):
        add_columns(table.target, new)
    assert add_columns(table.target, new, if_not_exists=True) is None


def test_check_constraints(table):
    table.write({"id": [1]})
    with pytest.raises(UserError, match="DELTA_NEW_CHECK_CONSTRAINT_VIOLATION: 2 rows"):
        add_constraint(table.target, "Positive", "id > 0", lambda snapshot, condition: 2)
    assert add_constraint(table.target, "Positive", "id > 0", no_violations) == 1
    snapshot = open_snapshot(table.location)
    assert list_constraints(snapshot.properties) == {"positive": "id > 0"}
    assert snapshot.protocol[:2] == (1, 3)
    with pytest.raises(ExpectationViolation, match=r"CHECK constraint positive \(id > 0\)"):
        table.write({"id": [-1]}, mask=[1])
    with pytest.raises(UserError, match="DELTA_CONSTRAINT_ALREADY_EXISTS"):
        add_constraint(table.target, "positive", "id > 0", no_violations)
    with pytest.raises(UserError, match=r"DELTA_CONSTRAINT_DOES_NOT_EXIST.*'positive'"):
        drop_constraint(table.target, "positiv")
    assert drop_constraint(table.target, "POSITIVE") == 2
    assert table.write({"id": [-1]}).version == 3


def test_not_null_is_enforced_from_the_footers(table):
    table.write({"id": [1], "c": ["x"]})
    with pytest.raises(UserError, match="holds 3 NULL values"):
        set_not_null(table.target, "ID", lambda snapshot, condition: 3)
    assert set_not_null(table.target, "ID", no_violations) == 1
    with pytest.raises(UserError, match=r"DELTA_NOT_NULL_CONSTRAINT_VIOLATED: column 'id'.*got 1 NULL value"):
        table.write({"id": [2, None], "c": ["x", "y"]})
    with pytest.raises(UserError, match="declares id NOT NULL"):
        table.write({"c": ["x"]})
    assert drop_not_null(table.target, "id") == 2
    assert table.write({"id": [2, None], "c": ["x", "y"]}).version == 3


def test_change_data_feed_and_constraints_raise_the_protocol_as_far_as_needed(table):
    table.write({"id": [1]})
    set_properties(table.target, {"delta.enableChangeDataFeed": "true"})
    assert open_snapshot(table.location).protocol[:2] == (1, 4)
    set_properties(table.target, {"quality": "x"})
    assert open_snapshot(table.location).protocol[:2] == (1, 4)
    assert len(table.entry(2)) == 2
