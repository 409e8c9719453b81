from __future__ import annotations

import json

import pytest

from reelhouse.delta.conflicts import ConcurrentModification, check_can_follow
from reelhouse.delta.properties import check_properties, check_writable, normalised, protocol_action
from reelhouse.delta.write import Transaction
from reelhouse.errors import Unsupported, UserError

PLAIN = json.dumps({"type": "struct", "fields": [{"name": "a", "type": "long", "nullable": True, "metadata": {}}]})
WALL = PLAIN.replace('"long"', '"timestamp_ntz"')
NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "properties",
    [
        {"delta.appendOnly": "true", "delta.logRetentionDuration": "interval 30 days"},
        {"DELTA.APPENDONLY": "false", "quality": "bronze", "pipelines.autoOptimize.zOrderCols": "a"},
        {"delta.autoOptimize.optimizeWrite": "true", "delta.targetFileSize": "128mb"},
        {"delta.enableDeletionVectors": "false", "delta.columnMapping.mode": "none"},
    ],
)
def test_properties_that_are_let_through(properties):
    check_properties(properties)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"delta.appendOnli": "true"}, "DELTA_UNKNOWN_CONFIGURATION.*'delta.appendOnly'"),
        ({"delta.appendOnly": "yes"}, "DELTA_VIOLATE_TABLE_PROPERTY_VALIDATION"),
        ({"delta.enableDeletionVectors": "true"}, "deletion vectors"),
        ({"delta.enableRowTracking": "true"}, "row tracking"),
    ],
)
def test_properties_that_are_refused(properties, message):
    with pytest.raises(UserError, match=message):
        check_properties(properties)


def test_delta_spells_its_own_properties():
    assert normalised({"Delta.AppendOnly": "true", "Mine": "x"}) == {"delta.appendOnly": "true", "Mine": "x"}


@pytest.mark.parametrize(
    ("schema", "properties", "present", "versions"),
    [
        (PLAIN, {}, None, (1, 2)),
        (PLAIN, {"delta.constraints.x": "a > 0"}, None, (1, 3)),
        (PLAIN, {"delta.enableChangeDataFeed": "true"}, (1, 2, NONE, NONE), (1, 4)),
        (PLAIN, {"delta.constraints.x": "a > 0"}, (1, 4, NONE, NONE), None),
        (WALL, {}, None, (3, 7)),
        (WALL, {}, (3, 7, frozenset({"timestampNtz"}), frozenset({"timestampNtz", "appendOnly", "invariants"})), None),
        (WALL, {}, (1, 3, NONE, NONE), (3, 7)),
    ],
)
def test_the_protocol_rises_as_far_as_needed_and_never_falls(schema, properties, present, versions):
    action = protocol_action(schema, properties, present)
    assert (action and (action["minReaderVersion"], action["minWriterVersion"])) == versions


def test_a_protocol_of_features_keeps_those_that_its_version_meant():
    action = protocol_action(WALL, {}, (1, 4, NONE, NONE))
    assert action["readerFeatures"] == ["timestampNtz"]
    assert action["writerFeatures"] == [
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "invariants",
        "timestampNtz",
    ]


def test_tables_with_features_that_a_writer_has_to_know_are_refused():
    check_writable((3, 7, frozenset({"deletionVectors"}), frozenset({"deletionVectors", "appendOnly"})), {}, "t")
    with pytest.raises(Unsupported, match="'t' uses the Delta features rowTracking"):
        check_writable((3, 7, NONE, frozenset({"rowTracking"})), {}, "t")
    with pytest.raises(Unsupported, match="columnMapping"):
        check_writable((2, 5, NONE, NONE), {"delta.columnMapping.mode": "name"}, "t")


ADD, REMOVE, META = {"add": {"path": "a"}}, {"remove": {"path": "a"}}, {"metaData": {"id": "x"}}
TXN = {"txn": {"appId": "q", "version": 1}}


@pytest.mark.parametrize(
    ("entry", "blind", "message"),
    [
        ([ADD], True, None),
        ([ADD, REMOVE], True, None),
        ([ADD], False, "DELTA_CONCURRENT_APPEND"),
        ([REMOVE, ADD], False, "DELTA_CONCURRENT_DELETE_READ"),
        ([META], True, "DELTA_METADATA_CHANGED"),
        ([{"protocol": {}}], True, "DELTA_PROTOCOL_CHANGED"),
        ([TXN, ADD], True, "DELTA_CONCURRENT_TRANSACTION"),
        ([{"commitInfo": {}}], False, None),
    ],
)
def test_what_may_follow_what(entry, blind, message):
    if message is None:
        check_can_follow(entry, 1, "t", blind=blind, transaction=Transaction("other", 1))
        return
    with pytest.raises(ConcurrentModification, match=f"{message}: version 1 of 't'"):
        check_can_follow(entry, 1, "t", blind=blind, transaction=Transaction("q", 5))
