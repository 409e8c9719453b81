# Databricks notebook source
# MAGIC %md
# MAGIC # Which sources are there
# MAGIC Reads `raw/_config/pipeline_config.json` and hands each enabled source to the bronze tasks, as the task
# MAGIC value `sources`.
# MAGIC A source whose files are also put by hand into `raw/drop/<folder>` is one more entry with a stream of its own.

# COMMAND ----------

dbutils.widgets.text("storage_account", "cmnetflixprojectdl", "Storage account of the lake")
dbutils.widgets.text("catalog", "netflix", "Catalog of the schemas bronze, silver and gold")

STORAGE_ACCOUNT = dbutils.widgets.get("storage_account")
CATALOG = dbutils.widgets.get("catalog")

# COMMAND ----------

# MAGIC %run ../utils/setup

# COMMAND ----------


def bronze_input(source, folder):
    """What one bronze task is given. Everything is text, because task parameters are."""
    return {
        "source": source["name"],
        "folder": folder,
        "table": source["bronze_table"],
        "format": source["format"],
        "columns": json.dumps(source["columns"]),
        "reader_options": json.dumps(source["reader_options"]),
    }


inputs = []
for source in read_sources():
    if not source["enabled"]:
        continue
    inputs.append(bronze_input(source, source["target_folder"]))
    dropped = f"drop/{source['target_folder']}"
    if has_files(lake_url("raw", dropped)):
        inputs.append(bronze_input(source, dropped))

# COMMAND ----------

dbutils.jobs.taskValues.set(key="sources", value=inputs)
dbutils.notebook.exit(json.dumps([entry["folder"] for entry in inputs]))
