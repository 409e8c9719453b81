"""Where the lake lies on this machine: every address of an artifact, and the folder that stands for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from reelhouse.storage.urls import ContainerPath, LocalPath, WorkspacePath, parse


class Lake:
    """Maps addresses (`abfss://…`, `dbfs:/…`, `/Volumes/…`, `/mnt/…`) to local paths and back.

    A container is the folder `root/<account>/<container>`. `overlays` put a folder of the project in the place of a
    folder of a container (`raw/_config` is `config/`); `mounts` say which container a `/mnt/<name>` is.
    """

    def __init__(
        self,
        root: Path,
        *,
        overlays: Mapping[str, Path] | None = None,
        mounts: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root.absolute()
        self._overlays = [(parse(url), folder.absolute()) for url, folder in (overlays or {}).items()]
        self._mounts = dict(mounts or {})

    @property
    def mounts(self) -> Mapping[str, str]:
        """The container address of each `/mnt/<name>`."""
        return self._mounts

    def local(self, url: str) -> str:
        """The local path that an address stands for. Nothing has to exist there. A glob stays a glob.

        What lies in the lake's own folder is local already, even where that folder is below `/mnt` or `/Volumes`.
        """
        if url.startswith(f"{self.root}/"):
            return os.path.abspath(url)
        address = parse(url)
        if isinstance(address, LocalPath):
            return os.path.abspath(address.path)
        if isinstance(address, WorkspacePath):
            first, _, rest = address.path.partition("/")
            if address.root == "mnt" and first in self._mounts:
                return self.local(f"{self._mounts[first].rstrip('/')}/{rest}")
            return os.path.join(self.root, "_workspace", address.root, *filter(None, address.path.split("/")))
        for overlay, folder in self._overlays:
            if isinstance(overlay, ContainerPath) and (overlay.account, overlay.container) == (
                address.account,
                address.container,
            ):
                if address.path == overlay.path:
                    return str(folder)
                if address.path.startswith(overlay.path + "/"):
                    return os.path.join(folder, *address.path[len(overlay.path) + 1 :].split("/"))
        return os.path.join(self.root, address.account, address.container, *filter(None, address.path.split("/")))

    def url(self, local: str) -> str:
        """The address of a local path: `abfss://…` for what lies in a container, else the path itself."""
        path = Path(local)
        for overlay, folder in self._overlays:
            if path.is_relative_to(folder):
                tail = path.relative_to(folder).as_posix()
                return str(overlay) if tail == "." else f"{overlay}/{tail}"
        if not path.is_relative_to(self.root):
            return local
        parts = path.relative_to(self.root).parts
        if parts[:1] == ("_workspace",) and len(parts) > 1:
            return str(WorkspacePath(parts[1], "/".join(parts[2:])))
        if len(parts) < 2 or parts[0].startswith("_"):
            return local
        return str(ContainerPath(parts[0], parts[1], "/".join(parts[2:])))
