"""SQL text in tokens, and a cursor over them that can hand back the text between two places. Pure.

Expressions and queries inside a statement are not parsed here but cut out as they stand: the engine reads them.
https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-literals
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from reelhouse.errors import UserError


class Kind(Enum):
    WORD = "word"
    QUOTED = "quoted name"
    STRING = "string"
    NUMBER = "number"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True)
class Token:
    """A token; `text` is a word as written, or the content of what is quoted."""

    kind: Kind
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        return self.kind is Kind.WORD and self.text.upper() in words


_SCAN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<raw>[rR](?:'[^']*'|"[^"]*"))
      | (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
      | (?P<quoted>`(?:[^`]|``)*`)
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[a-zA-Z]*(?!\w)|\.\d+(?!\w))
      | (?P<word>\w+)
      | (?P<symbol><=>|<>|!=|>=|<=|==|=>|\|\||::|->|.)""",
    re.X | re.S,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}
_OPEN, _CLOSE = "([{", ")]}"


def tokenise(text: str) -> list[Token]:
    """The tokens of a statement, without comments and space, and an END token behind them."""
    tokens: list[Token] = []
    for match in _SCAN.finditer(text):
        group = match.lastgroup
        start, end, raw = match.start(), match.end(), match.group()
        if group == "space":
            continue
        if group == "string":
            tokens.append(Token(Kind.STRING, unquote(raw), start, end))
        elif group == "raw":
            tokens.append(Token(Kind.STRING, raw[2:-1], start, end))
        elif group == "quoted":
            tokens.append(Token(Kind.QUOTED, raw[1:-1].replace("``", "`"), start, end))
        elif group == "symbol":
            if raw in "'\"`":
                raise UserError(f"PARSE_SYNTAX_ERROR: a {raw} is not closed in: {text[start : start + 40]}")
            tokens.append(Token(Kind.SYMBOL, raw, start, end))
        else:
            tokens.append(Token(Kind.NUMBER if group == "number" else Kind.WORD, raw, start, end))
    tokens.append(Token(Kind.END, "", len(text), len(text)))
    return tokens


def unquote(literal: str) -> str:
    """The value of a string literal."""
    quote, body = literal[0], literal[1:-1]
    return re.sub(
        r"\\(.)|" + quote * 2,
        lambda m: quote if m[1] is None else _ESCAPES.get(m[1], m[1] if m[1] not in "%_" else "\\" + m[1]),
        body,
        flags=re.S,
    )


