"""Reads a data flow script by recursive descent.

https://learn.microsoft.com/azure/data-factory/data-flow-script and
https://learn.microsoft.com/azure/data-factory/concepts-data-flow-expression-builder
"""

from __future__ import annotations

from reelhouse.adf.dataflow.syntax import (
    Array,
    Assign,
    Binary,
    Call,
    Cast,
    Column,
    Field,
    Index,
    Interpolated,
    Item,
    Literal,
    Local,
    Map,
    Node,
    Option,
    Parameter,
    Script,
    Struct,
    This,
    Transformation,
    Type,
    Typed,
    Unary,
)
from reelhouse.adf.dataflow.tokens import ScriptError, Token, tokenise

LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!=", "===", "<=>"),
    ("<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "/", "%"),
)
"""Binary operators from the loosest to the tightest."""
PRIMITIVES = frozenset(
    ("string", "boolean", "byte", "short", "integer", "long", "float", "double", "decimal", "date", "timestamp",
     "binary", "any")
)  # fmt: skip
_WORDS = {"true": True, "false": False}


def parse_script(text: str) -> Script:
    """The tree of a script. Raises `ScriptError` with the line."""
    return _Parser(tokenise(text)).script()


def parse_expression(text: str, line: int = 1) -> Node:
    """The tree of one expression. Raises `ScriptError`."""
    parser = _Parser(tokenise(text, line))
    node = parser.expression()
    parser.finish()
    return node


