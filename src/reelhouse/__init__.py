"""Run Azure Data Factory pipelines, Auto Loader, declarative pipelines and Databricks jobs on one machine."""

from reelhouse.project import Project

__all__ = ["Project"]