def literal(text: str) -> str:
    """A text as SQL string literal.

    >>> literal("it's")
    "'it\\\\'s'"
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Cursor:
    """A place in a statement. Methods that take words compare without case and move on only when they match."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokenise(text)
        self._position = 0

    @property
    def token(self) -> Token:
        """The token at the cursor."""
        return self._tokens[self._position]

    def peek(self, ahead: int = 1) -> Token:
        """A token further on."""
        return self._tokens[min(self._position + ahead, len(self._tokens) - 1)]

    def next(self) -> Token:
        """The token at the cursor; moves past it."""
        token = self.token
        if token.kind is not Kind.END:
            self._position += 1
        return token

    def at(self, *words: str) -> bool:
        """Whether these words stand here, in this order."""
        return all(self.peek(index).is_word(word) for index, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Move past these words if they stand here."""
        if not self.at(*words):
            return False
        self._position += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Move past these words, which have to stand here."""
        if not self.accept(*words):
            raise self.error(" ".join(words))

    def accept_symbol(self, symbol: str) -> bool:
        """Move past a symbol if it stands here."""
        if self.token.kind is Kind.SYMBOL and self.token.text == symbol:
            self._position += 1
            return True
        return False

    def expect_symbol(self, symbol: str) -> None:
        """Move past a symbol, which has to stand here."""
        if not self.accept_symbol(symbol):
            raise self.error(f"'{symbol}'")

    def string(self) -> str:
        """The string literal here."""
        if self.token.kind is not Kind.STRING:
            raise self.error("a string")
        return self.next().text

    def identifier(self) -> str:
        """The name of one part here."""
        if self.token.kind not in (Kind.WORD, Kind.QUOTED):
            raise self.error("a name")
        return self.next().text

    def name(self) -> tuple[str, ...]:
        """The name of one or more parts here."""
        parts = [self.identifier()]
        while self.accept_symbol("."):
            parts.append(self.identifier())
        return tuple(parts)

    def at_end(self) -> bool:
        """Whether nothing follows but a semicolon."""
        while self.token.kind is Kind.SYMBOL and self.token.text == ";":
            self._position += 1
        return self.token.kind is Kind.END

    def expect_end(self) -> None:
        """Raise unless nothing follows."""
        if not self.at_end():
            raise self.error("the end of the statement")

    def text_until(self, stops: Collection[str] = (), *, stop_symbols: str = "") -> str:
        """The text from here to the first of the words or symbols that stands in no bracket, or to the end.

        Inside CASE … END no word stops it.
        """
        start = end = self.token.start
        depth = cases = 0
        while self.token.kind is not Kind.END:
            token = self.token
            if token.kind is Kind.SYMBOL and depth == 0 and (token.text in stop_symbols or token.text == ";"):
                break
            if depth == 0 and cases == 0 and token.is_word(*stops):
                break
            if token.kind is Kind.SYMBOL and token.text in _OPEN:
                depth += 1
            elif token.kind is Kind.SYMBOL and token.text in _CLOSE:
                depth -= 1
                if depth < 0:
                    break
            elif token.is_word("CASE"):
                cases += 1
            elif token.is_word("END") and cases:
                cases -= 1
            end = self.next().end
        text = self.text[start:end].strip()
        if not text:
            raise self.error("an expression")
        return text

    def rest(self) -> str:
        """The text from here to the end, without a closing semicolon."""
        return self.text_until()

    def bracketed(self) -> str:
        """The text inside the brackets that open here."""
        self.expect_symbol("(")
        text = self.text_until()
        self.expect_symbol(")")
        return text

    def error(self, expected: str) -> UserError:
        """What is wrong here."""
        token = self.token
        found = "the end" if token.kind is Kind.END else f"'{self.text[token.start : token.end]}'"
        line = self.text.count("\n", 0, token.start) + 1
        return UserError(
            f"PARSE_SYNTAX_ERROR: expected {expected}, found {found} at line {line} of: {self.text.strip()}"
        )


def bind(text: str, arguments: Mapping[str, str] | Sequence[str]) -> str:
    """The statement with its parameters (`:name`, or `?` one by one) replaced by SQL literals.

    Raises `UserError` for a parameter without argument. `IDENTIFIER('a.b')` becomes the name it spells.
    """
    pieces, done, position = [], 0, 0
    tokens = tokenise(text) if arguments or "IDENTIFIER" in text.upper() else []
    for index, token in enumerate(tokens):
        if token.start < done or token.kind is not Kind.SYMBOL:
            continue
        if token.text == ":" and isinstance(arguments, Mapping):
            name = tokens[index + 1]
            if name.kind is Kind.WORD and name.start == token.end and name.text in arguments:
                pieces += [text[done : token.start], arguments[name.text]]
                done = name.end
        elif token.text == "?" and not isinstance(arguments, Mapping):
            if position >= len(arguments):
                raise UserError(f"UNBOUND_SQL_PARAMETER: there is no argument for '?' number {position + 1}")
            pieces += [text[done : token.start], arguments[position]]
            position, done = position + 1, token.end
    return _spell_identifiers("".join([*pieces, text[done:]]))


_IDENTIFIER = re.compile(
    r"\bIDENTIFIER\s*\(\s*((?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?:\s*\|\|\s*(?:'(?:[^'\\]|\\.)*'))*)\s*\)", re.I
)


def _spell_identifiers(text: str) -> str:
    return _IDENTIFIER.sub(
        lambda match: "".join(token.text for token in tokenise(match[1]) if token.kind is Kind.STRING), text
    )


def requalify(text: str, names: Mapping[tuple[str, ...], str]) -> str:
    """The text with columns that are qualified by a name of several parts qualified by its alias instead.

    >>> requalify("bronze.t.id = s.id", {("bronze", "t"): "t"})
    '`t`.id = s.id'
    """
    tokens = tokenise(text)
    words = [token.text.lower() if token.kind in (Kind.WORD, Kind.QUOTED) else None for token in tokens]
    dots = [token.kind is Kind.SYMBOL and token.text == "." for token in tokens]
    pieces, done, index = [], 0, 0
    while index < len(tokens):
        found = None if index and dots[index - 1] else _longest(words, dots, index, names)
        if found is not None:
            alias = names[found].replace("`", "``")
            pieces += [text[done : tokens[index].start], f"`{alias}`"]
            index += 2 * len(found) - 2
            done = tokens[index].end
        index += 1
    return "".join([*pieces, text[done:]])


def _longest(
    words: Sequence[str | None], dots: Sequence[bool], start: int, names: Mapping[tuple[str, ...], str]
) -> tuple[str, ...] | None:
    """The longest of the names that stands at a place with one more dot behind it."""
    for name in sorted(names, key=len, reverse=True):
        end = start + 2 * len(name)
        if (
            end <= len(words)
            and tuple(words[start:end:2]) == tuple(part.lower() for part in name)
            and all(dots[start + 1 : end : 2])
        ):
            return name
    return None
