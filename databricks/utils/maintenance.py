# Databricks notebook source
# MAGIC %md
# MAGIC # Maintenance of bronze
# MAGIC Compacts and clusters files, refreshes statistics and removes files that no version needs, only in tables that
# MAGIC were written to since the last time. The tables of the pipeline are not touched: Databricks keeps those itself,
# MAGIC from their definitions.

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
MAINTENANCE = {"OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "COMPUTE STATS"}

# COMMAND ----------


def written_since_maintenance(table):
    """Whether a commit that is no maintenance is newer than the end of the last VACUUM."""
    history = [(row["version"], row["operation"]) for row in spark.sql(f"DESCRIBE HISTORY {table}").collect()]
    cleaned = max((version for version, operation in history if operation == "VACUUM END"), default=-1)
    return any(version > cleaned and operation not in MAINTENANCE for version, operation in history)


def set_properties(table):
    """Set the properties that differ, and no others: setting one is a commit even when it changes nothing."""
    present = spark.sql(f"DESCRIBE DETAIL {table}").collect()[0]["properties"] or {}
    differing = {name: value for name, value in PROPERTIES.items() if present.get(name) != value}
    if differing:
        pairs = ", ".join(f"'{name}' = '{value}'" for name, value in differing.items())
        spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ({pairs})")


def maintain(table, keys):
    """Properties, OPTIMIZE, ANALYZE and at last VACUUM, whose end marks the table as done."""
    set_properties(table)
    spark.sql(f"OPTIMIZE {table} ZORDER BY (`{keys[0]}`)")
    spark.sql(f"ANALYZE TABLE {table} COMPUTE STATISTICS")
    spark.sql(f"VACUUM {table} RETAIN {RETENTION_HOURS} HOURS")


# COMMAND ----------

present = {row["tableName"] for row in spark.sql(f"SHOW TABLES IN {CATALOG}.bronze").collect()}
maintained = []
for source in read_sources():
    table = f"{CATALOG}.bronze.{source['bronze_table']}"
    if source["bronze_table"] in present and written_since_maintenance(table):
        maintain(table, source["keys"])
        maintained.append(table)

dbutils.notebook.exit(json.dumps(maintained))
