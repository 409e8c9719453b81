"""Which fields an asset bundle may have.

https://docs.databricks.com/aws/en/dev-tools/bundles/reference and …/bundles/resources
"""

from __future__ import annotations

from reelhouse.jobs.shapes import (
    ANYTHING,
    DECIMAL,
    FLAG,
    NUMBER,
    TEXT,
    TEXT_MAP,
    TEXTS,
    Fields,
    ListOf,
    MapOf,
    NoEffect,
    OneOf,
    Refused,
    Shape,
    choice,
)

PAUSE = choice("PAUSED", "UNPAUSED")
PERMISSIONS = NoEffect(
    ListOf(Fields({"level": TEXT, "user_name": TEXT, "group_name": TEXT, "service_principal_name": TEXT}, ("level",)))
)
RUN_AS = NoEffect(Fields({"user_name": TEXT, "service_principal_name": TEXT}))
LIFECYCLE = NoEffect(Fields({"prevent_destroy": FLAG, "started": FLAG}))

# -- compute

_AUTOSCALE = Fields({"min_workers": NUMBER, "max_workers": NUMBER, "mode": choice("LEGACY", "ENHANCED")})
CLUSTER = Fields(
    {
        "apply_policy_default_values": FLAG,
        "autoscale": _AUTOSCALE,
        "autotermination_minutes": NUMBER,
        "aws_attributes": MapOf(ANYTHING),
        "azure_attributes": Fields(
            {
                "availability": choice("SPOT_AZURE", "ON_DEMAND_AZURE", "SPOT_WITH_FALLBACK_AZURE"),
                "first_on_demand": NUMBER,
                "log_analytics_info": MapOf(ANYTHING),
                "spot_bid_max_price": DECIMAL,
            }
        ),
        "cluster_log_conf": MapOf(ANYTHING),
        "cluster_name": TEXT,
        "custom_tags": TEXT_MAP,
        "data_security_mode": TEXT,
        "docker_image": MapOf(ANYTHING),
        "driver_instance_pool_id": TEXT,
        "driver_node_type_id": TEXT,
        "enable_elastic_disk": FLAG,
        "enable_local_disk_encryption": FLAG,
        "gcp_attributes": MapOf(ANYTHING),
        "init_scripts": ListOf(MapOf(ANYTHING)),
        "instance_pool_id": TEXT,
        "is_single_node": FLAG,
        "kind": TEXT,
        "node_type_id": TEXT,
        "num_workers": NUMBER,
        "policy_id": TEXT,
        "runtime_engine": choice("STANDARD", "PHOTON", "NULL"),
        "single_user_name": TEXT,
        "spark_conf": TEXT_MAP,
        "spark_env_vars": TEXT_MAP,
        "spark_version": TEXT,
        "ssh_public_keys": TEXTS,
        "use_ml_runtime": FLAG,
        "workload_type": MapOf(ANYTHING),
    }
)
LIBRARIES = ListOf(
    Fields(
        {
            "cran": MapOf(ANYTHING),
            "egg": TEXT,
            "jar": TEXT,
            "maven": Fields({"coordinates": TEXT, "repo": TEXT, "exclusions": TEXTS}, ("coordinates",)),
            "pypi": Fields({"package": TEXT, "repo": TEXT}, ("package",)),
            "requirements": TEXT,
            "whl": TEXT,
        }
    )
)
_ENVIRONMENT_SPEC = Fields(
    {
        "client": TEXT,
        "dependencies": TEXTS,
        "environment_version": TEXT,
        "java_dependencies": TEXTS,
        "base_environment": TEXT,
    }
)
ENVIRONMENTS = ListOf(Fields({"environment_key": TEXT, "spec": _ENVIRONMENT_SPEC}, ("environment_key",)))

# -- notifications

EMAILS = Fields(
    {
        "no_alert_for_skipped_runs": FLAG,
        "on_duration_warning_threshold_exceeded": TEXTS,
        "on_failure": TEXTS,
        "on_start": TEXTS,
        "on_streaming_backlog_exceeded": TEXTS,
        "on_success": TEXTS,
    }
)
_HOOKS = ListOf(Fields({"id": TEXT}, ("id",)))
WEBHOOKS = Fields(
    {
        "on_duration_warning_threshold_exceeded": _HOOKS,
        "on_failure": _HOOKS,
        "on_start": _HOOKS,
        "on_streaming_backlog_exceeded": _HOOKS,
        "on_success": _HOOKS,
    }
)
NOTIFICATION_SETTINGS = Fields(
    {"alert_on_last_attempt": FLAG, "no_alert_for_canceled_runs": FLAG, "no_alert_for_skipped_runs": FLAG}
)
HEALTH = Fields({"rules": ListOf(Fields({"metric": TEXT, "op": TEXT, "value": NUMBER}))})

