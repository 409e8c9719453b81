"""Reads JSON files: one object, several one after another, one per line, or an array of them.

A piece of a file is in memory at a time, at least one object. Objects are values of Python: they may be nested.
https://learn.microsoft.com/azure/data-factory/format-json
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from reelhouse.adf.delimited import encoding_named
from reelhouse.adf.errors import ActivityFailed

_PIECE = 1 << 20


def read_json(file: BinaryIO, encoding: str, name: str) -> Iterator[dict[str, Any]]:
    """The objects of a file. Raises `ActivityFailed` for what is no JSON, or no object."""
    text = _Text(file, encoding_named(encoding), name)
    while text.skip():
        if text.here() == "[":
            yield from _array(text)
        else:
            yield _object(text)


def _array(text: _Text) -> Iterator[dict[str, Any]]:
    text.take()
    while True:
        if not text.skip():
            raise text.wrong("the array is not closed")
        if text.here() == "]":
            text.take()
            return
        yield _object(text)
        text.skip()
        if text.here() == ",":
            text.take()
        elif text.here() != "]":
            raise text.wrong("an array has commas between its items")


def _object(text: _Text) -> dict[str, Any]:
    value = text.value()
    if not isinstance(value, dict):
        raise text.wrong("a row must be an object")
    return value


class _Text:
    """The text of a file, read as far as it is needed."""

    def __init__(self, file: BinaryIO, encoding: str, name: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._name = name
        self._held = ""
        self._position = 0
        self._ended = False
        self._scan = json.JSONDecoder().raw_decode

    def wrong(self, what: str) -> ActivityFailed:
        return ActivityFailed("2200", f"ErrorCode=JsonInvalidDataFormat,{self._name} is not read: {what}")

    def here(self) -> str:
        return self._held[self._position : self._position + 1]

    def take(self) -> None:
        self._position += 1

    def skip(self) -> bool:
        """Go past blanks; whether something follows."""
        while True:
            held = self._held
            while self._position < len(held) and held[self._position] in " \t\r\n":
                self._position += 1
            if self._position < len(held):
                return True
            if not self._more(_PIECE):
                return False

    def value(self) -> Any:
        while True:
            try:
                value, self._position = self._scan(self._held, self._position)
                return value
            except ValueError as error:
                # As much again as is there: the work stays in proportion to the size.
                if not self._more(max(_PIECE, len(self._held) - self._position)):
                    raise self.wrong(f"it is not JSON: {error}") from None

    def _more(self, size: int) -> bool:
        if self._ended:
            return False
        data = self._file.read(size)
        self._ended = not data
        try:
            found = self._decoder.decode(data, final=self._ended)
        except UnicodeDecodeError as error:
            raise self.wrong(f"{error.reason} at byte {error.start}") from None
        self._held = self._held[self._position :] + found
        self._position = 0
        return not self._ended
