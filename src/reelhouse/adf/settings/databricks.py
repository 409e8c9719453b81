"""Activities and linked services of Databricks.

https://learn.microsoft.com/azure/data-factory/transform-data-databricks-job
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reelhouse.adf.settings.base import Settings


class DatabricksNotebook(Settings):
    notebook_path: Any
    base_parameters: dict[str, Any] = Field(default_factory=dict)
    libraries: list[Any] = Field(default_factory=list)


class DatabricksJob(Settings):
    job_id: Any = None
    job_parameters: dict[str, Any] | None = None
    job_path: Any = None
    base_parameters: dict[str, Any] | None = None


class DatabricksSparkPython(Settings):
    python_file: Any
    parameters: Any = None
    libraries: list[Any] = Field(default_factory=list)


class AzureDatabricks(Settings):
    domain: Any
    access_token: Any = None
    authentication: Any = None
    workspace_resource_id: Any = None
    existing_cluster_id: Any = None
    instance_pool_id: Any = None
    cluster_option: Any = None
    """Fixed or Autoscaling: written by Data Factory Studio, in no reference."""
    new_cluster_version: Any = None
    new_cluster_num_of_worker: Any = None
    new_cluster_node_type: Any = None
    new_cluster_spark_conf: Any = None
    new_cluster_spark_env_vars: Any = None
    new_cluster_custom_tags: Any = None
    new_cluster_log_destination: Any = None
    new_cluster_driver_node_type: Any = None
    new_cluster_init_scripts: Any = None
    new_cluster_enable_elastic_disk: Any = None
    encrypted_credential: Any = None
    policy_id: Any = None
    credential: Any = None
    data_security_mode: Any = None


ACTIVITIES: dict[str, type[Settings]] = {
    model.__name__: model for model in (DatabricksNotebook, DatabricksJob, DatabricksSparkPython)
}
LINKED_SERVICES: dict[str, type[Settings]] = {model.__name__: model for model in (AzureDatabricks,)}
