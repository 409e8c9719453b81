"""Addresses of the lake, as artifacts write them, taken apart.

https://learn.microsoft.com/azure/databricks/files/ and
https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-introduction-abfs-uri
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reelhouse.errors import UserError

_CONTAINER = re.compile(
    r"^(?P<scheme>abfss?|wasbs?)://(?P<container>[^@/]+)@(?P<account>[^./]+)\.(?:dfs|blob)\.[^/]+(?P<path>/.*)?$",
    re.DOTALL,
)
_HTTPS = re.compile(
    r"^https?://(?P<account>[^./]+)\.(?:dfs|blob)\.core\.[^/]+/(?P<container>[^/]+)(?P<path>/.*)?$", re.DOTALL
)


@dataclass(frozen=True)
class ContainerPath:
    """A path in a container of a storage account; `path` has no leading or trailing slash."""

    account: str
    container: str
    path: str

    def __str__(self) -> str:
        return f"abfss://{self.container}@{self.account}.dfs.core.windows.net/{self.path}"


@dataclass(frozen=True)
class WorkspacePath:
    """A path of the Databricks file system: `root` is `dbfs`, `Volumes`, `mnt` or `Workspace`; `path` follows it."""

    root: str
    path: str

    def __str__(self) -> str:
        return f"dbfs:/{self.path}" if self.root == "dbfs" else f"/{self.root}/{self.path}"


@dataclass(frozen=True)
class LocalPath:
    """A path of this machine."""

    path: str

    def __str__(self) -> str:
        return self.path


Address = ContainerPath | WorkspacePath | LocalPath


def parse(url: str) -> Address:
    """Take an address apart.

    >>> parse("abfss://raw@cmnetflixprojectdl.dfs.core.windows.net/_config/a.json")
    ContainerPath(account='cmnetflixprojectdl', container='raw', path='_config/a.json')
    >>> parse("dbfs:/Volumes/netflix/bronze/x/")
    WorkspacePath(root='Volumes', path='netflix/bronze/x')

    Raises `UserError` for a scheme that is none of abfss, abfs, wasbs, wasb, https (of a storage account), dbfs, file.
    """
    match = _CONTAINER.match(url) or _HTTPS.match(url)
    if match:
        return ContainerPath(match["account"], match["container"], (match["path"] or "").strip("/"))
    rest = url
    for prefix in ("dbfs:", "file:"):
        if url.startswith(prefix):
            rest = "/" + url[len(prefix) :].lstrip("/")
            if prefix == "file:":
                return LocalPath(rest)
            break
    else:
        if "://" in url:
            raise UserError(
                f"'{url}' is not an address of the lake",
                remedy="Use abfss://container@account.dfs.core.windows.net/path, dbfs:/, /Volumes/, /mnt/ or a path.",
            )
    for root in ("Volumes", "mnt", "Workspace"):
        if rest == f"/{root}" or rest.startswith(f"/{root}/"):
            return WorkspacePath(root, rest[len(root) + 1 :].strip("/"))
    if url.startswith("dbfs:"):
        return WorkspacePath("dbfs", rest.strip("/"))
    return LocalPath(rest)
