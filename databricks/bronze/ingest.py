# Databricks notebook source
# MAGIC %md
# MAGIC # One source into bronze
# MAGIC Auto Loader reads the files of one folder of `raw` that it has not read before and appends them to one table,
# MAGIC everything as text.
# MAGIC One notebook serves all sources: what differs stands in `pipeline_config.json` and arrives through the widgets.

# COMMAND ----------

dbutils.widgets.text("storage_account", "cmnetflixprojectdl", "Storage account of the lake")
dbutils.widgets.text("catalog", "netflix", "Catalog of the schemas bronze, silver and gold")

STORAGE_ACCOUNT = dbutils.widgets.get("storage_account")
CATALOG = dbutils.widgets.get("catalog")

# COMMAND ----------

# MAGIC %run ../utils/lake

# COMMAND ----------

from pyspark.sql import functions as F

dbutils.widgets.text("source", "", "Name of the source")
dbutils.widgets.text("folder", "", "Folder in raw")
dbutils.widgets.text("table", "", "Table in the schema bronze")
dbutils.widgets.text("format", "csv", "Format of the files")
dbutils.widgets.text("columns", "[]", "Columns of the source, JSON")
dbutils.widgets.text("reader_options", "{}", "Options of the reader, JSON")

FOLDER = dbutils.widgets.get("folder")
SOURCE_PATH = lake_url("raw", FOLDER)
TABLE = f"{CATALOG}.bronze.{dbutils.widgets.get('table')}"
COLUMNS = json.loads(dbutils.widgets.get("columns"))
READER_OPTIONS = json.loads(dbutils.widgets.get("reader_options"))
AUTO_LOADER_STATE = lake_url("bronze", f"auto_loader/{FOLDER}")

# COMMAND ----------

# MAGIC %md
# MAGIC The table is there before its first file, so that what is built on it can be planned even when a source has
# MAGIC never arrived.

# COMMAND ----------

ORIGIN = {
    "_rescued_data": ("STRING", "What did not fit into the columns, as JSON"),
    "_corrupt_record": ("STRING", "The record as it stands in the file, when it could not be read"),
    "_source_file": ("STRING", "Path of the file in raw; one file is one release"),
    "_source_modified_at": ("TIMESTAMP", "When the file was written to raw"),
    "_ingested_at": ("TIMESTAMP", "When the row was written to this table"),
}

declared = [f"`{name}` STRING COMMENT 'As the source sends it'" for name in COLUMNS]
declared += [f"{name} {kind} COMMENT '{comment}'" for name, (kind, comment) in ORIGIN.items()]
spark.sql(
    f"CREATE TABLE IF NOT EXISTS {TABLE} ({', '.join(declared)}) USING DELTA "
    f"COMMENT 'Releases of the source {dbutils.widgets.get('source')} as they came, all values as text. Append only.'"
)

if not has_files(SOURCE_PATH):
    dbutils.notebook.exit(json.dumps({"table": TABLE, "rows": 0, "reason": f"nothing has arrived in {SOURCE_PATH}"}))

# COMMAND ----------

files = (
    spark.readStream.format("cloudFiles")
    .option("cloudFiles.format", dbutils.widgets.get("format"))
    .option("cloudFiles.schemaLocation", f"{AUTO_LOADER_STATE}/schema")
    .option("cloudFiles.schemaEvolutionMode", "addNewColumns")
    .option("cloudFiles.inferColumnTypes", "false")
    .option("cloudFiles.schemaHints", ", ".join(f"`{name}` STRING" for name in [*COLUMNS, "_corrupt_record"]))
    # A folder called a=b in a path is no column.
    .option("cloudFiles.partitionColumns", "")
    .option("rescuedDataColumn", "_rescued_data")
    .options(**READER_OPTIONS)
    .load(SOURCE_PATH)
)

rows = files.select(
    "*",
    F.col("_metadata.file_path").alias("_source_file"),
    F.col("_metadata.file_modification_time").alias("_source_modified_at"),
    F.current_timestamp().alias("_ingested_at"),
)

# COMMAND ----------

query = (
    rows.writeStream.format("delta")
    .queryName(f"bronze_{FOLDER.replace('/', '_')}")
    .option("checkpointLocation", f"{AUTO_LOADER_STATE}/checkpoint")
    .option("mergeSchema", "true")
    .outputMode("append")
    .trigger(availableNow=True)
    .toTable(TABLE)
)
query.awaitTermination()

# COMMAND ----------

dbutils.notebook.exit(
    json.dumps({"table": TABLE, "rows": sum(progress["numInputRows"] for progress in query.recentProgress)})
)
