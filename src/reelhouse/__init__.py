"""Run Azure Data Factory pipelines, Auto Loader, declarative pipelines and Databricks jobs on one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelhouse.project import Project

__all__ = ["Project"]


def __getattr__(name: str) -> Any:
    """The project when it is asked for: pytest imports this package in every run, for a plugin that few runs use."""
    if name == "Project":
        from reelhouse.project import Project

        return Project
    raise AttributeError(f"module 'reelhouse' has no attribute '{name}'")
