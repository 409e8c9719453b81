"""Widgets: the parameters of a notebook.

https://docs.databricks.com/aws/en/notebooks/widgets
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from reelhouse.errors import UserError, did_you_mean


class InputWidgetNotDefined(UserError):
    """`get` of a widget that was neither declared nor passed as a parameter."""


class WidgetScope:
    """The widgets of one notebook. `passed` are values from outside; they beat the defaults of declarations."""

    def __init__(self, passed: Mapping[str, str], outer: WidgetScope | None = None) -> None:
        self.passed = dict(passed)
        self.declared: dict[str, str] = {}
        self.outer = outer

    def values(self) -> dict[str, str]:
        """Every value that `get` would give here."""
        outer = self.outer.values() if self.outer else {}
        return {**outer, **self.passed, **self.declared}

    def declare(self, name: str, default: str) -> None:
        """A declaration again keeps the present value."""
        if name not in self.declared:
            self.declared[name] = self.passed.get(name, default)


class Widgets:
    """The widgets in force: those of the notebook, and while a `%run` is inside another, that one's."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._scope = WidgetScope(parameters)

    @contextmanager
    def inside(self, passed: Mapping[str, str]) -> Iterator[None]:
        """The scope of a notebook that `%run` brings in: its own defaults hold unless a value is passed.

        Afterwards what it declared stays readable where no widget of that name was.
        """
        outer = self._scope
        self._scope = WidgetScope(passed, outer)
        try:
            yield
        finally:
            for name, value in self._scope.declared.items():
                outer.passed.setdefault(name, value)
            self._scope = outer

    def declare(self, kind: str, name: str, default: str, choices: Sequence[str] | None = None) -> None:
        """Declare a widget. Raises `UserError` for a default that the choices of a dropdown or multiselect lack."""
        for what, value in (("name", name), ("default value", default), *(("choice", c) for c in choices or ())):
            if not isinstance(value, str):
                raise UserError(
                    f"The {what} of {kind} widget '{name}' is {value!r}, and widgets hold text",
                    remedy="Use str(…), and convert what dbutils.widgets.get returns.",
                )
        if kind in ("dropdown", "multiselect") and default not in (choices or ()):
            raise UserError(
                f"The default '{default}' of {kind} widget '{name}' is not among its choices",
                remedy=did_you_mean(default, choices or ()),
            )
        self._scope.declare(name, default)

    def get(self, name: str) -> str:
        values = self._scope.values()
        if name not in values:
            raise InputWidgetNotDefined(
                f"InputWidgetNotDefined: no input widget named '{name}' is defined",
                remedy=f"{did_you_mean(name, values)} Declare it with dbutils.widgets.text('{name}', …) or pass it.",
            )
        return values[name]

    def values(self) -> dict[str, str]:
        return self._scope.values()

    def remove(self, name: str) -> None:
        if name not in self._scope.declared:
            raise InputWidgetNotDefined(
                f"InputWidgetNotDefined: no input widget named '{name}' is defined",
                remedy=did_you_mean(name, self._scope.declared),
            )
        del self._scope.declared[name]

    def remove_all(self) -> None:
        self._scope.declared.clear()
