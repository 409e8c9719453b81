"""Which function does the work of which activity type."""

from __future__ import annotations

from reelhouse.adf.activity.azure_function import prepare_azure_function
from reelhouse.adf.activity.context import Prepare
from reelhouse.adf.activity.copy import prepare_copy
from reelhouse.adf.activity.databricks import (
    prepare_databricks_job,
    prepare_databricks_notebook,
    prepare_databricks_python,
)
from reelhouse.adf.activity.delete import prepare_delete
from reelhouse.adf.activity.execute_data_flow import prepare_execute_data_flow
from reelhouse.adf.activity.execute_pipeline import prepare_execute_pipeline
from reelhouse.adf.activity.flow import (
    prepare_fail,
    prepare_filter,
    prepare_for_each,
    prepare_if,
    prepare_switch,
    prepare_until,
    prepare_wait,
)
from reelhouse.adf.activity.lookup import prepare_lookup
from reelhouse.adf.activity.metadata import prepare_get_metadata, prepare_validation
from reelhouse.adf.activity.script import prepare_script
from reelhouse.adf.activity.stored_procedure import prepare_stored_procedure
from reelhouse.adf.activity.variables import prepare_append_variable, prepare_set_variable
from reelhouse.adf.activity.web import prepare_web
from reelhouse.adf.activity.webhook import prepare_webhook

ACTIVITIES: dict[str, Prepare] = {
    "AppendVariable": prepare_append_variable,
    "AzureFunctionActivity": prepare_azure_function,
    "Copy": prepare_copy,
    "DatabricksJob": prepare_databricks_job,
    "DatabricksNotebook": prepare_databricks_notebook,
    "DatabricksSparkPython": prepare_databricks_python,
    "Delete": prepare_delete,
    "ExecuteDataFlow": prepare_execute_data_flow,
    "ExecutePipeline": prepare_execute_pipeline,
    "Fail": prepare_fail,
    "Filter": prepare_filter,
    "ForEach": prepare_for_each,
    "GetMetadata": prepare_get_metadata,
    "IfCondition": prepare_if,
    "Lookup": prepare_lookup,
    "Script": prepare_script,
    "SetVariable": prepare_set_variable,
    "SqlServerStoredProcedure": prepare_stored_procedure,
    "Switch": prepare_switch,
    "Until": prepare_until,
    "Validation": prepare_validation,
    "Wait": prepare_wait,
    "WebActivity": prepare_web,
    "WebHook": prepare_webhook,
}
