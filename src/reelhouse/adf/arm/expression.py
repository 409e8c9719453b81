"""The expressions of ARM templates, as far as exports of Data Factory use them. Pure.

https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from reelhouse.errors import Place, Unsupported, UserError, did_you_mean

_TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d+)|([A-Za-z_]\w*)|([()\[\],.]))")


class Template:
    """What expressions may ask for: values of parameters and variables. `missing` are parameters without a value."""

    def __init__(
        self, parameters: Mapping[str, Any], variables: Mapping[str, Any], declared: Mapping[str, Any]
    ) -> None:
        self._parameters = {name.lower(): value for name, value in parameters.items()}
        self._variables = {name.lower(): value for name, value in variables.items()}
        self._declared = {name.lower(): name for name in declared}
        self.missing: dict[str, Place] = {}

    def value(self, raw: Any, place: Place) -> Any:
        """A JSON value of the template with all expressions in it evaluated.

        Raises `UserError` for an expression that cannot be read, `Unsupported` for a function that is not known here.
        """
        if isinstance(raw, str):
            if not raw.startswith("[") or not raw.endswith("]"):
                return raw
            return raw[1:] if raw.startswith("[[") else _Reader(raw[1:-1], self, place).read()
        if isinstance(raw, Mapping):
            return {key: self.value(item, place.at(key)) for key, item in raw.items()}
        if isinstance(raw, list):
            return [self.value(item, place.at(index)) for index, item in enumerate(raw)]
        return raw

    def parameter(self, name: str, place: Place) -> Any:
        if name.lower() in self._parameters:
            return self._parameters[name.lower()]
        if name.lower() not in self._declared:
            raise UserError(
                f"The template has no parameter '{name}'",
                where=place,
                remedy=did_you_mean(name, list(self._declared.values())),
            )
        self.missing.setdefault(self._declared[name.lower()], place)
        return ""

    def variable(self, name: str, place: Place) -> Any:
        if name.lower() not in self._variables:
            raise UserError(f"The template has no variable '{name}'", where=place)
        return self.value(self._variables[name.lower()], place)


class _Reader:
    """Reads and evaluates one expression."""

    def __init__(self, text: str, template: Template, place: Place) -> None:
        self._text = text
        self._template = template
        self._place = place
        self._tokens = self._split(text)
        self._at = 0

    def read(self) -> Any:
        value = self._term()
        if self._at < len(self._tokens):
            raise self._wrong()
        return value

    def _split(self, text: str) -> list[tuple[str, Any]]:
        tokens: list[tuple[str, Any]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._wrong()
            literal, number, word, symbol = match.groups()
            if literal is not None:
                tokens.append(("text", literal.replace("''", "'")))
            elif number is not None:
                tokens.append(("number", int(number)))
            else:
                tokens.append(("word", word) if word else ("symbol", symbol))
            position = match.end()
        return tokens

    def _wrong(self) -> UserError:
        return UserError(f"The template's expression [{self._text}] cannot be read", where=self._place)

    def _next(self) -> tuple[str, Any]:
        if self._at >= len(self._tokens):
            raise self._wrong()
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, symbol: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("symbol", symbol):
            self._at += 1
            return True
        return False

    def _term(self) -> Any:
        kind, value = self._next()
        if kind == "word":
            value = self._call(value)
        elif kind == "symbol":
            raise self._wrong()
        while True:
            if self._accept("."):
                value = self._member(value, self._next()[1])
            elif self._accept("["):
                value = self._member(value, self._term())
                if not self._accept("]"):
                    raise self._wrong()
            else:
                return value

    def _member(self, value: Any, key: Any) -> Any:
        try:
            return value[key]
        except (KeyError, IndexError, TypeError):
            raise UserError(f"The template's expression [{self._text}] finds no '{key}'", where=self._place) from None

    def _call(self, name: str) -> Any:
        if name in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[name]
        if not self._accept("("):
            raise self._wrong()
        arguments: list[Any] = []
        while not self._accept(")"):
            if arguments and not self._accept(","):
                raise self._wrong()
            arguments.append(self._term())
        if name.lower() == "parameters":
            return self._template.parameter(str(arguments[0]), self._place)
        if name.lower() == "variables":
            return self._template.variable(str(arguments[0]), self._place)
        function = _FUNCTIONS.get(name.lower())
        if function is None:
            raise Unsupported(
                f"The template function '{name}' is not supported",
                where=self._place,
                remedy=f"Supported: parameters, variables, {', '.join(sorted(_FUNCTIONS))}.",
            )
        try:
            return function(*arguments)
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise UserError(
                f"The template's expression [{self._text}] cannot be evaluated: {error}", where=self._place
            ) from None


def _concat(*parts: Any) -> Any:
    if parts and all(isinstance(part, list) for part in parts):
        return [item for part in parts for item in part]
    return "".join(str(part) for part in parts)


def _resource_id(*parts: Any) -> str:
    kind, *names = [str(part) for part in parts if "/" in str(part) or part is not parts[0]]
    return f"/{kind}/{'/'.join(names)}"


def _format(template: str, *values: Any) -> str:
    return re.sub(r"\{(\d+)\}", lambda match: str(values[int(match[1])]), template)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "concat": _concat,
    "format": _format,
    "resourceid": _resource_id,
    "tolower": lambda text: str(text).lower(),
    "toupper": lambda text: str(text).upper(),
    "string": str,
    "int": int,
    "bool": lambda value: str(value).lower() == "true",
    "replace": lambda text, old, new: str(text).replace(old, new),
    "if": lambda condition, then, otherwise: then if condition else otherwise,
    "equals": lambda one, other: one == other,
    "createarray": lambda *items: list(items),
}
