"""CSV options one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelhouse.autoloader.csv import read_header
from reelhouse.autoloader.dialect import dialect
from reelhouse.errors import Unsupported, UserError

SCHEMA = "a string, b string"


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({"header": "true"}, "\ufeffa,b\n1,2\n", [("1", "2")]),
        ({"header": "true", "multiLine": "true"}, "\ufeffa,b\n1,2\n", [("1", "2")]),
        ({"header": "true"}, "\n  \na,b\n\n1,2\n \n", [("1", "2")]),
        ({"header": "true", "skipRows": "2"}, "made by\nsomebody\na,b\n1,2\n", [("1", "2")]),
        ({"header": "true", "skipRows": "2", "multiLine": "true"}, "made by\nsomebody\na,b\n1,2\n", [("1", "2")]),
        ({"comment": "#"}, "#x,y\n1,2\n#3,4\n", [("1", "2")]),
        ({"sep": ";"}, "1;2\n", [("1", "2")]),
        ({"delimiter": "\\t"}, "1\t2\n\t\n", [("1", "2")]),
        ({"quote": "'"}, "'1,5','2'\n", [("1,5", "2")]),
        ({"nullValue": "NA"}, 'NA,"NA"\n,x\n', [(None, None), (None, "x")]),
        ({"emptyValue": "nil"}, '"",\n', [("nil", None)]),
        ({"ignoreLeadingWhiteSpace": "true"}, ' 1, "2"\n', [("1", "2")]),
        ({"ignoreTrailingWhiteSpace": "true"}, "1 ,2 \n", [("1", "2")]),
        ({"lineSep": "|"}, "1,2|3,4", [("1", "2"), ("3", "4")]),
        ({}, "1,2\r3,4\r\n5,6", [("1", "2"), ("3", "4"), ("5", "6")]),
        ({}, '"torn\nrecord",2\n', [("torn", None), ('record"', "2")]),
        ({"multiLine": "true"}, '"torn\nrecord",2\n', [("torn\nrecord", "2")]),
        ({"multiLine": "true"}, '"torn\r\nrecord",2\r\n3,4\r\n', [("torn\nrecord", "2"), ("3", "4")]),
        ({}, '"a \\"b\\"",2\n', [('a "b"', "2")]),
        ({}, '"a ""b"", c",2\n', [('"a ""b""', ' c"')]),
        ({"escape": '"'}, '"a ""b"", c",2\n', [('a "b", c', "2")]),
        ({"mode": "DROPMALFORMED"}, "1\n2,3\n4,5,6\n", [("2", "3")]),
        ({"unescapedQuoteHandling": "STOP_AT_CLOSING_QUOTE"}, '"a"b,c",2\n', [('a"b,c', "2")]),
    ],
)
def test_an_option_has_its_documented_effect(
    options: dict[str, str], text: str, expected: Any, tmp_path: Path, entry: Any, read: Any
) -> None:
    rows = read([entry(tmp_path / "a.csv", text)], "csv", options, SCHEMA, by_name=False)

    assert [tuple(row.values()) for row in rows] == expected


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-16", "UTF-16LE", "windows-1252"])
@pytest.mark.parametrize("lines", ["true", "false"])
def test_other_encodings_are_read(encoding: str, lines: str, tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", "a,b\nCôte,é\n".encode(encoding))

    rows = read([file], "csv", {"header": "true", "encoding": encoding, "multiLine": lines}, SCHEMA)

    assert rows == [{"a": "Côte", "b": "é"}]


def test_bytes_that_are_not_utf_8_become_replacement_characters(tmp_path: Path, entry: Any, read: Any) -> None:
    assert read([entry(tmp_path / "a.csv", b"x\xff,2\n")], "csv", {}, SCHEMA, by_name=False) == [
        {"a": "x\ufffd", "b": "2"}
    ]


def test_a_file_without_records_has_no_columns_and_no_rows(tmp_path: Path, entry: Any, read: Any) -> None:
    for name, text in (("empty", ""), ("blank", "\n \n"), ("mark", "\ufeff")):
        file = entry(tmp_path / name, text)
        assert read_header(file.path, dialect({"header": "true"})) == []
        assert read([file], "csv", {"header": "true"}, SCHEMA) == []


def test_a_file_of_a_header_alone_has_no_rows(tmp_path: Path, entry: Any, read: Any) -> None:
    for options in ({"header": "true"}, {"header": "true", "multiLine": "true"}):
        assert read([entry(tmp_path / "a.csv", "a,b\r\n")], "csv", options, SCHEMA) == []


def test_too_many_columns_are_refused(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", "1,2,3\n")

    with pytest.raises(UserError, match="3 columns, more than option 'maxColumns' \\(2\\)"):
        read([file], "csv", {"maxColumns": "2"}, SCHEMA, by_name=False)


def test_a_value_that_is_too_long_is_refused(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", '"long",2\n')

    with pytest.raises(UserError, match="maxCharsPerColumn"):
        read([file], "csv", {"maxCharsPerColumn": "3"}, SCHEMA, by_name=False)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"quote": "ab"}, UserError, "one character"),
        ({"header": "ja"}, UserError, "true or false"),
        ({"encoding": "latin-17x"}, UserError, "latin-17x"),
        ({"mode": "STRICT"}, UserError, "PERMISSIVE"),
        ({"unescapedQuoteHandling": "BACK_TO_DELIMITER"}, Unsupported, "STOP_AT_DELIMITER"),
        ({"maxColumns": "few"}, UserError, "whole number"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_right(options: dict[str, str], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        dialect(options)


def test_an_unescaped_quote_is_an_error_on_demand(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.csv", '"a"b,2\n')

    with pytest.raises(UserError, match="unescaped quote"):
        read([file], "csv", {"unescapedQuoteHandling": "RAISE_ERROR"}, SCHEMA, by_name=False)


def test_a_table_of_many_columns_is_read(tmp_path: Path, entry: Any, read: Any) -> None:
    names = [f"c{at}" for at in range(400)]
    text = ",".join(names) + "\n" + ",".join('"v"' for _ in names) + "\n"

    rows = read([entry(tmp_path / "a.csv", text)], "csv", {"header": "true"}, ", ".join(f"{n} string" for n in names))

    assert rows == [dict.fromkeys(names, "v")]
