"""Writes the tree of a data flow script as text again; reading the text gives the same tree."""

from __future__ import annotations

import re

from reelhouse.adf.dataflow.parse import LEVELS
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

_SIMPLE = re.compile(r"[^\W\d]\w*")
_SUFFIXES = {"long": "L", "short": "S", "byte": "B", "float": "f", "double": "d"}
_RESERVED = ("true", "false", "null", "as", "parameters")


def render_script(script: Script) -> str:
    """The text of a script, one statement a line."""
    lines = [render(item) for item in script.transformations]
    if script.parameters:
        lines.insert(0, f"parameters{{{', '.join(render(item) for item in script.parameters)}}}")
    return "\n".join(lines)


def render(node: Node) -> str:
    """The text of a node."""
    if isinstance(node, Binary):
        return _binary(node)
    if isinstance(node, Unary):
        return f"{node.operator}{_tight(node.operand)}"
    if isinstance(node, Transformation):
        inputs = ", ".join("@".join(_name(part) for part in item.split("@")) for item in node.inputs)
        outputs = f"@({', '.join(_name(item) for item in node.outputs)})" if node.outputs else ""
        before = f"{inputs} " if inputs else ""
        return f"{before}{node.kind}({_list(node.arguments)}) ~> {_name(node.name)}{outputs}"
    return _leaf(node)


def _leaf(node: Node) -> str:
    match node:
        case Literal():
            return _literal(node)
        case Column():
            return "@".join([*(_name(part) for part in node.stream.split("@") if part), _name(node.name)])
        case Parameter():
            return f"${node.name}"
        case This():
            return "$$"
        case Item():
            return f"#{node.name}"
        case Local():
            return f":{node.name}"
        case Call():
            return f"{node.of}{'#' if node.of else ''}{node.name}({_list(node.arguments)})"
        case Index():
            return f"{_tight(node.base)}[{render(node.index)}]"
        case Field():
            return f"{_tight(node.base)}.{_name(node.name)}"
        case Cast():
            return f"({_tight(node.base)} ? {_type(node.type)})"
        case Array():
            return f"[{_list(node.items)}]"
        case Map():
            return f"[{', '.join(f'{render(key)} -> {render(value)}' for key, value in node.pairs)}]"
        case Struct():
            return f"@({_list(node.parts)})"
        case Interpolated():
            return _interpolated(node)
        case Assign():
            return f"{render(node.target)} = {render(node.value)}"
        case Option():
            return f"{node.name}: {render(node.value)}"
        case Typed():
            default = f" ({render(node.default)})" if node.default is not None else ""
            return f"{_name(node.name)} as {_type(node.type)}{default}"
        case Type():
            return _type(node)
    raise AssertionError(node)


def _binary(node: Binary) -> str:
    level = next(number for number, signs in enumerate(LEVELS) if node.operator in signs)
    left = render(node.left)
    if isinstance(node.left, Binary) and _level(node.left) < level:
        left = f"({left})"
    right = render(node.right)
    if isinstance(node.right, Binary) and _level(node.right) <= level:
        right = f"({right})"
    return f"{left} {node.operator} {right}"


def _level(node: Binary) -> int:
    return next(number for number, signs in enumerate(LEVELS) if node.operator in signs)


def _tight(node: Node) -> str:
    text = render(node)
    return f"({text})" if isinstance(node, Binary | Unary) else text


def _list(nodes: tuple[Node, ...]) -> str:
    return ", ".join(render(node) for node in nodes)


def _name(name: str) -> str:
    if _SIMPLE.fullmatch(name) and name.lower() not in _RESERVED:
        return name
    escaped = name.replace("\\", "\\\\").replace("}", "\\}")
    return f"{{{escaped}}}"


def _literal(node: Literal) -> str:
    if node.kind == "null":
        return "null"
    if node.kind == "boolean":
        return "true" if node.value else "false"
    if node.kind == "regex":
        return f"`{node.value}`"
    if node.kind == "octal":
        return f"0{node.value:o}"
    if node.kind == "string":
        return f"'{_escaped(str(node.value), chr(39))}'"
    return f"{node.value!r}{_SUFFIXES.get(node.kind, '')}"


def _escaped(text: str, quote: str) -> str:
    for char, written in (("\\", "\\\\"), (quote, f"\\{quote}"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        text = text.replace(char, written)
    return text


def _interpolated(node: Interpolated) -> str:
    parts = [
        _escaped(part, '"').replace("{", "\\{").replace("}", "\\}") if isinstance(part, str) else f"{{{render(part)}}}"
        for part in node.parts
    ]
    return f'"{"".join(parts)}"'


def _type(node: Type) -> str:
    if node.name == "complex":
        return f"({_list(node.parts)})"
    if node.name == "array":
        return f"{_type(node.items[0])}[]"
    if node.name == "map":
        return f"[{_type(node.items[0])},{_type(node.items[1])}]"
    numbers = f"({','.join(str(number) for number in node.numbers)})" if node.numbers else ""
    return f"{node.name}{numbers}" + (f" '{_escaped(node.format, chr(39))}'" if node.format else "")
