"""Secrets, from environment variables and a local file that is not part of the artifacts.

`REELHOUSE_SECRET__<SCOPE>__<KEY>` (upper case, other signs than letters and digits as `_`) beats the file, which is
TOML (`[scope]`, `key = "value"`) or JSON (`{"scope": {"key": "value"}}`), by its extension.

https://docs.databricks.com/aws/en/security/secrets/
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelhouse.errors import UserError, did_you_mean

_PREFIX = "REELHOUSE_SECRET__"


class Secrets:
    """Secret values by scope and key."""

    def __init__(
        self, values: Mapping[str, Mapping[str, str]] | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self._values = {scope: dict(keys) for scope, keys in (values or {}).items()}
        self._environment = os.environ if environment is None else environment

    @classmethod
    def load(cls, file: Path | None, environment: Mapping[str, str] | None = None) -> Secrets:
        """The secrets of a file (which may be absent) and the environment."""
        if file is None or not file.is_file():
            return cls({}, environment)
        try:
            text = file.read_text(encoding="utf-8")
            content = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
        except ValueError as error:
            raise UserError(f"The secrets file '{file}' is not readable: {error}") from error
        ok = isinstance(content, dict) and all(
            isinstance(keys, dict) and all(isinstance(v, str) for v in keys.values()) for keys in content.values()
        )
        if not ok:
            raise UserError(
                f"The secrets file '{file}' does not hold scopes of texts",
                remedy='Write {"scope": {"key": "value"}}, or the same as TOML.',
            )
        return cls(content, environment)

    def get(self, scope: str, key: str) -> str:
        """The value. Raises `UserError` naming both ways to set it."""
        variable = _PREFIX + _shout(scope) + "__" + _shout(key)
        if variable in self._environment:
            return self._environment[variable]
        if key in self._values.get(scope, {}):
            return self._values[scope][key]
        known = self.keys(scope) if scope in self.scopes() else self.scopes()
        raise UserError(
            f"Secret '{key}' of scope '{scope}' does not exist",
            remedy=f"{did_you_mean(key if scope in self.scopes() else scope, known)} "
            f"Set it in the secrets file, or as environment variable {variable}.",
        )

    def scopes(self) -> list[str]:
        return sorted({*self._values, *(scope for scope, _ in self._from_environment())})

    def keys(self, scope: str) -> list[str]:
        named = {key.lower() for key in self._values.get(scope, {})}
        extra = {k for s, k in self._from_environment() if s == scope and k not in {_shout(n).lower() for n in named}}
        return sorted({*self._values.get(scope, {}), *extra})

    def _from_environment(self) -> list[tuple[str, str]]:
        """Scopes and keys of the environment, spelled as in the file, or in lower case where it has none."""
        spelled = {_shout(scope): scope for scope in self._values}
        found = []
        for name in self._environment:
            scope, separator, key = name.removeprefix(_PREFIX).partition("__")
            if name.startswith(_PREFIX) and separator:
                found.append((spelled.get(scope, scope.lower()), key.lower()))
        return found


class Redactor:
    """Hides the secrets that were read, in any text."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def add(self, value: str) -> None:
        if value.strip():
            self._values.add(value)

    def json(self, value: Any) -> Any:
        """A JSON value with the secrets in its texts hidden."""
        if isinstance(value, dict):
            return {self(str(key)): self.json(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.json(item) for item in value]
        return self(value) if isinstance(value, str) else value

    def __call__(self, text: str) -> str:
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, "[REDACTED]")
        return text


def _shout(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", text).upper()
