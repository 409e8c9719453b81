"""Text files: one row per line, or per file. https://spark.apache.org/docs/latest/sql-data-sources-text.html"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import pyarrow as pa

BLOCK_BYTES = 4 << 20


def read_text(
    path: str, *, whole: bool = False, line_separator: str = "", encoding: str = "utf-8"
) -> Iterator[pa.Array]:
    """The lines of a file without their ends (line feed, carriage return or both), or the file as one value.

    Bytes that are not of the encoding become U+FFFD.
    """
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    with open(path, "rb") as file:
        if whole:
            yield pa.array([file.read().decode(encoding, "replace")], pa.string())
            return
        rest, first = "", True
        while data := file.read(BLOCK_BYTES):
            text = rest + decoder.decode(data)
            if first:
                text, first = text.removeprefix("\ufeff"), False
            lines, rest = _split(text, line_separator)
            if lines:
                yield pa.array(lines, pa.string())
        rest += decoder.decode(b"", True)
        if rest:
            lines, last = _split(rest, line_separator)
            last = last.removesuffix("\r") if not line_separator else last
            yield pa.array([*lines, last] if last or not lines else lines, pa.string())


def _split(text: str, line_separator: str) -> tuple[list[str], str]:
    """The finished lines of a text and the unfinished last one."""
    if line_separator:
        *lines, rest = text.split(line_separator)
        return lines, rest
    held = "\r" if text.endswith("\r") else ""  # the line feed after it may be in the next block
    text = text.removesuffix("\r")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    *lines, rest = text.split("\n")
    return lines, rest + held
