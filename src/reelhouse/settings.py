"""`reelhouse.toml`: how this machine stands in for Azure. It lies beside the artifacts and is never deployed.

pipeline = "netflix_platform"          # what `reelhouse run` runs when no pipeline is named

[overlays]                             # a folder of the project in the place of a folder of the lake
"abfss://raw@account.dfs.core.windows.net/_config" = "config"

[mounts]                               # what /mnt/<name> is
raw = "abfss://raw@account.dfs.core.windows.net/"

[jobs]                                 # the job ids that Data Factory knows, and the bundle's jobs they mean
"620134890217" = "netflix_platform"

[urls]                                 # URLs that mean others on this machine, by their beginning
"https://myapp.azurewebsites.net" = "http://localhost:7071"

[sql]                                  # databases that stand in for linked services, by name or server/database
"ls_azure_sql" = "sqlite:///data/sales.db"

[sql.ls_warehouse]                     # the same with more to say
url = "postgresql+psycopg://me@localhost/warehouse"
password = "local/warehouse"           # a secret, as scope/key
procedures = "procedures"              # a folder of <schema>.<name>.sql in the place of stored procedures
schemas = { dbo = "public" }           # schemas of the artifacts and what they are here
translate = true                       # false: SQL goes to the database as it is written

[variables]                            # values of the bundle's variables on this machine, whatever the target
storage_account = "account"

[secrets]                              # a file of secrets (TOML: [scope] key = "value"), if any
file = ".secrets.toml"
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from reelhouse.adf.sql.target import SqlTarget
from reelhouse.errors import Place, UserError, did_you_mean

FILE_NAME = "reelhouse.toml"


class SecretSettings(BaseModel):
    """Where secrets come from besides the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str | None = None


class RunSettings(BaseModel):
    """Where the history of runs lies, when not in the local state."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: str | None = None


class Settings(BaseModel):
    """The whole file. Everything has a default, so that a project without the file opens."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pipeline: str | None = None
    catalog: str = "netflix"
    overlays: dict[str, str] = Field(default_factory=dict)
    mounts: dict[str, str] = Field(default_factory=dict)
    jobs: dict[str, str] = Field(default_factory=dict)
    urls: dict[str, str] = Field(default_factory=dict)
    sql: dict[str, SqlTarget] = Field(default_factory=dict)
    variables: dict[str, Any] = Field(default_factory=dict)
    secrets: SecretSettings = SecretSettings()
    runs: RunSettings = RunSettings()

    @field_validator("sql", mode="before")
    @classmethod
    def _urls_alone(cls, value: Any) -> Any:
        """A URL in the place of a table is all there is to say."""
        if not isinstance(value, dict):
            return value
        return {key: {"url": item} if isinstance(item, str) else item for key, item in value.items()}


def load_settings(root: Path) -> Settings:
    """The settings of the project in `root`. Raises `UserError` for unknown keys and values of a wrong type."""
    path = root / FILE_NAME
    if not path.exists():
        return Settings()
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"This is not TOML: {error}", where=Place(FILE_NAME)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = Place(FILE_NAME, ".".join(str(step) for step in first["loc"]))
        remedy = ""
        if first["type"] == "extra_forbidden":
            remedy = did_you_mean(str(first["loc"][-1]), Settings.model_fields)
        raise UserError(f"{first['msg']}", where=place, remedy=remedy) from error
