"""The CSV options that decide how characters become values, taken from a reader's options and checked once.

https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/options#csv-options and
https://spark.apache.org/docs/latest/sql-data-sources-csv.html
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reelhouse.errors import Unsupported, UserError, did_you_mean

NONE = "\0"
"""Stands for "no such character", as in Spark when an option for one character is empty."""


class Mode(StrEnum):
    """What happens to a record that does not fit."""

    PERMISSIVE = "PERMISSIVE"
    DROPMALFORMED = "DROPMALFORMED"
    FAILFAST = "FAILFAST"


class UnescapedQuotes(StrEnum):
    """What a quote means that stands inside a quoted value without an escape."""

    STOP_AT_DELIMITER = "STOP_AT_DELIMITER"
    STOP_AT_CLOSING_QUOTE = "STOP_AT_CLOSING_QUOTE"
    SKIP_VALUE = "SKIP_VALUE"
    RAISE_ERROR = "RAISE_ERROR"


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is to be read. The defaults are Spark's, which are not those of RFC 4180: see `escape`."""

    header: bool = False
    delimiter: str = ","
    quote: str = '"'
    escape: str = "\\"
    escape_of_escape: str = "\\"
    comment: str = NONE
    multi_line: bool = False
    encoding: str = "utf-8"
    line_separator: str = ""
    null_value: str = ""
    empty_value: str = ""
    ignore_leading_white_space: bool = False
    ignore_trailing_white_space: bool = False
    skip_rows: int = 0
    max_columns: int = 20480
    max_chars_per_column: int = -1
    mode: Mode = Mode.PERMISSIVE
    unescaped_quotes: UnescapedQuotes = UnescapedQuotes.STOP_AT_DELIMITER

    @property
    def is_rfc_4180(self) -> bool:
        """Whether a doubled quote is the escape."""
        return self.escape == self.quote


def dialect(options: Mapping[str, str]) -> Dialect:
    """The dialect that reader options ask for. Names are taken in any case; other options are left alone.

    Raises `UserError` for a value that is not of its option's type, `Unsupported` for one we do not have.

    >>> dialect({"sep": ";", "escape": '"'}).is_rfc_4180
    True
    """
    given = {name.lower(): value for name, value in options.items()}
    quote = _character(given, "quote", '"')
    escape = _character(given, "escape", "\\")
    of_escape = _character(given, "chartoescapequoteescaping", NONE)
    if of_escape == NONE:
        of_escape = NONE if quote == escape else escape
    null_value = given.get("nullvalue", "")
    return Dialect(
        header=boolean(given, "header", False),
        delimiter=_delimiter(given.get("sep", given.get("delimiter", ","))),
        quote=quote,
        escape=escape,
        escape_of_escape=of_escape,
        comment=_character(given, "comment", NONE),
        multi_line=boolean(given, "multiline", False),
        encoding=_encoding(given.get("encoding", given.get("charset", "utf-8"))),
        line_separator=_line_separator(given.get("linesep", "")),
        null_value=null_value,
        empty_value=given.get("emptyvalue", ""),
        ignore_leading_white_space=boolean(given, "ignoreleadingwhitespace", False),
        ignore_trailing_white_space=boolean(given, "ignoretrailingwhitespace", False),
        skip_rows=integer(given, "skiprows", 0),
        max_columns=integer(given, "maxcolumns", 20480),
        max_chars_per_column=integer(given, "maxcharspercolumn", -1),
        mode=parse_mode(given),
        unescaped_quotes=_unescaped(given.get("unescapedquotehandling", "STOP_AT_DELIMITER")),
    )


def parse_mode(given: Mapping[str, str]) -> Mode:
    """The mode option; Spark takes any unknown mode for PERMISSIVE, we refuse it."""
    value = given.get("mode", "PERMISSIVE")
    try:
        return Mode(value.upper())
    except ValueError:
        raise UserError(f"Option 'mode' is '{value}'", remedy=did_you_mean(value, list(Mode))) from None


def boolean(given: Mapping[str, str], name: str, default: bool) -> bool:
    """The option (lower-case name) as true or false."""
    value = given.get(name)
    if value is None:
        return default
    if str(value).lower() not in ("true", "false"):
        raise UserError(f"Option '{name}' is '{value}'", remedy="Use true or false.")
    return str(value).lower() == "true"


def integer(given: Mapping[str, str], name: str, default: int) -> int:
    """The option (lower-case name) as a whole number."""
    value = given.get(name)
    try:
        return default if value is None else int(value)
    except ValueError:
        raise UserError(f"Option '{name}' is '{value}'", remedy="Use a whole number.") from None


def _character(given: Mapping[str, str], name: str, default: str) -> str:
    value = given.get(name)
    if value is None:
        return default
    if len(value) > 1:
        raise UserError(f"Option '{name}' is '{value}'", remedy="Use one character.")
    return value or NONE


def _delimiter(value: str) -> str:
    text = value.replace("\\t", "\t") if value != "\\" else value
    if not text:
        raise UserError("Option 'sep' is empty", remedy="Use one or more characters.")
    return text


def _encoding(value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise UserError(
            f"Option 'encoding' is '{value}', which is not known", remedy="Use UTF-8, for instance."
        ) from None


def _line_separator(value: str) -> str:
    if len(value) > 2:
        raise UserError(f"Option 'lineSep' is '{value}'", remedy="Use one or two characters.")
    return value


def _unescaped(value: str) -> UnescapedQuotes:
    try:
        return UnescapedQuotes(value.upper())
    except ValueError:
        raise Unsupported(
            f"Option 'unescapedQuoteHandling' is '{value}'", remedy=f"Supported: {', '.join(UnescapedQuotes)}."
        ) from None
