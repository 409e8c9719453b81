"""SQL text cut into tokens that know their place, for statements that no SQL library parses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from reelhouse.errors import Place, UserError

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<string>r?'(?:[^'\\]|\\.|'')*'|r?"(?:[^"\\]|\\.|"")*")
  | (?P<quoted>`(?:[^`]|``)*`)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_][A-Za-z_0-9]*)
  | (?P<symbol><=>|<>|!=|<=|>=|::|->|=>|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Kind(Enum):
    STRING = auto()
    QUOTED = auto()
    NUMBER = auto()
    WORD = auto()
    SYMBOL = auto()
    END = auto()


@dataclass(frozen=True)
class Token:
    kind: Kind
    text: str
    start: int
    end: int


class Tokens:
    """A cursor over the tokens of a text. `place` is where the text begins; lines are counted on from there."""

    def __init__(self, text: str, place: Place, first_line: int | None = None) -> None:
        self.text = text
        self._place = place
        self._first_line = first_line
        self._tokens = [
            Token(Kind[m.lastgroup.upper()], m.group(), m.start(), m.end())
            for m in _TOKEN.finditer(text)
            if m.lastgroup and m.lastgroup != "space"
        ]
        self._tokens.append(Token(Kind.END, "", len(text), len(text)))
        self.position = 0

    @property
    def token(self) -> Token:
        """The present token; at the end one of kind END."""
        return self._tokens[self.position]

    @property
    def at_end(self) -> bool:
        return self.token.kind is Kind.END

    def peek(self, ahead: int = 1) -> Token:
        return self._tokens[min(self.position + ahead, len(self._tokens) - 1)]

    def next(self) -> Token:
        """The present token, and go on to the following one."""
        token = self.token
        if token.kind is not Kind.END:
            self.position += 1
        return token

    def matches(self, *words: str) -> bool:
        """Whether the next tokens are these words or symbols, in any case of letters."""
        return all(
            token.kind in (Kind.WORD, Kind.SYMBOL) and token.text.upper() == word
            for word, token in ((w, self.peek(i)) for i, w in enumerate(words))
        )

    def accept(self, *words: str) -> bool:
        """Go past these words if they come next."""
        if not self.matches(*words):
            return False
        self.position += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Go past these words, or raise."""
        if not self.accept(*words):
            raise self.error(f"expected {' '.join(words)}")

    def place(self, token: Token | None = None) -> Place:
        """Where a token stands."""
        if self._first_line is None:
            return self._place
        line = self._first_line + self.text.count("\n", 0, (token or self.token).start)
        return Place(self._place.file, f"line {line}")

    def error(self, what: str) -> UserError:
        found = f"'{self.token.text}'" if not self.at_end else "the end"
        return UserError(f"SQL: {what}, found {found}", where=self.place())

    def identifier(self) -> str:
        """One name, without its backticks."""
        token = self.token
        if token.kind is Kind.QUOTED:
            self.next()
            return token.text[1:-1].replace("``", "`")
        if token.kind is Kind.WORD:
            self.next()
            return token.text
        raise self.error("expected a name")

    def name(self) -> str:
        """A name of one to three levels, joined with dots."""
        parts = [self.identifier()]
        while self.token.text == "." and self.peek().kind in (Kind.WORD, Kind.QUOTED):
            self.next()
            parts.append(self.identifier())
        return ".".join(parts)

    def string(self) -> str:
        """The value of a string literal."""
        if self.token.kind is not Kind.STRING:
            raise self.error("expected a string")
        return unquote(self.next().text)

    def names_in_brackets(self) -> tuple[str, ...]:
        """`(a, b)` as names."""
        self.expect("(")
        names = [self.identifier()]
        while self.accept(","):
            names.append(self.identifier())
        self.expect(")")
        return tuple(names)

    def bracketed(self) -> str:
        """The text inside of the brackets that begin here, and go past them."""
        self.expect("(")
        start, depth = self.token.start, 1
        while not self.at_end:
            token = self.next()
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind is Kind.SYMBOL else 0
            if depth == 0:
                return self.text[start : token.start].strip()
        raise self.error("expected )")

    def until(self, *stops: tuple[str, ...]) -> str:
        """The text up to the first of these word sequences outside of brackets, or up to the end."""
        start, depth = self.token.start, 0
        while not self.at_end:
            if depth == 0 and any(self.matches(*stop) for stop in stops):
                break
            token = self.next()
            if token.kind is Kind.SYMBOL:
                depth += {"(": 1, ")": -1}.get(token.text, 0)
                if depth < 0:
                    self.position -= 1
                    break
        return self.text[start : self.token.start].strip()


def unquote(literal: str) -> str:
    """The value of a SQL string literal.

    >>> unquote("'it''s'")
    "it's"
    """
    if literal[0] in "rR":
        return literal[2:-1]
    quote, body = literal[0], literal[1:-1].replace(literal[0] * 2, literal[0])
    escapes = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", quote: quote, "'": "'", '"': '"'}
    return re.sub(r"\\(.)", lambda m: escapes.get(m[1], m[0] if m[1] in "%_" else m[1]), body, flags=re.DOTALL)
