"""Laws of the CSV reader over random tables: no record is lost, no value is in another column, both ways agree."""

from __future__ import annotations

import csv
import io
import itertools
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from reelhouse.autoloader import csv_documents, csv_lines
from reelhouse.autoloader.csv import read_blocks
from reelhouse.autoloader.csv_lines import Span
from reelhouse.autoloader.dialect import Dialect, dialect
from reelhouse.autoloader.tokens import Tokens

RFC = dialect({"escape": '"'})
RFC_LINES = dialect({"escape": '"', "multiLine": "true"})

_plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\r\n\0\ufeff"'), max_size=8)
_value = st.one_of(st.sampled_from(["", 'a "b" c', ",", '"', '""', "x,y", "é", "\\", "\\\\", " "]), _plain)
_value_with_lines = st.one_of(_value, st.sampled_from(["a\nb", "\n", "a\r\nb", '"\n"']))
_separators = st.sampled_from(["\n", "\r\n"])


def _tables(value: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    return st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(value, min_size=width, max_size=width), min_size=1, max_size=12)
    )


def _write(rows: list[list[str]], separator: str, quoting: int) -> str:
    target = io.StringIO()
    csv.writer(target, lineterminator=separator, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return target.getvalue()


def _read(text: str, how: Dialect, width: int, spans: list[Span | None] | None = None) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(text.encode())
        found: list[list[str]] = []
        for span in spans or [None]:
            for block in read_blocks(str(path), how, width, span):
                found += [[v or "" for v in row] for row in zip(*[c.to_pylist() for c in block.columns], strict=True)]
        return found


def _expected(rows: list[list[str]], separator: str) -> list[list[str]]:
    """The rows without those that are a blank line in the file, with line ends inside values as Spark gives them."""
    return [[v.replace("\r\n", "\n") if separator == "\r\n" else v for v in row] for row in rows]


@given(_tables(_value), _separators, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
@settings(max_examples=150, deadline=None)
def test_a_regular_file_of_single_lines_is_read_as_rfc_4180_says(
    rows: list[list[str]], separator: str, quoting: int
) -> None:
    text = _write(rows, separator, quoting)
    if quoting == csv.QUOTE_MINIMAL:
        rows = [row for row in rows if len(row) > 1 or row[0].strip("".join(map(chr, range(33)))) or row == [""]]

    assert _read(text, RFC, len(rows[0]) if rows else 1) == rows


@given(_tables(_value_with_lines), _separators)
@settings(max_examples=150, deadline=None)
def test_line_ends_inside_quotes_stay_in_their_value(rows: list[list[str]], separator: str) -> None:
    text = _write(rows, separator, csv.QUOTE_ALL)
    first = next((at for at, char in enumerate(text) if char in "\r\n"), None)
    assert first is not None
    detected = "\r\n" if text[first : first + 2] == "\r\n" else text[first]
    if detected != separator:
        return  # Spark takes the first line end it sees for that of the file; such files are another test's matter

    assert _read(text, RFC_LINES, len(rows[0])) == _expected(rows, separator)


@given(_tables(_value), st.sampled_from([{}, {"escape": '"'}]))
@settings(max_examples=150, deadline=None)
def test_doubled_quotes_give_the_careful_answer_whatever_the_escape_is(
    rows: list[list[str]], options: dict[str, str]
) -> None:
    how = dialect(options)
    width = len(rows[0])
    text = _write(rows, "\n", csv.QUOTE_ALL)
    careful = [(Tokens(how).line(line) + [None] * width)[:width] for line in text.split("\n")[:-1]]

    assert _read(text, how, width) == [[value or "" for value in row] for row in careful]


_irregular = st.lists(
    st.sampled_from(["a", "b", '"', '""', ",", "\\", " ", "\t", "é", "\n", "\n", "1"]), min_size=1, max_size=40
).map("".join)


@given(_irregular, st.sampled_from(["\\", '"']), st.integers(1, 4))
@settings(max_examples=300, deadline=None)
def test_no_line_is_lost_and_the_quick_way_gives_what_the_careful_way_gives(text: str, escape: str, width: int) -> None:
    how = dialect({"escape": escape})
    lines = [line for line in text.split("\n") if line.strip("".join(map(chr, range(33))))]
    careful = [(Tokens(how).line(line) + [None] * width)[:width] for line in lines]

    found = _read(text, how, width)

    assert found == [[value or "" for value in row] for row in careful]


@given(_irregular, st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=150, deadline=None)
def test_parts_of_a_file_give_each_record_once(text: str, one: int, two: int) -> None:
    size = len(text.encode())
    cuts = sorted({0, min(one, size), min(two, size), size})
    spans: list[Span | None] = [Span(start, end) for start, end in itertools.pairwise(cuts)]

    assert _read(text, RFC, 2, spans) == _read(text, RFC, 2)


@given(_tables(_value_with_lines))
@settings(max_examples=60, deadline=None)
def test_small_blocks_give_what_one_block_gives(rows: list[list[str]]) -> None:
    text = _write(rows, "\n", csv.QUOTE_ALL)
    whole = _read(text, RFC_LINES, len(rows[0]))
    lines = _read(text, RFC, len(rows[0]))
    before = csv_lines.BLOCK_BYTES
    try:
        csv_lines.BLOCK_BYTES = csv_documents.BLOCK_BYTES = 16
        assert _read(text, RFC_LINES, len(rows[0])) == whole
        assert _read(text, RFC, len(rows[0])) == lines
    finally:
        csv_lines.BLOCK_BYTES = csv_documents.BLOCK_BYTES = before
