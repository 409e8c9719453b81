"""Secret values are not recorded: a mask stands where they stood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MASK = "***"


class Masker:
    """Replaces secret values in whatever is recorded."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()

    def add(self, secret: str) -> str:
        """Remember a secret; the same text comes back."""
        if secret:
            # A new set each time: other threads may be reading the one before.
            self._secrets |= {secret}
        return secret

    def __call__(self, value: Any) -> Any:
        """The value with every secret in its texts replaced."""
        if not self._secrets:
            return value
        if isinstance(value, str):
            for secret in sorted(self._secrets, key=len, reverse=True):
                value = value.replace(secret, MASK)
            return value
        if isinstance(value, Mapping):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self(item) for item in value]
        return value
