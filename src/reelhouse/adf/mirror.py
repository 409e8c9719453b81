"""HTTP sources answered from a folder, so that the platform runs without a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

from reelhouse.adf.http import CHUNK, Exchange, HttpAnswer, HttpRequest, HttpSource
from reelhouse.errors import UserError


@dataclass(frozen=True)
class Mirror:
    """URLs under `prefix` lie in `folder` by the rest of their path; without a prefix all do, by their last part."""

    folder: Path
    prefix: str | None = None

    @classmethod
    def parse(cls, text: str) -> Mirror:
        """Read `URL_PREFIX=FOLDER` or `FOLDER`. Raises `UserError` when there is no such folder.

        A URL may itself hold `=`, so the last one that leaves a folder is the sign.
        """
        prefix: str | None = None
        folder = text
        if text.startswith(("http://", "https://")):
            prefix, sign, folder = text.rpartition("=")
            if not sign:
                raise UserError(f"The mirror '{text}' has no folder", remedy="Write URL_PREFIX=FOLDER.")
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise UserError(f"The mirror's folder '{folder}' does not exist")
        return cls(path.absolute(), prefix)

    def path_of(self, url: str) -> Path | None:
        """Where a URL would lie; None when it is not under the prefix."""
        if self.prefix is None:
            return self.folder / (unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2] or "_")
        prefix = self.prefix.rstrip("/")
        if url != prefix and not url.startswith((prefix + "/", prefix + "?")):
            return None
        rest = unquote(urlsplit(url[len(prefix) :]).path).strip("/")
        path = (self.folder / rest).resolve()
        return path if path.is_relative_to(self.folder.resolve()) else self.folder / "_outside_of_the_folder"


class MirroredSource:
    """Answers from mirrors, the first that knows a URL wins; what none knows goes to `otherwise`."""

    def __init__(self, mirrors: Sequence[Mirror], otherwise: HttpSource) -> None:
        self._mirrors = tuple(mirrors)
        self._otherwise = otherwise

    def open(self, request: HttpRequest) -> Exchange:
        for mirror in self._mirrors:
            path = mirror.path_of(request.url)
            if path is not None:
                return _FolderExchange(mirror.folder, path)
        return self._otherwise.open(request)


class _FolderExchange:
    def __init__(self, folder: Path, path: Path) -> None:
        self._folder = folder
        self._path = path

    def __enter__(self) -> HttpAnswer:
        if not self._path.is_file():
            there = sorted(p.relative_to(self._folder).as_posix() for p in self._folder.rglob("*") if p.is_file())
            listed = ", ".join(there[:20]) + (", …" if len(there) > 20 else "")
            text = f"the mirror {self._folder} has no {self._path.name}; it has {listed or 'no files'}".encode()
            return HttpAnswer(404, {"content-type": "text/plain; charset=utf-8"}, len(text), iter([text]))
        status = self._path.stat()
        headers = {"content-length": str(status.st_size), "last-modified": formatdate(status.st_mtime, usegmt=True)}
        return HttpAnswer(200, headers, status.st_size, self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
