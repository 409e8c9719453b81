"""Reads JSON as leniently as the service: trailing commas, single quotes, bare keys and comments are let through.

What is strict JSON takes the standard library's way.
"""

from __future__ import annotations

import json
import re
from typing import Any

_BLANK = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_BARE = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS = {"true": True, "false": False, "null": None}
_MAX_DEPTH = 64


class JsonError(ValueError):
    """The text is not JSON, not even leniently."""


def read_json(source: str) -> Any:
    """The value of a JSON text; null for an empty one. Raises `JsonError` with the character's number."""
    if not source.strip():
        return None
    try:
        return json.loads(source)
    except (ValueError, RecursionError):
        reader = _Reader(source)
        value = reader.value(0)
        reader.skip_blanks()
        if reader.position < len(source):
            raise reader.error("additional text after the value") from None
        return value


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0

    def error(self, what: str) -> JsonError:
        return JsonError(f"{what} at character {self.position + 1} of the JSON text")

    def skip_blanks(self) -> None:
        match = _BLANK.match(self.source, self.position)
        if match:
            self.position = match.end()

    def accept(self, token: str) -> bool:
        self.skip_blanks()
        if self.source.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise self.error(f"nested more than {_MAX_DEPTH} deep")
        if self.accept("{"):
            return self._object(depth)
        if self.accept("["):
            return self._array(depth)
        char = self.source[self.position : self.position + 1]
        if char in ("'", '"') and char:
            return self._text(char)
        if match := _NUMBER.match(self.source, self.position):
            digits = match[0].lstrip("+")
            if len(digits) > 400:
                raise self.error("a number that is too long")
            self.position = match.end()
            return float(digits) if any(c in digits for c in ".eE") else int(digits)
        match = _BARE.match(self.source, self.position)
        if match and match[0] in _WORDS:
            self.position = match.end()
            return _WORDS[match[0]]
        raise self.error("no JSON value")

    def _object(self, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not self.accept("}"):
            self.skip_blanks()
            char = self.source[self.position : self.position + 1]
            if char in ("'", '"') and char:
                key = self._text(char)
            elif match := _BARE.match(self.source, self.position):
                key = match[0]
                self.position = match.end()
            else:
                raise self.error("no name of a property")
            if not self.accept(":"):
                raise self.error("no ':'")
            result[key] = self.value(depth + 1)
            if not self.accept(",") and not self.source.startswith("}", self.position):
                raise self.error("no ',' or '}'")
        return result

    def _array(self, depth: int) -> list[Any]:
        result: list[Any] = []
        while not self.accept("]"):
            result.append(self.value(depth + 1))
            if not self.accept(",") and not self.source.startswith("]", self.position):
                raise self.error("no ',' or ']'")
        return result

    def _text(self, quote: str) -> str:
        self.position += 1
        parts: list[str] = []
        while True:
            char = self.source[self.position : self.position + 1]
            if not char:
                raise self.error("a text that is not closed")
            self.position += 1
            if char == quote:
                return "".join(parts)
            parts.append(self._escape() if char == "\\" else char)

    def _escape(self) -> str:
        char = self.source[self.position : self.position + 1]
        self.position += 1
        if char != "u":
            return _ESCAPES.get(char, char)
        digits = self.source[self.position : self.position + 4]
        if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
            raise self.error("a wrong \\u escape")
        self.position += 4
        return chr(int(digits, 16))
