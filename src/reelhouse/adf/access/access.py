"""What a request needs to be let in, whatever kind of authentication gives it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelhouse.adf.http import Certificate, Digest
from reelhouse.errors import Place

SecretReader = Callable[[Any, Place], str]
"""The text of a secret that a JSON value names. It is masked in all records from then on."""


@dataclass(frozen=True)
class Access:
    """`headers` are made anew for each request, for a token may be over. `login` is what the connection shows."""

    headers: Callable[[], Mapping[str, str]] = field(default=dict)
    login: Digest | Certificate | None = None

    def with_headers(self, more: Mapping[str, str]) -> Access:
        """The same with constant headers on top."""
        if not more:
            return self
        own = self.headers
        return Access(lambda: {**own(), **more}, self.login)


def basic(user: str, password: str, mask: Callable[[str], str]) -> Access:
    """Basic authentication. `mask` takes down the header's secret part, which is the password in other letters."""
    pair = mask(base64.b64encode(f"{user}:{password}".encode()).decode("ascii"))
    return Access(lambda: {"Authorization": f"Basic {pair}"})