def parse_type(text: str) -> Type:
    """The tree of a type. Raises `ScriptError`."""
    parser = _Parser(tokenise(text))
    node = parser.type()
    parser.finish()
    return node


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _ahead(self, count: int = 1) -> Token:
        return self._tokens[min(self._at + count, len(self._tokens) - 1)]

    def _next(self) -> Token:
        token = self._token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _is(self, *signs: str) -> bool:
        return self._token.kind == "sign" and self._token.text in signs

    def _accept(self, sign: str) -> bool:
        if self._is(sign):
            self._next()
            return True
        return False

    def _expect(self, sign: str, after: str) -> Token:
        if not self._is(sign):
            raise self._wrong(f"'{sign}' is missing {after}")
        return self._next()

    def _wrong(self, what: str) -> ScriptError:
        token = self._token
        found = "the script ends here" if token.kind == "end" else f"there is {token.text}"
        return ScriptError(f"{what}, {found}", token.line)

    def finish(self) -> None:
        if self._token.kind != "end":
            raise self._wrong("The expression is over")

    # Statements

    def script(self) -> Script:
        parameters: tuple[Typed, ...] = ()
        if self._token.text == "parameters" and self._ahead().text == "{":
            self._next()
            self._next()
            parameters = self._parameters()
        statements: list[Transformation] = []
        while self._token.kind != "end":
            statements.append(self._statement())
        return Script(parameters, tuple(statements), line=1)

    def _parameters(self) -> tuple[Typed, ...]:
        found: list[Typed] = []
        while not self._is("}"):
            found.append(self._typed())
            if not self._accept(","):
                break
        self._expect("}", "after the parameters")
        return tuple(found)

    def _statement(self) -> Transformation:
        line = self._token.line
        inputs = [self._stream()]
        while self._accept(","):
            inputs.append(self._stream())
        if self._is("("):
            kind = inputs.pop()  # a source has no inputs
        else:
            kind = self._name("the kind of a transformation")
        arguments = self._arguments(f"of {kind}")
        self._expect("~>", f"after {kind}(…)")
        name = self._name("the name of a stream")
        outputs: list[str] = []
        if self._is("@"):
            self._next()
            self._expect("(", "before the streams of a split")
            outputs.append(self._name("the name of a stream"))
            while self._accept(","):
                outputs.append(self._name("the name of a stream"))
            self._expect(")", "after the streams of a split")
        return Transformation(name, kind, tuple(inputs), arguments, tuple(outputs), line=line)

    def _stream(self) -> str:
        name = self._name("the name of a stream or a transformation")
        while self._is("@"):
            self._next()
            name = f"{name}@{self._name('the name of a stream')}"
        return name

    def _name(self, what: str) -> str:
        if self._token.kind not in ("name", "braced"):
            raise self._wrong(f"{what[0].upper()}{what[1:]} is missing")
        return str(self._next().value)

    def _arguments(self, of: str) -> tuple[Node, ...]:
        self._expect("(", f"before the arguments {of}")
        found: list[Node] = []
        while not self._is(")"):
            found.append(self.argument())
            if not self._accept(","):
                break
        self._expect(")", f"after the arguments {of}")
        return tuple(found)

    def argument(self) -> Node:
        token, following = self._token, self._ahead()
        if token.kind in ("name", "braced"):
            if following.kind == "name" and following.text == "as":
                return self._typed()
            if token.kind == "name" and following.kind == "sign" and following.text == ":":
                self._next()
                self._next()
                return Option(token.text, self.expression(), line=token.line)
        node = self.expression()
        if self._accept("="):
            return Assign(node, self.expression(), line=token.line)
        return node

    def _typed(self) -> Typed:
        line = self._token.line
        name = self._name("the name of a column")
        if self._token.text != "as":
            raise self._wrong(f"'as' is missing after {name}")
        self._next()
        kind = self.type()
        default = None
        if self._is("("):
            self._next()
            default = self.expression()
            self._expect(")", "after a default")
        return Typed(name, kind, default, line=line)

    def type(self) -> Type:
        line = self._token.line
        if self._accept("("):
            parts: list[Typed] = []
            while not self._is(")"):
                parts.append(self._typed())
                if not self._accept(","):
                    break
            self._expect(")", "after a complex type")
            found = Type("complex", parts=tuple(parts), line=line)
        elif self._accept("["):
            key = self.type()
            self._expect(",", "between the types of a map")
            found = Type("map", items=(key, self.type()), line=line)
            self._expect("]", "after the types of a map")
        else:
            found = self._primitive()
        while self._is("[") and self._ahead().text == "]":
            self._next()
            self._next()
            found = Type("array", items=(found,), line=line)
        return found

    def _primitive(self) -> Type:
        line = self._token.line
        name = self._name("a type")
        if name not in PRIMITIVES:
            raise ScriptError(f"'{name}' is no type", line, remedy=f"Known: {', '.join(sorted(PRIMITIVES))}.")
        numbers: list[int] = []
        if name == "decimal" and self._is("("):
            self._next()
            while self._token.kind == "number":
                numbers.append(int(self._next().value[0]))
                if not self._accept(","):
                    break
            self._expect(")", "after the size of a decimal")
        format = str(self._next().value) if self._token.kind == "string" else ""
        return Type(name, tuple(numbers), format=format, line=line)

    # Expressions

    def expression(self, level: int = 0) -> Node:
        if level == len(LEVELS):
            return self._unary()
        node = self.expression(level + 1)
        while self._is(*LEVELS[level]):
            token = self._next()
            node = Binary(token.text, node, self.expression(level + 1), line=token.line)
        return node

    def _unary(self) -> Node:
        if self._is("!", "-", "~"):
            token = self._next()
            return Unary(token.text, self._unary(), line=token.line)
        return self._postfix(self._primary())

    def _postfix(self, node: Node) -> Node:
        while True:
            line = self._token.line
            if self._accept("["):
                node = Index(node, self.expression(), line=line)
                self._expect("]", "after an index")
            elif self._accept("."):
                node = Field(node, self._name("the name of a field"), line=line)
            elif self._accept("?"):
                node = Cast(node, self.type(), line=line)
            else:
                return node

    def _primary(self) -> Node:
        token = self._next()
        line = token.line
        if token.kind == "string":
            return Literal(token.value, "string", line=line)
        if token.kind == "regex":
            return Literal(token.value, "regex", line=line)
        if token.kind == "number":
            return Literal(token.value[0], token.value[1], line=line)
        if token.kind == "template":
            return self._interpolated(token)
        if token.kind == "braced":
            return self._column(token)
        if token.kind == "name":
            return self._named(token)
        if token.kind == "sign":
            node = self._signed(token)
            if node is not None:
                return node
        self._at -= token.kind != "end"
        raise self._wrong("An expression is missing")

    def _interpolated(self, token: Token) -> Node:
        parts: list[str | Node] = []
        for part in token.value:
            if isinstance(part, str):
                parts.append(part)
                continue
            text, line = part
            try:
                parts.append(parse_expression(text, line))
            except ScriptError:
                if not text.replace(" ", "").isidentifier():
                    raise
                parts.append(Column(text, line=line))
        return Interpolated(tuple(parts), line=token.line)

    def _named(self, token: Token) -> Node:
        if self._is("("):
            return Call(token.text, self._arguments(f"of {token.text}"), line=token.line)
        if token.text in _WORDS:
            return Literal(_WORDS[token.text], "boolean", line=token.line)
        if token.text.lower() == "null":
            return Literal(None, "null", line=token.line)
        if self._is("#") and self._ahead().kind == "name" and self._ahead(2).text == "(":
            self._next()
            name = self._next().text
            return Call(name, self._arguments(f"of {name}"), of=token.text, line=token.line)
        return self._column(token)

    def _column(self, token: Token) -> Node:
        names = [str(token.value)]
        while self._is("@") and self._ahead().kind in ("name", "braced"):
            self._next()
            names.append(str(self._next().value))
        return Column(names[-1], "@".join(names[:-1]), line=token.line)

    def _signed(self, token: Token) -> Node | None:
        line = token.line
        if token.text == "(":
            node = self.expression()
            self._expect(")", "after an expression")
            return node
        if token.text == "[":
            return self._list(line)
        if token.text == "$$":
            return This(line=line)
        if token.text == "$" and self._token.kind in ("name", "number"):
            return Parameter(self._next().text, line=line)
        if token.text == "#" and self._token.kind == "name":
            return Item(self._next().text, line=line)
        if token.text == ":" and self._token.kind == "name":
            return Local(self._next().text, line=line)
        if token.text == "@" and self._is("("):
            return Struct(self._arguments("of a structure"), line=line)
        return None

    def _list(self, line: int) -> Node:
        items: list[Node] = []
        pairs: list[tuple[Node, Node]] = []
        while not self._is("]"):
            item = self.expression()
            if self._accept("->"):
                pairs.append((item, self.expression()))
            else:
                items.append(item)
            if not self._accept(","):
                break
        self._expect("]", "after a list")
        if pairs and items:
            raise ScriptError("A list has either items or pairs with '->'", line)
        return Map(tuple(pairs), line=line) if pairs else Array(tuple(items), line=line)
