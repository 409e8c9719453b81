"""What `[sql]` of reelhouse.toml says of one database."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SqlTarget(BaseModel):
    """The database that stands in for a linked service. `url` is one of SQLAlchemy; files are relative to the project.

    `password` is the secret that holds it, as scope/key. `translate` is off for SQL that is written for this database.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: str
    password: str | None = None
    procedures: str | None = None
    schemas: dict[str, str] = Field(default_factory=dict)
    translate: bool = True
