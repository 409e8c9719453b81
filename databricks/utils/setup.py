# Databricks notebook source
# MAGIC %md
# MAGIC # Schemas of the lakehouse
# MAGIC Each layer has its managed location in the container of its name. Creating what is there changes nothing.
# MAGIC The catalog itself is made once by an administrator (docs/setup.md).

# COMMAND ----------

# MAGIC %run ./lake

# COMMAND ----------

SCHEMA_COMMENTS = {
    "bronze": "What the sources sent, as text, with where and when it came from. Append only.",
    "silver": "Typed, cleaned rows of the newest accepted release of each source, and the rejected ones beside them.",
    "gold": "Dimensions, bridges, facts and aggregates for those who ask.",
}

for layer in LAYERS:
    spark.sql(
        f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.{layer} "
        f"COMMENT '{SCHEMA_COMMENTS[layer]}' MANAGED LOCATION '{lake_url(layer, 'managed')}'"
    )
