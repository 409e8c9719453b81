"""XPath 1.0 over a small DOM, as closures: the standard library knows only a corner of it.

https://www.w3.org/TR/1999/REC-xpath-19991116/
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.dom import Node as Kind
from xml.dom.minidom import Document


class XPathError(ValueError):
    """The path is not XPath 1.0, or uses what is not supported; the message says which."""


@dataclass(frozen=True)
class Context:
    node: Any
    position: int = 1
    size: int = 1


Value = Any
"""A list of nodes in document order, a float, a text or a boolean."""

Evaluation = Callable[[Context], Value]
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<text>\"[^\"]*\"|'[^']*')|(?P<sign>//|::|\.\.|<=|>=|!=|[()\[\].@,/|+\-=<>*$])"
    r"|(?P<name>[^\W\d][\w.-]*(?::(?!:)(?:[^\W\d][\w.-]*|\*))?))"
)
_AXES = (
    "ancestor", "ancestor-or-self", "attribute", "child", "descendant", "descendant-or-self", "following",
    "following-sibling", "parent", "preceding", "preceding-sibling", "self",
)  # fmt: skip
_NODE_TYPES = ("node", "text", "comment", "processing-instruction")


def select(document: Document, path: str) -> Value:
    """The value of a path on a document. Raises `XPathError`."""
    return _Parser(path).parse()(Context(document))


def text_of(node: Any) -> str:
    """The string value of a node."""
    if node.nodeType in (Kind.TEXT_NODE, Kind.CDATA_SECTION_NODE, Kind.COMMENT_NODE):
        return str(node.data)
    if node.nodeType == Kind.ATTRIBUTE_NODE:
        return str(node.value)
    return "".join(text_of(child) for child in node.childNodes if child.nodeType != Kind.COMMENT_NODE)


def to_text(value: Value) -> str:
    if isinstance(value, list):
        return text_of(value[0]) if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def to_number(value: Value) -> float:
    if isinstance(value, bool | float):
        return float(value)
    source = to_text(value).strip()
    return float(source) if re.fullmatch(r"-?(?:\d+(?:\.\d*)?|\.\d+)", source) else math.nan


def to_boolean(value: Value) -> bool:
    if isinstance(value, float):
        return value != 0 and not math.isnan(value)
    return bool(value)


def _compare(operator: str, left: Value, right: Value) -> bool:
    """Comparison, which for node sets asks whether any node fits."""
    if isinstance(left, list) and not isinstance(right, bool):
        return any(_compare(operator, text_of(node), right) for node in left)
    if isinstance(right, list) and not isinstance(left, bool):
        return any(_compare(operator, left, text_of(node)) for node in right)
    if operator in ("=", "!="):
        if isinstance(left, bool) or isinstance(right, bool):
            same = to_boolean(left) == to_boolean(right)
        elif isinstance(left, float) or isinstance(right, float):
            same = to_number(left) == to_number(right)
        else:
            same = left == right
        return same is (operator == "=")
    a, b = to_number(left), to_number(right)
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def _arithmetic(operator: str, a: float, b: float) -> float:
    if operator == "+":
        return a + b
    if operator == "-":
        return a - b
    if operator == "*":
        return a * b
    if b == 0:
        return math.nan if operator == "mod" or a == 0 or math.isnan(a) else math.copysign(math.inf, a)
    return a / b if operator == "div" else math.fmod(a, b)


def _axis(name: str, node: Any) -> Iterator[Any]:
    parent = node.ownerElement if node.nodeType == Kind.ATTRIBUTE_NODE else node.parentNode
    if name == "self":
        yield node
    elif name == "child":
        yield from _children(node)
    elif name == "parent":
        yield from [parent] if parent is not None else []
    elif name == "attribute":
        if node.nodeType == Kind.ELEMENT_NODE:
            yield from (item for item in node.attributes.values() if not item.name.startswith("xmlns"))
    elif name in ("descendant", "descendant-or-self"):
        if name == "descendant-or-self":
            yield node
        for child in _children(node):
            yield from _axis("descendant-or-self", child)
    elif name in ("ancestor", "ancestor-or-self"):
        if name == "ancestor-or-self":
            yield node
        if parent is not None:
            yield from _axis("ancestor-or-self", parent)
    elif name in ("following-sibling", "preceding-sibling"):
        if node.nodeType != Kind.ATTRIBUTE_NODE and parent is not None:
            siblings = list(_children(parent))
            index = siblings.index(node)
            yield from siblings[index + 1 :] if name == "following-sibling" else reversed(siblings[:index])
    elif name == "following":
        for ancestor in _axis("ancestor-or-self", node):
            for sibling in _axis("following-sibling", ancestor):
                yield from _axis("descendant-or-self", sibling)
    else:
        for ancestor in _axis("ancestor-or-self", node):
            for sibling in _axis("preceding-sibling", ancestor):
                yield from reversed(list(_axis("descendant-or-self", sibling)))


def _children(node: Any) -> Iterator[Any]:
    if node.nodeType == Kind.ATTRIBUTE_NODE:
        return iter(())
    return (child for child in node.childNodes if child.nodeType != Kind.DOCUMENT_TYPE_NODE)


def _in_order(nodes: list[Any]) -> list[Any]:
    """Distinct nodes in document order."""
    distinct = list({id(node): node for node in nodes}.values())
    if len(distinct) < 2:
        return distinct
    root = distinct[0] if distinct[0].nodeType == Kind.DOCUMENT_NODE else distinct[0].ownerDocument
    order: dict[int, int] = {}
    for node in _axis("descendant-or-self", root):
        order[id(node)] = len(order)
        for attribute in _axis("attribute", node):
            order[id(attribute)] = len(order)
    return sorted(distinct, key=lambda node: order.get(id(node), 0))


class _Parser:
    def __init__(self, path: str) -> None:
        self._path = path
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(path.rstrip()):
            match = _TOKEN.match(path, position)
            if not match:
                raise XPathError(f"the path is wrong at character {position + 1}: '{path[position:][:20]}'")
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            position = match.end()
        self._index = 0
        self._depth = 0

    def parse(self) -> Evaluation:
        result = self._or()
        if self._index < len(self._tokens):
            raise XPathError(f"the path should end before '{self._tokens[self._index][1]}'")
        return result

    def _peek(self, offset: int = 0) -> tuple[str, str]:
        index = self._index + offset
        return self._tokens[index] if index < len(self._tokens) else ("end", "")

    def _accept(self, *signs: str) -> str | None:
        kind, value = self._peek()
        if kind in ("sign", "name") and value in signs:
            self._index += 1
            return value
        return None

    def _expect(self, sign: str) -> None:
        if self._accept(sign) is None:
            raise XPathError(f"expected '{sign}' in the path, found '{self._peek()[1] or 'its end'}'")

    def _or(self) -> Evaluation:
        self._depth += 1
        if self._depth > 40:
            raise XPathError("the path is nested too deep")
        left = self._and()
        while self._accept("or"):
            left = _either(left, self._and())
        self._depth -= 1
        return left

    def _and(self) -> Evaluation:
        left = self._binary(0)
        while self._accept("and"):
            left = _both(left, self._binary(0))
        return left

    _LEVELS = (("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))

    def _binary(self, level: int) -> Evaluation:
        if level == len(self._LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while operator := self._accept(*self._LEVELS[level]):
            left = _operation(operator, left, self._binary(level + 1), compares=level < 2)
        return left

    def _unary(self) -> Evaluation:
        negative = False
        while self._accept("-"):
            negative = not negative
        value = self._union()
        return (lambda ctx: -to_number(value(ctx))) if negative else value

    def _union(self) -> Evaluation:
        parts = [self._path_expression()]
        while self._accept("|"):
            parts.append(self._path_expression())
        if len(parts) == 1:
            return parts[0]
        return lambda ctx: _in_order([node for part in parts for node in _nodes(part(ctx))])

    def _path_expression(self) -> Evaluation:
        kind, value = self._peek()
        call = kind == "name" and self._peek(1)[1] == "(" and value not in _NODE_TYPES
        if kind not in ("number", "text") and value != "(" and not call:
            return self._location()
        if kind == "number":
            self._index += 1
            number = float(value)
            return lambda ctx: number
        if kind == "text":
            self._index += 1
            return lambda ctx: value[1:-1]
        if self._accept("("):
            start = self._or()
            self._expect(")")
        else:
            start = self._call()
        predicates = self._predicates()
        if predicates:
            unfiltered = start
            start = lambda ctx: _filtered(_nodes(unfiltered(ctx)), predicates)  # noqa: E731
        if self._peek()[1] in ("/", "//"):
            return self._steps(start)
        return start

    def _location(self) -> Evaluation:
        if self._peek()[1] in ("/", "//"):
            root: Evaluation = lambda ctx: [  # noqa: E731
                ctx.node if ctx.node.nodeType == Kind.DOCUMENT_NODE else ctx.node.ownerDocument
            ]
            if self._peek()[1] == "/" and not self._starts_step(1):
                self._index += 1
                return root
            return self._steps(root)
        return self._steps(lambda ctx: [ctx.node], first=True)

    def _starts_step(self, offset: int) -> bool:
        kind, value = self._peek(offset)
        return kind == "name" or value in (".", "..", "@", "*")

    def _steps(self, start: Evaluation, *, first: bool = False) -> Evaluation:
        steps: list[Callable[[Any], list[Any]]] = []
        while True:
            if not first:
                sign = self._accept("/", "//")
                if sign is None:
                    break
                if sign == "//":
                    steps.append(lambda node: list(_axis("descendant-or-self", node)))
            first = False
            steps.append(self._step())

        def run(ctx: Context) -> Value:
            nodes = _nodes(start(ctx))
            for step in steps:
                nodes = _in_order([found for node in nodes for found in step(node)])
            return nodes

        return run

    def _step(self) -> Callable[[Any], list[Any]]:
        if self._accept("."):
            return lambda node: [node]
        if self._accept(".."):
            return lambda node: list(_axis("parent", node))
        axis = "child"
        if self._accept("@"):
            axis = "attribute"
        elif self._peek(1)[1] == "::":
            axis = self._peek()[1]
            if axis not in _AXES:
                raise XPathError(f"'{axis}' is no axis that is supported")
            self._index += 2
        test = self._node_test(axis)
        predicates = self._predicates()

        def run(node: Any) -> list[Any]:
            return _filtered([found for found in _axis(axis, node) if test(found)], predicates)

        return run

    def _node_test(self, axis: str) -> Callable[[Any], bool]:
        kind, value = self._peek()
        principal = Kind.ATTRIBUTE_NODE if axis == "attribute" else Kind.ELEMENT_NODE
        self._index += 1
        if value == "*":
            return lambda node: node.nodeType == principal
        if kind != "name":
            raise XPathError(f"expected the name of a node in the path, found '{value or 'its end'}'")
        if value in _NODE_TYPES and self._accept("("):
            self._expect(")")
            kinds = {
                "text": (Kind.TEXT_NODE, Kind.CDATA_SECTION_NODE),
                "comment": (Kind.COMMENT_NODE,),
                "processing-instruction": (Kind.PROCESSING_INSTRUCTION_NODE,),
            }
            return lambda node: value == "node" or node.nodeType in kinds[value]
        if ":" in value:
            raise XPathError(f"the prefix of '{value}' is not declared; use local-name() and namespace-uri()")
        return lambda node: (
            node.nodeType == principal and (node.localName or node.nodeName) == value and not node.namespaceURI
        )

    def _predicates(self) -> list[Evaluation]:
        result = []
        while self._accept("["):
            result.append(self._or())
            self._expect("]")
        return result

    def _call(self) -> Evaluation:
        name = self._peek()[1]
        self._index += 2
        arguments: list[Evaluation] = []
        if not self._accept(")"):
            while True:
                arguments.append(self._or())
                if self._accept(")"):
                    break
                self._expect(",")
        if name not in _FUNCTIONS:
            raise XPathError(f"XPath has no function '{name}' here; known: {', '.join(sorted(_FUNCTIONS))}")
        least, most, function = _FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise XPathError(f"the XPath function {name}() takes {least} to {most} arguments, not {len(arguments)}")
        return lambda ctx: function(ctx, *[argument(ctx) for argument in arguments])


def _either(left: Evaluation, right: Evaluation) -> Evaluation:
    return lambda ctx: to_boolean(left(ctx)) or to_boolean(right(ctx))


def _both(left: Evaluation, right: Evaluation) -> Evaluation:
    return lambda ctx: to_boolean(left(ctx)) and to_boolean(right(ctx))


def _operation(operator: str, left: Evaluation, right: Evaluation, *, compares: bool) -> Evaluation:
    if compares:
        return lambda ctx: _compare(operator, left(ctx), right(ctx))
    return lambda ctx: _arithmetic(operator, to_number(left(ctx)), to_number(right(ctx)))


def _nodes(value: Value) -> list[Any]:
    if not isinstance(value, list):
        raise XPathError("a path continues behind a value that is no set of nodes")
    return value


def _filtered(nodes: list[Any], predicates: list[Evaluation]) -> list[Any]:
    for predicate in predicates:
        kept = []
        for index, node in enumerate(nodes, 1):
            value = predicate(Context(node, index, len(nodes)))
            if value == index if isinstance(value, float) else to_boolean(value):
                kept.append(node)
        nodes = kept
    return nodes


def _subject(ctx: Context, given: tuple[Value, ...]) -> Any:
    nodes = _nodes(given[0]) if given else [ctx.node]
    return nodes[0] if nodes else None


def _local_name(ctx: Context, *given: Value) -> str:
    node = _subject(ctx, given)
    return (
        ""
        if node is None or node.nodeType not in (Kind.ELEMENT_NODE, Kind.ATTRIBUTE_NODE)
        else node.localName or node.nodeName
    )


def _full_name(ctx: Context, *given: Value) -> str:
    node = _subject(ctx, given)
    return "" if node is None or node.nodeType not in (Kind.ELEMENT_NODE, Kind.ATTRIBUTE_NODE) else str(node.nodeName)


def _namespace(ctx: Context, *given: Value) -> str:
    node = _subject(ctx, given)
    return "" if node is None else node.namespaceURI or ""


def _string(ctx: Context, *given: Value) -> str:
    return to_text(given[0]) if given else text_of(ctx.node)


def _round(value: float) -> float:
    return value if math.isnan(value) or math.isinf(value) else float(math.floor(value + 0.5))


def _substring(ctx: Context, value: Value, start: Value, length: Value = math.inf) -> str:
    first = _round(to_number(start))
    end = first + _round(to_number(length))
    return "".join(char for index, char in enumerate(to_text(value), 1) if first <= index < end)


def _translate(ctx: Context, value: Value, old: Value, new: Value) -> str:
    table: dict[int, str | None] = {}
    target = to_text(new)
    for index, char in enumerate(to_text(old)):
        table.setdefault(ord(char), target[index] if index < len(target) else None)
    return to_text(value).translate(table)


_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Value]]] = {
    "last": (0, 0, lambda ctx: float(ctx.size)),
    "position": (0, 0, lambda ctx: float(ctx.position)),
    "count": (1, 1, lambda ctx, nodes: float(len(_nodes(nodes)))),
    "name": (0, 1, _full_name),
    "local-name": (0, 1, _local_name),
    "namespace-uri": (0, 1, _namespace),
    "string": (0, 1, _string),
    "concat": (2, 99, lambda ctx, *values: "".join(map(to_text, values))),
    "starts-with": (2, 2, lambda ctx, value, start: to_text(value).startswith(to_text(start))),
    "contains": (2, 2, lambda ctx, value, part: to_text(part) in to_text(value)),
    "substring-before": (
        2,
        2,
        lambda ctx, v, p: to_text(v).partition(to_text(p))[0] if to_text(p) in to_text(v) else "",
    ),
    "substring-after": (2, 2, lambda ctx, v, p: to_text(v).partition(to_text(p))[2] if to_text(p) else to_text(v)),
    "substring": (2, 3, _substring),
    "string-length": (0, 1, lambda ctx, *given: float(len(_string(ctx, *given)))),
    "normalize-space": (0, 1, lambda ctx, *given: " ".join(_string(ctx, *given).split())),
    "translate": (3, 3, _translate),
    "boolean": (1, 1, lambda ctx, value: to_boolean(value)),
    "not": (1, 1, lambda ctx, value: not to_boolean(value)),
    "true": (0, 0, lambda ctx: True),
    "false": (0, 0, lambda ctx: False),
    "number": (0, 1, lambda ctx, *given: to_number(given[0] if given else [ctx.node])),
    "sum": (1, 1, lambda ctx, nodes: sum((to_number(text_of(node)) for node in _nodes(nodes)), 0.0)),
    "floor": (1, 1, lambda ctx, value: float(math.floor(to_number(value)))),
    "ceiling": (1, 1, lambda ctx, value: float(math.ceil(to_number(value)))),
    "round": (1, 1, lambda ctx, value: _round(to_number(value))),
}
