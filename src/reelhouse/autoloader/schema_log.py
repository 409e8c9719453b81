"""The schemas a source has had: numbered files in `<schemaLocation>/_schemas/`, each written whole and once.

A file holds the version of the form (`v1`) and a JSON object with the schemas of the data and of the partition columns.
https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/schema#how-does-auto-loader-schema-evolution-work
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass

from reelhouse.autoloader.ddl import fields, to_json
from reelhouse.autoloader.schema import Columns
from reelhouse.errors import UserError

_VERSION = "v1"


@dataclass(frozen=True)
class Logged:
    """A schema of the log with its number."""

    number: int
    data: Columns
    partitions: Columns


class SchemaLog:
    """The log below a schema location (a local folder)."""

    def __init__(self, location: str) -> None:
        self.folder = os.path.join(location, "_schemas")

    def latest(self) -> Logged | None:
        """The newest schema; None when there is none yet."""
        try:
            numbers = [int(name) for name in os.listdir(self.folder) if name.isdigit()]
        except FileNotFoundError:
            return None
        return self.read(max(numbers)) if numbers else None

    def read(self, number: int) -> Logged:
        """The schema of this number. Raises `UserError` for a file that is not of the log's form."""
        path = os.path.join(self.folder, str(number))
        with open(path, encoding="utf-8") as file:
            version, _, body = file.read().partition("\n")
        try:
            if version != _VERSION:
                raise ValueError(version)
            document = json.loads(body)
            data, partitions = fields(document["dataSchemaJson"]), fields(document["partitionSchemaJson"])
        except (ValueError, KeyError) as error:
            raise UserError(f"{path} is not a schema log of version {_VERSION}: {error}") from error
        return Logged(number, tuple(data), tuple(partitions))

    def put(self, number: int, data: Columns, partitions: Columns) -> bool:
        """Write a schema if its number is free. False when another run was first; its schema is then the one."""
        document = {"dataSchemaJson": to_json(data), "partitionSchemaJson": to_json(partitions)}
        os.makedirs(self.folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".schema-", dir=self.folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{_VERSION}\n{json.dumps(document)}")
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, os.path.join(self.folder, str(number)))
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        return True
