"""CSV files as Arrow columns of text, with the values that Spark reads from them.

Regular text is read by pyarrow, irregular records are taken apart by `tokens.py`.
https://spark.apache.org/docs/latest/sql-data-sources-csv.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reelhouse.autoloader.csv_blocks import Block
from reelhouse.autoloader.csv_documents import document_blocks, document_text, separator_of
from reelhouse.autoloader.csv_lines import Span, block_of_lines, record_lines, split_line, whole_lines, without_header
from reelhouse.autoloader.dialect import Dialect
from reelhouse.autoloader.regular import regular
from reelhouse.autoloader.tokens import Tokens


def read_header(path: str, dialect: Dialect) -> list[str]:
    """The column names of a file: its header as Spark names columns, or `_c0`, `_c1`, … when it has none.

    Empty for a file without records.
    """
    values = _first_record(path, dialect)
    if values is None:
        return []
    if not dialect.header:
        return [f"_c{i}" for i in range(len(values))]
    return safe_names([value or "" for value in values])


def safe_names(values: Sequence[str], *, case_sensitive: bool = False) -> list[str]:
    """Header values as column names: an empty one becomes `_c<position>`, one that comes twice gets its position.

    >>> safe_names(["id", "", "ID"])
    ['id0', '_c1', 'ID2']
    """
    folded = [value if case_sensitive else value.lower() for value in values]
    return [
        f"_c{i}" if not value else f"{value}{i}" if folded.count(folded[i]) > 1 else value
        for i, value in enumerate(values)
    ]


def read_blocks(path: str, dialect: Dialect, width: int, span: Span | None = None) -> Iterator[Block]:
    """The records of a file, or of a span of it, as blocks of `width` columns of text; the header is left out.

    Raises `UserError` in mode FAILFAST for a record that has not `width` values.
    """
    if dialect.multi_line:
        yield from document_blocks(path, dialect, width)
        return
    expressions = regular(dialect, width)
    tokens = Tokens(dialect)
    for data in without_header(whole_lines(path, dialect, span), dialect, span):
        block = block_of_lines(data, dialect, width, expressions, tokens)
        if block.rows:
            yield block


def can_split(path: str, dialect: Dialect) -> bool:
    """Whether parts of the file can be read on their own."""
    if dialect.multi_line or dialect.line_separator or dialect.encoding not in ("utf-8", "ascii", "iso8859-1"):
        return False
    with open(path, "rb") as file:
        return b"\n" in file.read(1 << 16)


def _first_record(path: str, dialect: Dialect) -> list[str | None] | None:
    if dialect.multi_line:
        text = document_text(path, dialect)
        records = Tokens(dialect, separator_of(text, dialect)).records(text)
        return next((values for values, _ in records), None)
    skip = dialect.skip_rows
    for data in whole_lines(path, dialect, None):
        while data:
            line, data = split_line(data, dialect.line_separator.encode())
            if skip:
                skip -= 1
            elif record_lines(line, dialect):
                return Tokens(dialect).line(line.decode("utf-8", "replace"))
    return None
