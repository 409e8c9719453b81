"""What to write to a table, and what came of it, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    APPEND = "append"
    OVERWRITE = "overwrite"


class OnViolation(StrEnum):
    """What happens to a row that breaks an expectation, in the event log's words."""

    ALLOW = "ALLOW"
    DROP = "DROP"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Expectation:
    """A rule of a dataset. A row violates it unless `constraint` (SQL) is true; NULL violates.

    https://docs.databricks.com/aws/en/ldp/expectations
    """

    name: str
    constraint: str
    action: OnViolation = OnViolation.ALLOW


@dataclass(frozen=True)
class Transaction:
    """An application's own sequence: a version that is not above the last committed one is skipped."""

    app_id: str
    version: int


@dataclass(frozen=True)
class Target:
    """A Delta table to write. `location` is a local path (or engine URL); `name` the catalog name, if it has one."""

    location: str
    name: str | None = None


@dataclass(frozen=True)
class WriteSpec:
    """How rows are written. Everything here takes part in one commit."""

    mode: Mode
    operation: str = "WRITE"
    partition_by: tuple[str, ...] = ()
    merge_schema: bool = False
    overwrite_schema: bool = False
    replace_where: str | None = None
    transaction: Transaction | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    comment: str | None = None
    column_comments: Mapping[str, str] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
    user_metadata: str | None = None
    skip_if_same: bool = False
    """With OVERWRITE: commit nothing when the rows equal the table's present rows as a multiset."""
    read_version: int | None = None
    """The version that the rows were computed from. A change of the table since then makes the commit a conflict."""
    operation_parameters: Mapping[str, str] = field(default_factory=dict)
    """What the history says of the operation, beside mode and partitioning (the predicate of a DELETE, say)."""
    metrics: Mapping[str, int] = field(default_factory=dict)
    """What the history says beside files, rows and bytes (`numTargetRowsUpdated`, say)."""
    replace_definition: bool = False
    """With `overwrite_schema`: properties and comment are those given here, what the table had is forgotten."""
    files_read: int | None = None
    """How many files from outside of the lakehouse the rows come from, to be told with the change."""
    key: tuple[str, ...] = ()
    """With OVERWRITE: columns that tell an updated row from a removed and an added one, for the counts alone."""
    counts: Mapping[str, int] | None = None
    """`added`, `updated` and `removed` rows, where the caller has counted them; then `key` is not used."""


@dataclass(frozen=True)
class Commit:
    """What came of a write. `version` is None when nothing was committed (nothing new, or a repeated transaction)."""

    version: int | None
    rows: int | None
    added: int = 0
    updated: int | None = None
    removed: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    """Rows that broke each expectation, by its name."""
    checked: int = 0
    """Rows the expectations were tried on."""
    dropped: int = 0
    """Rows left out because a DROP expectation failed."""
