"""JSON files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelhouse.autoloader.dialect import dialect
from reelhouse.autoloader.json import read_json
from reelhouse.errors import UserError

LINES = dialect({})


def test_text_of_numbers_and_nested_values_stays_as_it_stands(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.json", '{"n":1.50,"o":{"k": [1, 2.0]},"t":"x","z":null}\n')

    rows = read([file], "json", {}, "n string, o string, t string, z string")

    assert rows == [{"n": "1.50", "o": '{"k": [1, 2.0]}', "t": "x", "z": None}]


def test_a_malformed_line_is_corrupt_and_the_others_are_read(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.json", '{"a":"1"}\n{"a":\n{"a":"3"}\n')

    rows = read([file], "json", {}, "a string", corrupt="_corrupt_record")

    assert [tuple(row.values()) for row in rows] == [("1", None), (None, '{"a":'), ("3", None)]


def test_a_malformed_line_is_dropped_or_fails_on_demand(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.json", '{"a":"1"}\n{"a":\n')

    assert read([file], "json", {"mode": "DROPMALFORMED"}, "a string") == [{"a": "1"}]
    with pytest.raises(UserError, match="MALFORMED_RECORD_IN_PARSING"):
        read([file], "json", {"mode": "FAILFAST"}, "a string")


def test_a_document_over_many_lines_is_one_record_or_an_array_of_them(tmp_path: Path, entry: Any, read: Any) -> None:
    one = entry(tmp_path / "1.json", '{\n "a": "x"\n}\n')
    two = entry(tmp_path / "2.json", '\ufeff[\n {"a": "y"},\n {"a": "z"}\n]\n')

    rows = read([one, two], "json", {"multiLine": "true"}, "a string")

    assert sorted(row["a"] for row in rows) == ["x", "y", "z"]


def test_single_quotes_are_allowed(tmp_path: Path, entry: Any, read: Any) -> None:
    file = entry(tmp_path / "a.json", "{'a':'it\\'s \"x\"'}\n")

    assert read([file], "json", {}, "a string") == [{"a": 'it\'s "x"'}]


_values = st.one_of(st.none(), st.text(max_size=6), st.integers(), st.booleans(), st.lists(st.integers(), max_size=2))
_records = st.lists(st.dictionaries(st.sampled_from("abc"), _values, max_size=3), min_size=1, max_size=8)


@given(_records)
@settings(max_examples=150, deadline=None)
def test_no_record_is_lost_and_the_quick_way_gives_what_the_careful_way_gives(records: list[dict[str, Any]]) -> None:
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        kinds = {"a": "string", "b": "string"}

        def read(quick: bool) -> list[tuple[Any, ...]]:
            found = []
            for rows in read_json(str(path), LINES, kinds, quick=quick):
                by_name = dict(zip(rows.names, rows.columns, strict=True))
                for at in range(rows.size):
                    found.append(tuple(by_name[name][at].as_py() if name in by_name else None for name in "ab"))
            return found

        expected = [
            tuple(
                value if value is None or isinstance(value, str) else json.dumps(value)
                for value in (record.get("a"), record.get("b"))
            )
            for record in records
        ]
        assert read(True) == expected
        assert read(False) == expected
