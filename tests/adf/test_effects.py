"""Properties that are accepted and have no effect here are named."""

from __future__ import annotations

import json

import pytest

from reelhouse.adf.effects import without_effect
from reelhouse.adf.factory import load_factory


@pytest.mark.parametrize(
    ("source", "sink", "named"),
    [
        (
            {"type": "DelimitedTextSource", "sourceRetryCount": 2},
            {"type": "ParquetSink", "writeBatchSize": 9},
            {"sourceRetryCount", "writeBatchSize"},
        ),
        (
            {"type": "BinarySource"},
            {"type": "AzureSqlSink", "sinkRetryWait": 9, "writeBatchTimeout": "1"},
            {"sinkRetryWait"},
        ),
        (
            {"type": "BinarySource"},
            {"type": "AzureSqlSink", "upsertSettings": {"useTempDB": True, "interimSchemaName": "x"}},
            {"useTempDB", "interimSchemaName"},
        ),
        ({"type": "RestSource", "sourceRetryCount": 2}, {"type": "RestSink", "writeBatchSize": 9}, set()),
        (
            {"type": "JsonSource", "storeSettings": {"type": "AzureBlobFSReadSettings", "maxConcurrentConnections": 4}},
            {"type": "JsonSink"},
            {"maxConcurrentConnections"},
        ),
    ],
)
def test_settings_of_a_copy_that_change_nothing_here(tmp_path, source, sink, named):
    copy = {"name": "c", "type": "Copy", "typeProperties": {"source": source, "sink": sink}}
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "p.json").write_text(json.dumps({"name": "p", "properties": {"activities": [copy]}}))
    factory = load_factory(tmp_path)
    assert set(without_effect(factory, [factory.pipeline("p")])) == {f"{name} of Copy 'c'" for name in named}


def test_reliable_logging_is_named(tmp_path):
    log = {"enableCopyActivityLog": True, "copyActivityLogSettings": {"enableReliableLogging": True}}
    copy = {"source": {"type": "BinarySource"}, "sink": {"type": "BinarySink"}, "logSettings": log}
    activity = {"name": "c", "type": "Copy", "typeProperties": copy}
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "p.json").write_text(json.dumps({"name": "p", "properties": {"activities": [activity]}}))
    factory = load_factory(tmp_path)
    assert without_effect(factory, [factory.pipeline("p")]) == ["enableReliableLogging of Copy 'c'"]
