"""Files of every format, written by Copy where it writes them and read back by Lookup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

LAKE = {"type": "AzureBlobFS", "typeProperties": {"url": "https://acct.dfs.core.windows.net"}}
ROWS = [{"id": 1, "name": "é"}, {"id": 2, "name": "b"}]


def dataset(kind: str, **properties: Any) -> dict[str, Any]:
    location = {"type": "AzureBlobFSLocation", "fileSystem": "raw", "fileName": f"rows.{kind}"}
    return {
        "type": kind,
        "linkedServiceName": {"referenceName": "lake", "type": "LinkedServiceReference"},
        "typeProperties": {"location": location, **properties},
    }


DATASETS = {
    "Json": dataset("Json"),
    "Parquet": dataset("Parquet", compressionCodec="snappy"),
    "Avro": dataset("Avro"),
    "DelimitedText": dataset("DelimitedText", columnDelimiter=",", firstRowAsHeader=True),
    "Excel": dataset("Excel", sheetName="rows", firstRowAsHeader=True),
    "Xml": dataset("Xml"),
}


@pytest.fixture
def files(load_factory):
    return load_factory(datasets=DATASETS, linked_services={"lake": LAKE})


def file(files, kind: str) -> Path:
    return files.path(f"abfss://raw@acct.dfs.core.windows.net/rows.{kind}")


def at(kind: str) -> dict[str, Any]:
    return {"referenceName": kind, "type": "DatasetReference"}


def look(act, kind: str, after: Any = ()) -> dict[str, Any]:
    return act("look", "Lookup", after, source={"type": f"{kind}Source"}, dataset=at(kind), firstRowOnly=False)


def case(kind: str) -> Any:
    return pytest.param(kind, marks=[pytest.mark.supports("dataset", kind), pytest.mark.supports("format", kind)])


@pytest.mark.parametrize("kind", [case("Parquet"), case("Avro"), case("DelimitedText")])
def test_rows_are_written_and_read_back(files, act, kind) -> None:
    file(files, "Json").write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    sink = {"type": f"{kind}Sink", "storeSettings": {"type": "AzureBlobFSWriteSettings"}}
    if kind == "DelimitedText":
        sink["formatSettings"] = {"type": "DelimitedTextWriteSettings", "fileExtension": ".txt"}
    source = {"type": "JsonSource", "storeSettings": {"type": "AzureBlobFSReadSettings"}}
    move = act("move", "Copy", source=source, sink=sink, inputs=[at("Json")], outputs=[at(kind)])

    run = files.run([move, look(act, kind, "move")])

    assert run.message == ""
    assert run.activities["move"].output["rowsCopied"] == 2
    rows = run.activities["look"].output["value"]
    assert [{key: str(value) for key, value in row.items()} for row in rows] == [
        {"id": "1", "name": "é"},
        {"id": "2", "name": "b"},
    ]


@pytest.mark.supports("dataset", "Excel")
@pytest.mark.supports("format", "Excel")
def test_the_rows_of_a_sheet_are_read(files, act) -> None:
    book = openpyxl.Workbook()
    book.active.title = "rows"
    for row in (["id", "name"], [1, "é"], [2, "b"]):
        book.active.append(row)
    book.save(file(files, "Excel"))

    run = files.run([look(act, "Excel")])

    assert run.message == ""
    assert [str(row["name"]) for row in run.activities["look"].output["value"]] == ["é", "b"]


@pytest.mark.supports("dataset", "Xml")
@pytest.mark.supports("format", "Xml")
def test_the_elements_of_a_document_are_read(files, act) -> None:
    file(files, "Xml").write_text("<rows><row><id>1</id><name>é</name></row></rows>", encoding="utf-8")

    run = files.run([look(act, "Xml")])

    assert run.message == ""
    assert run.activities["look"].output["value"] == [{"rows": {"row": {"id": 1, "name": "é"}}}]