# -- jobs

_SOURCE = choice("WORKSPACE", "GIT")
TASK_BODIES: dict[str, Shape] = {
    "notebook_task": Fields(
        {"notebook_path": TEXT, "base_parameters": TEXT_MAP, "source": _SOURCE, "warehouse_id": NoEffect(TEXT)},
        ("notebook_path",),
    ),
    "pipeline_task": Fields(
        {
            "pipeline_id": TEXT,
            "full_refresh": FLAG,
            "full_refresh_selection": TEXTS,
            "refresh_selection": TEXTS,
            "parameters": Refused("Give pipelines their values through 'configuration'."),
            "reset_checkpoint_selection": Refused(),
        },
        ("pipeline_id",),
    ),
    "condition_task": Fields(
        {
            "left": TEXT,
            "op": choice(
                "EQUAL_TO", "NOT_EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL", "LESS_THAN", "LESS_THAN_OR_EQUAL"
            ),
            "right": TEXT,
        },
        ("left", "op", "right"),
    ),
    "run_job_task": Fields(
        {
            "job_id": TEXT,
            "job_parameters": TEXT_MAP,
            **{
                name: Refused("Use 'job_parameters'.")
                for name in (
                    "dbt_commands",
                    "jar_params",
                    "notebook_params",
                    "pipeline_params",
                    "python_named_params",
                    "python_params",
                    "spark_submit_params",
                    "sql_params",
                )
            },
        },
        ("job_id",),
    ),
    "spark_python_task": Fields({"python_file": TEXT, "parameters": TEXTS, "source": _SOURCE}, ("python_file",)),
    "sql_task": Fields(
        {
            "file": Fields({"path": TEXT, "source": _SOURCE}, ("path",)),
            "parameters": TEXT_MAP,
            "warehouse_id": NoEffect(TEXT),
            "query": ANYTHING,
            "dashboard": ANYTHING,
            "alert": ANYTHING,
        }
    ),
}
OTHER_TASK_BODIES = (
    "alert_task",
    "clean_rooms_notebook_task",
    "dashboard_task",
    "dbt_cloud_task",
    "dbt_platform_task",
    "dbt_task",
    "gen_ai_compute_task",
    "power_bi_task",
    "python_operator_task",
    "python_wheel_task",
    "spark_jar_task",
    "spark_submit_task",
)


def _task(bodies: dict[str, Shape]) -> Fields:
    return Fields(
        {
            "task_key": TEXT,
            "description": TEXT,
            "depends_on": ListOf(Fields({"task_key": TEXT, "outcome": TEXT}, ("task_key",))),
            "run_if": choice(
                "ALL_SUCCESS", "AT_LEAST_ONE_SUCCESS", "NONE_FAILED", "ALL_DONE", "AT_LEAST_ONE_FAILED", "ALL_FAILED"
            ),
            "disabled": FLAG,
            "max_retries": NUMBER,
            "min_retry_interval_millis": NUMBER,
            "retry_on_timeout": FLAG,
            "timeout_seconds": NUMBER,
            "compute": NoEffect(MapOf(ANYTHING)),
            "disable_auto_optimization": NoEffect(FLAG),
            "email_notifications": NoEffect(EMAILS),
            "environment_key": NoEffect(TEXT),
            "existing_cluster_id": NoEffect(TEXT),
            "health": NoEffect(HEALTH),
            "job_cluster_key": NoEffect(TEXT),
            "libraries": NoEffect(LIBRARIES),
            "new_cluster": NoEffect(CLUSTER),
            "notification_settings": NoEffect(NOTIFICATION_SETTINGS),
            "webhook_notifications": NoEffect(WEBHOOKS),
            **bodies,
            **dict.fromkeys(OTHER_TASK_BODIES, ANYTHING),
        },
        ("task_key",),
    )


NESTED_TASK = _task(TASK_BODIES)
FOR_EACH = Fields({"inputs": ANYTHING, "concurrency": NUMBER, "task": NESTED_TASK}, ("inputs", "task"))
TASK = _task({**TASK_BODIES, "for_each_task": FOR_EACH})

