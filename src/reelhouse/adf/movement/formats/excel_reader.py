"""Reads sheets of Excel workbooks. A workbook is in memory as a whole; its cells come as text.

https://learn.microsoft.com/azure/data-factory/format-excel
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO

from reelhouse.adf.delimited import column_names
from reelhouse.adf.errors import ActivityFailed
from reelhouse.adf.expression.values import text
from reelhouse.adf.movement.rows import Progress
from reelhouse.adf.settings.files import Excel
from reelhouse.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

_RANGE = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d+)(?::\$?([A-Za-z]{1,3})\$?(\d+))?")
_ROWS = 10_000


def read_excel(file: BinaryIO, settings: Excel, progress: Progress) -> Iterator[pa.RecordBatch]:
    """The rows of a sheet. At least one batch comes. Raises `ActivityFailed` for a file that is no workbook."""
    import pyarrow as pa
    from python_calamine import CalamineError, load_workbook

    try:
        book = load_workbook(file)
    except (CalamineError, OSError) as error:
        raise ActivityFailed("2200", f"ErrorCode=ExcelInvalidFile,{progress.file} is no workbook: {error}") from error
    cells = _ranged(_sheet(book, settings, progress), text(settings.range))
    as_header = text(settings.first_row_as_header).lower() == "true"
    null = text(settings.null_value)
    rows: Iterator[list[str | None]] = ([_cell(value, null) for value in row] for row in cells)
    first = next(rows, None)
    if first is None:
        yield pa.record_batch([], names=[])
        return
    names = column_names(first, as_header)
    if not as_header:
        rows = chain([first], rows)
    seen = False
    while chunk := list(islice(rows, _ROWS)):
        seen = True
        progress.rows_read += len(chunk)
        yield pa.record_batch([pa.array(column, pa.string()) for column in zip(*chunk, strict=True)], names=names)
    if not seen:
        yield pa.record_batch([pa.nulls(0, pa.string())] * len(names), names=names)


def _sheet(book: Any, settings: Excel, progress: Progress) -> Any:
    name, index = text(settings.sheet_name), settings.sheet_index
    if name and index not in (None, ""):
        raise UserError("A sheet is chosen by sheetName or by sheetIndex, not both")
    if name:
        if name not in book.sheet_names:
            hint = did_you_mean(name, book.sheet_names)
            raise ActivityFailed("2200", f"ErrorCode=ExcelInvalidSheet,{progress.file} has no sheet '{name}'. {hint}")
        return book.get_sheet_by_name(name)
    number = int(text(index) or 0)
    if not 0 <= number < len(book.sheet_names):
        count = len(book.sheet_names)
        raise ActivityFailed(
            "2200", f"ErrorCode=ExcelInvalidSheet,{progress.file} has {count} sheets, no index {number}"
        )
    return book.get_sheet_by_index(number)


def _ranged(sheet: Any, wanted: str) -> Iterator[Sequence[Any]]:
    """The cells of a range: `A3:H5`, or `A3` for all from there on. Without one, all from the first that is used."""
    if not wanted:
        yield from sheet.to_python(skip_empty_area=True)
        return
    match = _RANGE.fullmatch(wanted.strip())
    if match is None:
        raise UserError(f"'{wanted}' is no range of cells", remedy="Write it as A3 or A3:H5.")
    left, top = _column(match[1]), int(match[2]) - 1
    right = _column(match[3]) + 1 if match[3] else None
    bottom = int(match[4]) if match[4] else None
    rows = sheet.to_python(skip_empty_area=False)[top:bottom]
    width = (right or max((len(row) for row in rows), default=0)) - left
    for row in rows:
        cells = list(row[left:right])
        yield [*cells, *[""] * (width - len(cells))]


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def _cell(value: Any, null: str) -> str | None:
    match value:
        case datetime():
            written = f"{value:%Y-%m-%d %H:%M:%S}"
        case date() | time():
            written = value.isoformat()
        case timedelta():
            written = str(value)
        case _:
            written = text(value)
    return None if written == null or written == "" else written
