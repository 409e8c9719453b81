# Databricks notebook source
# MAGIC %md
# MAGIC # Where things lie in the lake
# MAGIC Shared by the notebooks through `%run`. Whoever runs it sets `STORAGE_ACCOUNT` and `CATALOG` before, from its
# MAGIC own widgets: a notebook that is run by `%run` sees the defaults of its widgets, not the parameters of the job.

# COMMAND ----------

import json

LAYERS = ("bronze", "silver", "gold")

# COMMAND ----------


def lake_url(container, path=""):
    """The address of a path in a container of the lake."""
    return f"abfss://{container}@{STORAGE_ACCOUNT}.dfs.core.windows.net/{path}"


def read_sources():
    """The sources of raw/_config/pipeline_config.json, as dictionaries."""
    text = dbutils.fs.head(lake_url("raw", "_config/pipeline_config.json"), 1024 * 1024)
    return json.loads(text)["sources"]


def has_files(path):
    """Whether a folder exists and holds a file, at any depth."""
    try:
        entries = dbutils.fs.ls(path)
    except Exception as error:
        # What a missing folder raises differs by runtime: Java's FileNotFoundException in a wrapper, or Python's.
        if "FileNotFound" in type(error).__name__ or "FileNotFound" in str(error) or "No such file" in str(error):
            return False
        raise
    return any(not entry.name.endswith("/") or has_files(entry.path) for entry in entries)
