"""The tables of the history of runs, in SQL that SQLite and PostgreSQL share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TABLES: Mapping[str, Mapping[str, str]] = {
    "runs": {
        "id": "varchar(64) primary key",
        "kind": "varchar(16) not null",
        "name": "text not null",
        "type": "text not null",
        "parent_id": "varchar(64)",
        "sequence": "bigint not null",
        "started_at": "varchar(32) not null",
        "ended_at": "varchar(32)",
        "status": "varchar(16) not null",
        "input": "text",
        "output": "text",
        "error": "text",
        "process": "text not null",
        "group_id": "varchar(64)",
        "details": "text",
    },
    "table_changes": {
        "run_id": "varchar(64)",
        "sequence": "bigint not null",
        "at": "varchar(32) not null",
        "table_name": "text not null",
        "version": "bigint",
        "operation": "text not null",
        "row_count": "bigint",
        "added": "bigint not null",
        "updated": "bigint",
        "removed": "bigint not null",
        "quarantined": "bigint not null",
        "files_read": "bigint",
        "duration_ms": "bigint not null",
    },
    "expectations": {
        "run_id": "varchar(64)",
        "sequence": "bigint not null",
        "at": "varchar(32) not null",
        "dataset": "text not null",
        "name": "text not null",
        "action": "varchar(8) not null",
        "passed": "bigint not null",
        "failed": "bigint not null",
    },
    "notes": {
        "run_id": "varchar(64)",
        "sequence": "bigint not null",
        "at": "varchar(32) not null",
        "message": "text not null",
    },
    "cancel_requests": {
        "run_id": "varchar(64) not null",
        "at": "varchar(32) not null",
        "recursive": "smallint not null",
    },
}
ADDED = {"runs": ("group_id", "details")}
"""Columns that a history made by an earlier version does not have."""
INDEXES = (
    ("runs", "parent_id"),
    ("runs", "started_at"),
    ("runs", "group_id"),
    ("table_changes", "run_id"),
    ("expectations", "run_id"),
    ("notes", "run_id"),
)


def table_statements() -> Iterable[str]:
    """What makes the tables that are missing."""
    for table, columns in TABLES.items():
        body = ", ".join(f"{name} {type}" for name, type in columns.items())
        yield f"create table if not exists {table} ({body})"


def index_statements() -> Iterable[str]:
    """What makes the indexes that are missing."""
    for table, column in INDEXES:
        yield f"create index if not exists {table}_{column} on {table} ({column})"
