# Databricks notebook source
# MAGIC %md
# MAGIC # Maintenance of bronze
# MAGIC Compacts and clusters files, refreshes statistics and removes files that no version needs, only in tables that
# MAGIC were written to since the last time. The tables of the pipeline are not touched: Databricks keeps those itself,
# MAGIC from their definitions.

# COMMAND ----------

dbutils.widgets.text("storage_account", "cmnetflixprojectdl", "Storage account of the lake")
dbutils.widgets.text("catalog", "netflix", "Catalog of the schemas bronze, silver and gold")

STORAGE_ACCOUNT = dbutils.widgets.get("storage_account")
CATALOG = dbutils.widgets.get("catalog")

# COMMAND ----------

# MAGIC %run ./lake

# COMMAND ----------

PROPERTIES = {
    "delta.autoOptimize.optimizeWrite": "true",
    "delta.deletedFileRetentionDuration": "interval 30 days",
    "delta.logRetentionDuration": "interval 60 days",
    "quality": "bronze",
}
RETENTION_HOURS = 30 * 24
NO_WRITES = {"OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "COMPUTE STATS"}

# COMMAND ----------


def is_maintenance(commit):
    """Whether a commit is one of this notebook's. Databricks compacts files by itself too, and marks that as auto."""
    if commit["operation"] == "OPTIMIZE":
        return (commit["operationParameters"] or {}).get("auto", "false") != "true"
    return commit["operation"] in ("VACUUM END", "SET TBLPROPERTIES")


def written_since_maintenance(table):
    """Whether the newest write of a table is newer than the newest maintenance, as the table's history tells."""
    history = spark.sql(f"DESCRIBE HISTORY {table}").collect()
    written = max((c["version"] for c in history if c["operation"] not in NO_WRITES), default=-1)
    maintained = max((c["version"] for c in history if is_maintenance(c)), default=-1)
    return written > maintained


def set_properties(table):
    """Set the properties that differ, and no others: setting one is a commit even when it changes nothing."""
    present = spark.sql(f"DESCRIBE DETAIL {table}").collect()[0]["properties"] or {}
    differing = {name: value for name, value in PROPERTIES.items() if present.get(name) != value}
    if differing:
        pairs = ", ".join(f"'{name}' = '{value}'" for name, value in differing.items())
        spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ({pairs})")


def maintain(table, keys):
    """Cluster and compact, refresh statistics, remove old files, and set what differs."""
    spark.sql(f"OPTIMIZE {table} ZORDER BY (`{keys[0]}`)")
    spark.sql(f"ANALYZE TABLE {table} COMPUTE STATISTICS")
    spark.sql(f"VACUUM {table} RETAIN {RETENTION_HOURS} HOURS")
    set_properties(table)


# COMMAND ----------

present = {row["tableName"] for row in spark.sql(f"SHOW TABLES IN {CATALOG}.bronze").collect()}
maintained = []
for source in read_sources():
    table = f"{CATALOG}.bronze.{source['bronze_table']}"
    if source["bronze_table"] in present and written_since_maintenance(table):
        maintain(table, source["keys"])
        maintained.append(table)

dbutils.notebook.exit(json.dumps(maintained))
