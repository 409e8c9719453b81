"""`%pip`: a notebook's demand for a package. A run installs nothing; what is there satisfies the demand.

https://docs.databricks.com/aws/en/libraries/notebooks-python-libraries
"""

from __future__ import annotations

import re
import shlex
from importlib import metadata

from reelhouse.errors import Place, Unsupported, UserError

_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?P<version>[<>=!~].*)?$")
_FLAGS_WITHOUT_EFFECT = frozenset({"-q", "-qq", "--quiet", "-U", "--upgrade", "--no-cache-dir", "--no-deps"})


def check_pip(command: str, *, where: Place) -> list[str]:
    """One note for each package that a `%pip` command names and that is installed.

    Raises `UserError` for a package that is not, `Unsupported` for other commands, options, files and addresses.
    """
    words = shlex.split(command)
    if not words or words[0] != "install":
        raise Unsupported(f"%pip {command} is not supported", where=where, remedy="Supported: %pip install PACKAGE…")
    notes = []
    for word in words[1:]:
        if word in _FLAGS_WITHOUT_EFFECT:
            continue
        match = _REQUIREMENT.match(word)
        if match is None:
            raise Unsupported(
                f"%pip install {word} is not supported",
                where=where,
                remedy="Supported: names of packages, with a version; install others into the environment beforehand.",
            )
        notes.append(_check(match["name"], match["version"] or "", command, where))
    return notes


def _check(name: str, version: str, command: str, where: Place) -> str:
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        raise UserError(
            f"%pip install needs package '{name}', which is not installed here, and a run installs nothing",
            where=where,
            remedy=f"Run 'pip {command}' in the environment that reelhouse runs in.",
        ) from None
    if version.startswith("==") and version[2:].strip() != installed:
        raise UserError(
            f"%pip install asks for {name}{version}, and {installed} is installed",
            where=where,
            remedy=f"Run 'pip {command}' in the environment that reelhouse runs in.",
        )
    checked = "" if not version or version.startswith("==") else f"; whether it meets '{version}' was not checked"
    return f"%pip install {name}: version {installed} is there, nothing was installed{checked} ({where})"
