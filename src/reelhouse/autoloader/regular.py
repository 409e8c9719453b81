"""Which text of a CSV file every reader understands in the same way, told by a regular expression over bytes.

What matches is read by pyarrow, at its speed; what does not goes through `tokens.py` and is written back in the
regular form first. So both ways give the same rows, and only irregular records are slow.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from reelhouse.autoloader.dialect import NONE, Dialect

_WIDEST = 200
"""Above this many columns the expression would outgrow RE2's memory; such files go record by record."""


@dataclass(frozen=True)
class Regular:
    """RE2 expressions, for bytes: of one record without its line end, and of a whole block of records."""

    record: str
    block: str


@functools.lru_cache(maxsize=64)
def regular(dialect: Dialect, width: int, separator: str = "") -> Regular | None:
    """The expressions for records of `width` values, or None where no text of the dialect can be told to be regular.

    With `separator` line ends may stand inside quoted values and only `separator` ends a record (`multiLine`);
    without it every line feed, carriage return or both does.
    """
    special = (dialect.delimiter, dialect.quote, dialect.escape, dialect.escape_of_escape)
    if any(len(char) > 1 or ord(char) > 126 for char in special) or not 0 < width <= _WIDEST:
        return None
    if dialect.delimiter in " \r\n" or dialect.max_columns < width or dialect.max_chars_per_column >= 0:
        return None
    value = _value(dialect, alone=width == 1, many_lines=bool(separator))
    record = value + f"(?:{_char(dialect.delimiter)}{value}){{{width - 1}}}" if width > 1 else value
    line_end = re.escape(separator) if separator else r"(?:\r\n|\n|\r)"
    return Regular(record=rf"\A(?:{record})\z", block=rf"\A(?:(?:{record})?{line_end})*(?:{record})?\z")


def _value(dialect: Dialect, *, alone: bool, many_lines: bool) -> str:
    delimiter, quote = _char(dialect.delimiter), _char(dialect.quote)
    not_first = f"{delimiter}{quote}\\r\\n" + ("" if dialect.comment == NONE else _char(dialect.comment))
    more = f"[^{delimiter}\\r\\n]"
    solid = f"[^{delimiter}\\r\\n\\x00-\\x20]"
    if dialect.ignore_leading_white_space or dialect.ignore_trailing_white_space:
        unquoted = f"[^{not_first}\\x00-\\x20](?:{more}*{solid})?"
    elif alone:
        unquoted = f"[^{not_first}\\x00-\\x20]{more}*|[\\t ]{more}*{solid}{more}*"
    else:
        unquoted = f"[^{not_first}]{more}*"
    if dialect.quote == NONE:
        return f"(?:{unquoted}|)" if not alone else f"(?:{unquoted})"
    # A carriage return inside quotes may be half of a line end, which Spark makes a line feed.
    lines = "\\r" if many_lines else "\\r\\n"
    if dialect.is_rfc_4180:
        quoted = f"{quote}(?:[^{quote}{lines}]|{quote}{quote})*{quote}"
    else:
        stops = "".join(_char(c) for c in (dialect.escape, dialect.escape_of_escape) if c != NONE)
        some = "+" if dialect.escape == NONE else "*"
        quoted = f"{quote}[^{quote}{stops}{lines}]{some}{quote}"
    return f"(?:{unquoted}|{quoted}|)" if not alone else f"(?:{unquoted}|{quoted})"


def _char(char: str) -> str:
    return f"\\x{ord(char):02x}"
