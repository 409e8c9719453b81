"""A data flow script, cut into tokens with their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reelhouse.errors import UserError


class ScriptError(UserError):
    """The script is wrong at a line, counted from 1."""

    def __init__(self, what: str, line: int, *, remedy: str = "") -> None:
        self.line = line
        super().__init__(what, remedy=remedy)


@dataclass(frozen=True)
class Token:
    """`kind` is name, braced, string, regex, template, number, sign or end. `value` is what it stands for."""

    kind: str
    text: str
    value: Any
    line: int


_SIGNS = (
    "~>", "===", "<=>", "==", "!=", ">=", "<=", "&&", "||", "->", "$$",
    "(", ")", "[", "]", "}", ",", ":", "=", "+", "-", "*", "/", "%", "<", ">", "!", "?", ".", "@", "#", "$", "&",
    "|", "^", "~",
)  # fmt: skip
_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_NAME = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[lLsSbBfFdD]?|\.\d+")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


def tokenise(text: str, line: int = 1) -> list[Token]:
    """The tokens of a text that begins at a line; the last is of kind `end`. Raises `ScriptError`."""
    return list(_tokens(text, line))


def _tokens(text: str, line: int) -> Iterator[Token]:
    position = 0
    before = ""
    while position < len(text):
        if match := _SPACE.match(text, position):
            line += match[0].count("\n")
            position = match.end()
            continue
        char = text[position]
        if char == "{" and before == "parameters":
            token = Token("sign", "{", None, line)
            end = position + 1
        else:
            token, end = _token(text, position, line)
        yield token
        before = token.text
        line += text.count("\n", position, end)
        position = end
    yield Token("end", "", None, line)


def _token(text: str, position: int, line: int) -> tuple[Token, int]:
    char = text[position]
    if match := _NAME.match(text, position):
        return Token("name", match[0], match[0], line), match.end()
    if match := _NUMBER.match(text, position):
        return Token("number", match[0], _number(match[0]), line), match.end()
    if char == "'":
        value, end = _string(text, position, line)
        return Token("string", text[position:end], value, line), end
    if char == '"':
        parts, end = _template(text, position, line)
        return Token("template", text[position:end], parts, line), end
    if char == "`":
        end = text.find("`", position + 1)
        if end < 0:
            raise ScriptError("A ` is not closed", line)
        return Token("regex", text[position : end + 1], text[position + 1 : end], line), end + 1
    if char == "{":
        value, end = _braced(text, position, line)
        return Token("braced", text[position:end], value, line), end
    for sign in _SIGNS:
        if text.startswith(sign, position):
            return Token("sign", sign, None, line), position + len(sign)
    raise ScriptError(f"The character '{char}' does not belong in a script", line)


def _number(text: str) -> tuple[int | float, str]:
    """The value of a number and its kind."""
    if text[:2].lower() == "0x":
        return int(text, 16), "integer"
    suffix = text[-1].lower()
    digits = text[:-1] if suffix in "lsbfd" else text
    kinds = {"l": "long", "s": "short", "b": "byte", "f": "float", "d": "double"}
    if suffix in "lsb" and digits.isdigit():
        return int(digits), kinds[suffix]
    if suffix in "fd":
        return float(digits), kinds[suffix]
    if digits.isdigit():
        if len(digits) > 1 and digits[0] == "0" and all(char in "01234567" for char in digits):
            return int(digits, 8), "octal"
        return int(digits), "integer" if int(digits) < 1 << 31 else "long"
    return float(digits), "double"


def _string(text: str, position: int, line: int) -> tuple[str, int]:
    parts: list[str] = []
    at = position + 1
    while at < len(text):
        char = text[at]
        if char == "'":
            return "".join(parts), at + 1
        if char == "\\" and at + 1 < len(text):
            following = text[at + 1]
            parts.append(_ESCAPES.get(following, char + following))
            at += 2
            continue
        parts.append(char)
        at += 1
    raise ScriptError("A text is not closed", line, remedy="Write ' at its end.")


def _template(text: str, position: int, line: int) -> tuple[list[str | tuple[str, int]], int]:
    """Texts, and the expressions in braces with their lines."""
    parts: list[str | tuple[str, int]] = []
    plain: list[str] = []
    at = position + 1
    while at < len(text):
        char = text[at]
        if char == '"':
            if plain or not parts:
                parts.append("".join(plain))
            return parts, at + 1
        if char == "\\" and at + 1 < len(text):
            following = text[at + 1]
            plain.append({"{": "{", "}": "}"}.get(following) or _ESCAPES.get(following, char + following))
            at += 2
        elif char == "{":
            end = _closing(text, at, line)
            if plain:
                parts.append("".join(plain))
                plain = []
            parts.append((text[at + 1 : end], line + text.count("\n", position, at)))
            at = end + 1
        else:
            plain.append(char)
            at += 1
    raise ScriptError("A text is not closed", line, remedy='Write " at its end.')


def _closing(text: str, position: int, line: int) -> int:
    """Where the brace at a position is closed; texts in between are passed over."""
    depth = 0
    at = position
    while at < len(text):
        char = text[at]
        if char == "'":
            _, at = _string(text, at, line)
            continue
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0:
            return at
        at += 1
    raise ScriptError("A { in a text is not closed", line)


def _braced(text: str, position: int, line: int) -> tuple[str, int]:
    parts: list[str] = []
    at = position + 1
    while at < len(text):
        char = text[at]
        if char == "}":
            return "".join(parts), at + 1
        if char == "\\" and text[at + 1 : at + 2] in ("}", "\\"):
            at += 1
            char = text[at]
        parts.append(char)
        at += 1
    raise ScriptError("A { is not closed", line, remedy="The name of a column stands between { and }.")
