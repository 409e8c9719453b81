"""From the text of a dynamic value to its syntax tree, by recursive descent: the grammar has four rules.

    expression := literal | call accessor*
    call       := name '(' [ expression (',' expression)* ] ')'
    accessor   := '.' name | '?.' name | '[' expression ']' | '?[' expression ']'
    literal    := number | 'text' | true | false | null

https://learn.microsoft.com/azure/data-factory/control-flow-expression-language-functions
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from reelhouse.adf.errors import ExpressionError

MAX_LENGTH = 8192
"""Characters of one expression, a documented limit."""

MAX_DEPTH = 100
"""Calls within calls. Not documented for Data Factory; keeps a hostile text from exhausting the stack."""

_BLANK = re.compile(r"\s*")
_NAME = re.compile(r"[^\W\d]\w*")
_MEMBER = re.compile(r"\w+")
_NUMBER = re.compile(r"[+-]?\d+(?P<fraction>\.\d+)?(?P<exponent>[eE][+-]?\d+)?", re.ASCII)
_TEXT = re.compile(r"'((?:[^']|'')*)'")
_RESERVED = {"true": True, "false": False, "null": None}
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Step:
    """One accessor. `key` is a name, or the expression in brackets; `safe` with a question mark."""

    key: str | Node
    safe: bool
    position: int


@dataclass(frozen=True, slots=True)
class Access:
    target: Call
    steps: tuple[Step, ...]


Node = Literal | Call | Access


@dataclass(frozen=True, slots=True)
class Plain:
    """No expression: the text stands for itself (after `@@` has become `@`)."""

    value: str


@dataclass(frozen=True, slots=True)
class Whole:
    """The text is one expression, whose result keeps its type."""

    node: Node


@dataclass(frozen=True, slots=True)
class Interpolated:
    """Text with `@{…}` in it. The result is text, even for a single segment."""

    parts: tuple[str | Node, ...]


Template = Plain | Whole | Interpolated


def parse_template(text: str) -> Template:
    """What kind of dynamic value a text is, and its syntax tree. Raises `ExpressionError` with the position."""
    if text.startswith("@@"):
        return Plain(text[1:])
    if text.startswith("@") and len(text) > 1 and text[1] != "{":
        if len(text) > MAX_LENGTH:
            raise _too_long(text, 0)
        parser = _Parser(text, 1)
        node = parser.expression(0)
        parser.skip_blanks()
        if parser.position != len(text):
            raise parser.error("The expression should end here", _after_end(text, parser.position))
        return Whole(node)
    if "@{" in text:
        return _interpolation(text)
    return Plain(text)


def _interpolation(text: str) -> Template:
    parts: list[str | Node] = []
    position = 0
    while True:
        opening = text.find("@{", position)
        if opening < 0:
            parts.append(text[position:])
            break
        if opening > position and text[opening - 1] == "@":
            parts.append(text[position : opening - 1] + "@{")
            position = opening + 2
            continue
        parts.append(text[position:opening])
        parser = _Parser(text, opening + 2)
        node = parser.expression(0)
        parser.skip_blanks()
        if not text.startswith("}", parser.position):
            raise parser.error("The segment that opens with '@{' is not closed by '}'", opening=opening)
        if parser.position - opening > MAX_LENGTH:
            raise _too_long(text, opening)
        parts.append(node)
        position = parser.position + 1
    kept = tuple(part for part in parts if part != "")
    if all(isinstance(part, str) for part in kept):
        return Plain("".join(str(part) for part in kept))
    return Interpolated(kept)


def _too_long(text: str, position: int) -> ExpressionError:
    return ExpressionError(
        f"An expression may have {MAX_LENGTH} characters at most", expression=text, position=position
    )


def _after_end(text: str, position: int) -> str:
    if text[position] in "+-*/=<>!&|":
        return "There are no operators: use functions such as add(), equals(), greater(), and(), not()."
    return ""


class _Parser:
    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position

    def error(self, what: str, remedy: str = "", *, opening: int | None = None) -> ExpressionError:
        position = self.position if opening is None else opening
        return ExpressionError(what, expression=self.text, position=position, remedy=remedy)

    def skip_blanks(self) -> None:
        match = _BLANK.match(self.text, self.position)
        assert match is not None
        self.position = match.end()

    def accept(self, token: str) -> bool:
        self.skip_blanks()
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def expression(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.error(f"The expression is nested more than {MAX_DEPTH} calls deep")
        self.skip_blanks()
        start = self.position
        if match := _TEXT.match(self.text, start):
            self.position = match.end()
            return Literal(match[1].replace("''", "'"), start)
        if match := _NUMBER.match(self.text, start):
            return self._number(match)
        if match := _NAME.match(self.text, start):
            self.position = match.end()
            return self._named(match[0], start, depth)
        raise self._unexpected()

    def _number(self, match: re.Match[str]) -> Literal:
        if match["fraction"] is None and match["exponent"] is None:
            digits = match[0]
            value = int(digits) if len(digits) < 25 else INT64_MAX + 1
            if not INT64_MIN <= value <= INT64_MAX:
                raise self.error(f"The integer {digits[:40]} does not fit 64 bits")
            self.position = match.end()
            return Literal(value, match.start())
        number = float(match[0])
        if number in (float("inf"), float("-inf")):
            raise self.error(f"The number {match[0][:40]} is too large")
        self.position = match.end()
        return Literal(number, match.start())

    def _named(self, name: str, start: int, depth: int) -> Node:
        if not self.accept("("):
            if name.lower() in _RESERVED:
                return Literal(_RESERVED[name.lower()], start)
            self.position = start
            raise self.error(
                f"'{name}' is neither a function call nor a literal", f"Text is written '{name}', a call {name}(…)."
            )
        arguments: list[Node] = []
        if not self.accept(")"):
            while True:
                arguments.append(self.expression(depth + 1))
                if self.accept(")"):
                    break
                if not self.accept(","):
                    raise self.error(f"Expected ',' or ')' in the arguments of {name}()")
        call = Call(name, tuple(arguments), start)
        steps = self._steps(depth)
        return Access(call, steps) if steps else call

    def _steps(self, depth: int) -> tuple[Step, ...]:
        steps: list[Step] = []
        while True:
            self.skip_blanks()
            start = self.position
            if self.accept("?.") or self.accept("."):
                safe = self.text[start] == "?"
                self.skip_blanks()
                match = _MEMBER.match(self.text, self.position)
                if not match:
                    raise self.error("Expected the name of a property", "Other names are written ['…'].")
                self.position = match.end()
                steps.append(Step(match[0], safe, match.start()))
            elif self.accept("?[") or self.accept("["):
                safe = self.text[start] == "?"
                key = self.expression(depth + 1)
                if not self.accept("]"):
                    raise self.error("Expected ']'")
                steps.append(Step(key, safe, key.target.position if isinstance(key, Access) else key.position))
            else:
                return tuple(steps)

    def _unexpected(self) -> ExpressionError:
        rest = self.text[self.position : self.position + 1]
        if not rest:
            return self.error("The expression ends too early: expected a function call or a literal")
        if rest == "'":
            return self.error("The text is not closed by a single quote", "A quote within text is doubled: ''.")
        if rest == '"':
            return self.error("Text is written in single quotes", "Use '…'.")
        if rest == "@":
            return self.error("Within an expression no '@' stands in front of a function", "Remove the '@'.")
        return self.error(f"Unexpected '{rest}': expected a function call, a number or a text in single quotes")
