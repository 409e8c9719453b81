"""URLs that mean others on this machine, so that artifacts keep those of Azure: [urls] of reelhouse.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reelhouse.adf.http import Exchange, HttpRequest, HttpSource
from reelhouse.errors import Place, UserError


def mapped(url: str, prefixes: Mapping[str, str]) -> str:
    """The URL, with the longest prefix that it begins with replaced. A prefix ends where a part of the path does.

    >>> mapped("https://app.azurewebsites.net/api/f?x=1", {"https://app.azurewebsites.net": "http://localhost:7071"})
    'http://localhost:7071/api/f?x=1'
    """
    for prefix in sorted(prefixes, key=len, reverse=True):
        start = prefix.rstrip("/")
        rest = url[len(start) :]
        if url[: len(start)].lower() == start.lower() and (not rest or rest[0] in "/?#"):
            return prefixes[prefix].rstrip("/") + rest
    return url


class MappedSource:
    """Sends what is for one place to another. Messages and records keep the URL of the artifact."""

    def __init__(self, prefixes: Mapping[str, str], otherwise: HttpSource) -> None:
        for name, value in prefixes.items():
            for url in (name, value):
                if not url.startswith(("http://", "https://")):
                    raise UserError(
                        f"[urls] maps URLs to URLs, and '{url}' is none", where=Place("reelhouse.toml", "urls")
                    )
        self._prefixes = dict(prefixes)
        self._otherwise = otherwise

    def open(self, request: HttpRequest) -> Exchange:
        return self._otherwise.open(replace(request, url=mapped(request.url, self._prefixes)))
