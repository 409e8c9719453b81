# Databricks notebook source
# MAGIC %md
# MAGIC # End the job as failed
# MAGIC A job whose last tasks are fine counts as a success, even when an earlier one failed. This task is such a last
# MAGIC task: it runs only when something failed, and says what.

# COMMAND ----------

dbutils.widgets.text("message", "A task failed")
raise RuntimeError(dbutils.widgets.get("message"))