SCHEDULE = Fields(
    {"quartz_cron_expression": TEXT, "timezone_id": TEXT, "pause_status": PAUSE},
    ("quartz_cron_expression", "timezone_id"),
)
TRIGGER = Fields(
    {
        "pause_status": PAUSE,
        "periodic": Fields({"interval": NUMBER, "unit": choice("MINUTES", "HOURS", "DAYS", "WEEKS")}),
        "file_arrival": Fields(
            {"url": TEXT, "min_time_between_triggers_seconds": NUMBER, "wait_after_last_change_seconds": NUMBER},
            ("url",),
        ),
        "table_update": Fields(
            {
                "table_names": TEXTS,
                "condition": choice("ANY_UPDATED", "ALL_UPDATED"),
                "min_time_between_triggers_seconds": NUMBER,
                "wait_after_last_change_seconds": NUMBER,
            }
        ),
        "table": ANYTHING,
        "model": ANYTHING,
    }
)
JOB = Fields(
    {
        "name": TEXT,
        "description": TEXT,
        "tasks": ListOf(TASK),
        "parameters": ListOf(Fields({"name": TEXT, "default": TEXT}, ("name",))),
        "max_concurrent_runs": NUMBER,
        "queue": Fields({"enabled": FLAG}, ("enabled",)),
        "timeout_seconds": NUMBER,
        "tags": TEXT_MAP,
        "schedule": NoEffect(SCHEDULE),
        "trigger": NoEffect(TRIGGER),
        "continuous": NoEffect(Fields({"pause_status": PAUSE, "task_retry_mode": TEXT})),
        "budget_policy_id": NoEffect(TEXT),
        "deployment": NoEffect(MapOf(ANYTHING)),
        "edit_mode": NoEffect(TEXT),
        "email_notifications": NoEffect(EMAILS),
        "environments": NoEffect(ENVIRONMENTS),
        "format": NoEffect(TEXT),
        "git_source": Refused("Notebooks and files come from the bundle's own folder."),
        "health": NoEffect(HEALTH),
        "job_clusters": NoEffect(
            ListOf(Fields({"job_cluster_key": TEXT, "new_cluster": CLUSTER}, ("job_cluster_key",)))
        ),
        "lifecycle": LIFECYCLE,
        "notification_settings": NoEffect(NOTIFICATION_SETTINGS),
        "performance_target": NoEffect(TEXT),
        "permissions": PERMISSIONS,
        "run_as": RUN_AS,
        "usage_policy_id": NoEffect(TEXT),
        "webhook_notifications": NoEffect(WEBHOOKS),
    }
)

# -- pipelines

PIPELINE = Fields(
    {
        "name": TEXT,
        "catalog": TEXT,
        "schema": TEXT,
        "target": TEXT,
        "storage": TEXT,
        "configuration": TEXT_MAP,
        "libraries": ListOf(
            Fields(
                {
                    "notebook": Fields({"path": TEXT}, ("path",)),
                    "file": Fields({"path": TEXT}, ("path",)),
                    "glob": Fields({"include": TEXT}, ("include",)),
                    "jar": Refused("Supported: notebook, file, glob."),
                    "maven": Refused("Supported: notebook, file, glob."),
                    "whl": Refused("Supported: notebook, file, glob."),
                }
            )
        ),
        "root_path": TEXT,
        "development": FLAG,
        "continuous": FLAG,
        "edition": choice("CORE", "PRO", "ADVANCED", "core", "pro", "advanced"),
        "channel": choice("CURRENT", "PREVIEW", "current", "preview"),
        "photon": NoEffect(FLAG),
        "serverless": NoEffect(FLAG),
        "event_log": Fields({"catalog": TEXT, "schema": TEXT, "name": TEXT}, ("name",)),
        "allow_duplicate_names": NoEffect(FLAG),
        "budget_policy_id": NoEffect(TEXT),
        "clusters": NoEffect(ListOf(Fields({**CLUSTER.known, "label": TEXT}))),
        "deployment": NoEffect(MapOf(ANYTHING)),
        "environment": NoEffect(Fields({"dependencies": TEXTS, "environment_version": TEXT})),
        "filters": Refused(),
        "gateway_definition": Refused(),
        "id": NoEffect(TEXT),
        "ingestion_definition": Refused(),
        "lifecycle": LIFECYCLE,
        "notifications": NoEffect(ListOf(Fields({"alerts": TEXTS, "email_recipients": TEXTS}))),
        "parameters": Refused("Use 'configuration'."),
        "permissions": PERMISSIONS,
        "restart_window": NoEffect(MapOf(ANYTHING)),
        "run_as": RUN_AS,
        "tags": NoEffect(TEXT_MAP),
        "trigger": NoEffect(MapOf(ANYTHING)),
        "usage_policy_id": NoEffect(TEXT),
    }
)

