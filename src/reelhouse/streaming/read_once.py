"""Auto Loader's view of the files that are there now: what `read_files` in a batch query gives.

https://docs.databricks.com/aws/en/sql/language-manual/functions/read_files
"""

from __future__ import annotations

from collections.abc import Mapping

from reelhouse.autoloader import run
from reelhouse.autoloader.options import cloud_files
from reelhouse.autoloader.schema import RESCUED
from reelhouse.errors import UserError
from reelhouse.streaming.cloud_files import Entries
from reelhouse.streaming.port import Session
from reelhouse.streaming.selection import selection_of
from reelhouse.streaming.source import Relation, SourceSpec


def files_of(session: Session, path: str, options: Mapping[str, str]) -> list[str]:
    """The local paths of the files that are read."""
    return [entry.path for entry in _entries(session, path, options).sample()]


def rows_of(session: Session, path: str, options: Mapping[str, str], schema: str | None) -> Relation:
    """The rows of the files. Without a schema it is inferred from all of them, and what does not fit is rescued.

    Raises `UserError` when there are no files and no schema.
    """
    checked = cloud_files(options)
    files = _entries(session, path, options).sample()
    if not files and schema is None:
        raise UserError(f"There are no files at '{path}' to read or to infer a schema from")
    zone = session.conf.read("spark.sql.session.timeZone") or "UTC"
    found = run.schema_once(checked, schema, files, RESCUED, time_zone=zone)
    return run.read_files(found, checked, files, time_zone=zone)


def _entries(session: Session, path: str, options: Mapping[str, str]) -> Entries:
    spec = SourceSpec(format="cloudFiles", options=dict(options), path=path)
    recursive = options.get("recursiveFileLookup", "false").lower() == "true"
    return Entries(session, selection_of(spec, session.lake.local(path)), partitions=not recursive)
