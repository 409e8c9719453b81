"""One CSV record into values, character by character, with the answers that Spark gives for text that is not regular.

Spark's parser treats a quote that is neither escaped nor closing in its own way: with the default
`unescapedQuoteHandling` the value is then the raw text from its opening quote to the next delimiter. With the default
escape, the backslash, that is what happens to every doubled quote. `regular.py` decides which text never gets here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reelhouse.autoloader.dialect import NONE, Dialect, UnescapedQuotes
from reelhouse.errors import UserError

BLANKS = "".join(map(chr, range(33)))
"""What Spark's parser takes for white space: every character up to the blank."""


class Tokens:
    """The values of records in a dialect. `separator` ends a record (empty: the text given is one record)."""

    def __init__(self, dialect: Dialect, separator: str = "") -> None:
        self._dialect = dialect
        self._delimiter = dialect.delimiter
        self._quote = dialect.quote
        self._separator = separator
        delimiter = re.escape(self._delimiter)
        ends = [delimiter, r"\Z"]
        if separator:
            ends[1:1] = [re.escape(separator), "\n"]
        stops = "".join(re.escape(c) for c in {dialect.quote, dialect.escape, dialect.escape_of_escape} - {NONE})
        self._special = re.compile(f"[{stops}]|\\Z" if stops else r"\Z")
        self._end = re.compile("|".join(ends))
        self._line_end = re.compile("|".join(ends[1:]))
        self._unquoted_end = re.compile("|".join([delimiter, re.escape(separator), r"\Z"] if separator else ends))
        self._closed = _closed(dialect, ends)
        self._null = dialect.null_value
        self._is_simple = dialect.max_chars_per_column < 0 and not (
            dialect.ignore_leading_white_space or dialect.ignore_trailing_white_space
        )

    def line(self, text: str) -> list[str | None]:
        """The values of one record, NULL as None."""
        if self._is_simple and self._quote not in text:
            null = self._null
            values = [None if not value or value == null else value for value in text.split(self._delimiter)]
            if len(values) <= self._dialect.max_columns:
                return values
        return self._record(text, 0)[0]

    def records(self, text: str) -> Iterator[tuple[list[str | None], str]]:
        """The records of a text that may have line ends inside values, with their raw text; empty lines are none."""
        position, size = 0, len(text)
        while position < size:
            start = position
            if text.startswith(self._separator, position):
                position += len(self._separator)
                continue
            if text[position] == "\n":
                position += 1
                continue
            if text[position] == self._dialect.comment != NONE:
                found = text.find(self._separator, position)
                position = size if found < 0 else found + len(self._separator)
                continue
            values, position = self._record(text, position)
            position += len(self._separator) if text.startswith(self._separator, position) else 1
            yield values, text[start:position].removesuffix("\n").removesuffix("\r")

    def _record(self, text: str, position: int) -> tuple[list[str | None], int]:
        values: list[str | None] = []
        size, width = len(text), len(self._delimiter)
        while True:
            if self._dialect.ignore_leading_white_space:
                position = self._skip_blanks(text, position)
            if position >= size or self._at_line_end(text, position):
                values.append(None)
                break
            if text[position] == self._quote:
                value, position = self._quoted(text, position + 1)
                values.append(None if value == self._null else value)
            else:
                position, start = self._find_unquoted_end(text, position), position
                values.append(self._unquoted(text[start:position], at_end=position == size))
            if position >= size or not text.startswith(self._delimiter, position):
                break
            position += width
        if len(values) > self._dialect.max_columns:
            raise UserError(
                f"A record has {len(values)} columns, more than option 'maxColumns' ({self._dialect.max_columns})",
                remedy="Raise 'maxColumns', or check 'sep', 'quote' and 'escape'.",
            )
        return values, position

    def _find_unquoted_end(self, text: str, position: int) -> int:
        """Where an unquoted value ends. A lone line feed is part of it, except in a file's last value."""
        end = self._unquoted_end.search(text, position).start()  # type: ignore[union-attr]  # \Z always is
        if end == len(text) and self._separator:
            end = self._end.search(text, position).start()  # type: ignore[union-attr]  # \Z always is
        return end

    def _unquoted(self, value: str, *, at_end: bool) -> str | None:
        if at_end and len(self._delimiter) > 1 and value.endswith(self._quote):
            value += self._quote  # Spark's parser for long delimiters takes the last quote for an open one
        if self._dialect.ignore_trailing_white_space:
            value = value.rstrip(BLANKS)
        return None if not value or value == self._null else self._text(value)

    def _quoted(self, text: str, position: int) -> tuple[str, int]:
        """The value whose opening quote stands before `position`, and where the delimiter after it is."""
        match = self._closed.match(text, position) if self._closed else None
        if match:
            return self._text(match[1]) or self._dialect.empty_value, match.end()
        return self._irregular(text, position)

    def _irregular(self, text: str, position: int) -> tuple[str, int]:
        quote, escape, of_escape = self._quote, self._dialect.escape, self._dialect.escape_of_escape
        size, taken, previous = len(text), list[str](), NONE
        if position >= size:
            return quote, size
        lenient = self._dialect.unescaped_quotes is UnescapedQuotes.STOP_AT_CLOSING_QUOTE
        stopped_at_quote = False
        while position < size:
            char = text[position]
            if previous == quote and (char <= " " or text.startswith(self._delimiter, position)):
                end = self._skip(text, position)
                if self._end.match(text, end):
                    return self._text("".join(taken)) or self._dialect.empty_value, end
                if not lenient:
                    return self._unescaped(text, end, "".join(taken), text[position:end])
                taken += (quote, text[position:end], "" if text[end] in (quote, escape) else text[end])
                previous, position = text[end], end + 1
                continue
            if char not in (quote, escape):
                if previous == quote:
                    if not lenient:
                        return self._unescaped(text, position, "".join(taken))
                    taken += (quote, char)
                    previous, stopped_at_quote = char, True
                    position += 1
                    continue
                if previous == escape != NONE:
                    taken.append(escape)
                end = self._special.search(text, position).start()  # type: ignore[union-attr]  # \Z always is
                taken.append(text[position:end])
                previous = text[end] if end < size else NONE
                position = end + 1
                continue
            if char == escape and previous == of_escape != NONE:
                taken.append(escape)
                char = NONE
            elif previous == escape:
                if char == quote:
                    taken.append(quote)
                    char = NONE
                else:
                    taken.append(previous)
            elif char == quote and previous == quote:
                taken.append(quote)
            elif previous == quote:
                if self._dialect.unescaped_quotes is UnescapedQuotes.SKIP_VALUE:
                    return self._dialect.empty_value, self._line_end.search(text, position).start()  # type: ignore[union-attr]  # \Z always is
                # An escape right after a quote: the value goes on to the delimiter, which is swallowed.
                taken.append(quote)
                position = self._loose(text, position, escape, taken)
                char = text[position] if position < size else NONE
            previous = char
            position += 1
            if stopped_at_quote and position < size and self._end.match(text, position):
                return self._text("".join(taken)), position
        return self._text("".join(taken)) or self._dialect.empty_value, size

    def _loose(self, text: str, position: int, previous: str, taken: list[str]) -> int:
        """Takes characters to the next delimiter with escapes undone; returns where that delimiter is."""
        quote, escape, of_escape = self._quote, self._dialect.escape, self._dialect.escape_of_escape
        while position < len(text) and not self._end.match(text, position):
            char = text[position]
            if char not in (quote, escape):
                if previous == quote:
                    taken.append(quote)
                taken.append(char)
            elif char == escape and previous == of_escape != NONE:
                taken.append(escape)
                char = NONE
            elif previous == escape:
                taken.append(quote if char == quote else previous)
                char = NONE if char == quote else char
            elif previous == quote:
                taken.append(quote)
            previous = char
            position += 1
        return position

    def _skip(self, text: str, position: int) -> int:
        """The end of the blanks from `position` on."""
        while position < len(text) and text[position] <= " " and not self._end.match(text, position):
            position += 1
        return position

    def _unescaped(self, text: str, position: int, value: str, blanks: str = "") -> tuple[str, int]:
        handling = self._dialect.unescaped_quotes
        if handling is UnescapedQuotes.RAISE_ERROR:
            raise UserError(
                f"An unescaped quote stands inside a quoted value: {text[:200]!r}",
                remedy="Set option 'escape' to '\"', or 'unescapedQuoteHandling' to STOP_AT_DELIMITER.",
            )
        end = self._end.search(text, position + 1).start()  # type: ignore[union-attr]  # \Z always is
        if handling is UnescapedQuotes.SKIP_VALUE:
            return self._dialect.empty_value, end
        raw = f"{self._quote}{value}{self._quote}{blanks}{text[position:end]}"
        if blanks and end == len(text) and text[position + 1 : position + 2] == self._quote != text[position]:
            raw += self._quote  # Spark's parser takes this quote for an open one at the end of its input
        if self._dialect.ignore_trailing_white_space:
            raw = raw.rstrip(BLANKS)
        return self._text(raw), end

    def _skip_blanks(self, text: str, position: int) -> int:
        while (
            position < len(text)
            and text[position] <= " "
            and text[position] != self._quote
            and not self._end.match(text, position)
        ):
            position += 1
        return position

    def _at_line_end(self, text: str, position: int) -> bool:
        return bool(self._separator) and (text[position] == "\n" or text.startswith(self._separator, position))

    def _text(self, value: str) -> str:
        """Line ends inside values become one line feed, as Spark has it."""
        if self._separator and self._separator != "\n":
            value = value.replace(self._separator, "\n")
        limit = self._dialect.max_chars_per_column
        if 0 <= limit < len(value):
            raise UserError(
                f"A value has {len(value)} characters, more than option 'maxCharsPerColumn' ({limit})",
                remedy="Raise 'maxCharsPerColumn', or check 'quote' and 'escape'.",
            )
        return value


def _closed(dialect: Dialect, ends: Sequence[str]) -> re.Pattern[str] | None:
    """A quoted value without anything to undo, up to its closing quote."""
    if dialect.quote == NONE:
        return None
    quote, escape = re.escape(dialect.quote), re.escape(dialect.escape)
    content = f"[^{quote}]*"
    if dialect.escape not in (NONE, dialect.quote):
        after = re.escape(dialect.escape_of_escape) if dialect.escape_of_escape != NONE else ""
        content = f"(?:[^{quote}{escape}]|{escape}(?![{quote}{after}]))*"
    if dialect.escape == NONE or dialect.escape_of_escape not in (NONE, dialect.quote, dialect.escape):
        ends = [end for end in ends if end != r"\Z"]  # at the end of its input Spark's parser goes the slow way
    return re.compile(f"({content}){quote}(?={'|'.join(ends)})")