OTHER_RESOURCES = (
    "alerts",
    "apps",
    "catalogs",
    "clusters",
    "dashboards",
    "database_catalogs",
    "database_instances",
    "experiments",
    "external_locations",
    "genie_spaces",
    "model_serving_endpoints",
    "models",
    "postgres_branches",
    "postgres_endpoints",
    "postgres_projects",
    "quality_monitors",
    "registered_models",
    "schemas",
    "secret_scopes",
    "sql_warehouses",
    "synced_database_tables",
    "vector_search_endpoints",
    "volumes",
)
RESOURCES = Fields(
    {
        "jobs": MapOf(JOB),
        "pipelines": MapOf(PIPELINE),
        **{kind: MapOf(NoEffect(MapOf(ANYTHING))) for kind in OTHER_RESOURCES},
    }
)

# -- the bundle

_WORKSPACE = Fields(
    {
        "root_path": TEXT,
        "file_path": TEXT,
        **{
            name: NoEffect(TEXT)
            for name in (
                "artifact_path",
                "auth_type",
                "azure_client_id",
                "azure_environment",
                "azure_login_app_id",
                "azure_tenant_id",
                "azure_workspace_resource_id",
                "client_id",
                "google_service_account",
                "host",
                "profile",
                "resource_path",
                "state_path",
            )
        },
        "azure_use_msi": NoEffect(FLAG),
    }
)
_LOOKUPS = (
    "alert",
    "cluster",
    "cluster_policy",
    "dashboard",
    "instance_pool",
    "job",
    "metastore",
    "notification_destination",
    "pipeline",
    "query",
    "service_principal",
    "warehouse",
)
_LOOKUP = Fields(dict.fromkeys(_LOOKUPS, TEXT))
VARIABLE = Fields(
    {"description": TEXT, "default": ANYTHING, "lookup": NoEffect(_LOOKUP), "type": choice("complex", "string")}
)
_PRESETS = Fields(
    {
        "name_prefix": TEXT,
        "pipelines_development": FLAG,
        "trigger_pause_status": PAUSE,
        "jobs_max_concurrent_runs": NUMBER,
        "source_linked_deployment": NoEffect(FLAG),
        "artifacts_dynamic_version": NoEffect(FLAG),
        "tags": TEXT_MAP,
    }
)
_GIT = NoEffect(Fields({"branch": TEXT, "origin_url": TEXT}))
TARGET = Fields(
    {
        "artifacts": NoEffect(MapOf(ANYTHING)),
        "bundle": Refused("Set it at the top of the root file."),
        "cluster_id": NoEffect(TEXT),
        "compute_id": NoEffect(TEXT),
        "default": FLAG,
        "git": _GIT,
        "mode": choice("development", "production"),
        "permissions": PERMISSIONS,
        "presets": _PRESETS,
        "resources": RESOURCES,
        "run_as": RUN_AS,
        "sync": NoEffect(MapOf(ANYTHING)),
        "variables": MapOf(ANYTHING),
        "workspace": _WORKSPACE,
    }
)
INCLUDED = Fields(
    {
        "artifacts": NoEffect(MapOf(ANYTHING)),
        "permissions": PERMISSIONS,
        "resources": RESOURCES,
        "run_as": RUN_AS,
        "scripts": NoEffect(MapOf(ANYTHING)),
        "sync": NoEffect(MapOf(ANYTHING)),
        "targets": MapOf(TARGET),
        "variables": MapOf(VARIABLE),
    }
)
ROOT = Fields(
    {
        **INCLUDED.known,
        "bundle": Fields(
            {
                "name": TEXT,
                "uuid": NoEffect(TEXT),
                "cluster_id": NoEffect(TEXT),
                "compute_id": NoEffect(TEXT),
                "databricks_cli_version": NoEffect(TEXT),
                "deployment": NoEffect(MapOf(ANYTHING)),
                "git": _GIT,
            },
            ("name",),
        ),
        "experimental": NoEffect(MapOf(ANYTHING)),
        "include": TEXTS,
        "presets": _PRESETS,
        "python": Refused("Define resources in YAML."),
        "workspace": _WORKSPACE,
    },
    ("bundle",),
)
VARIABLE_VALUE = OneOf((VARIABLE, ANYTHING))
