"""The `typeProperties` of everything that runs here, as the wire spells them. A name that is not in a model is refused.

Values may be dynamic, so they are typed when they have been evaluated, not here.
https://learn.microsoft.com/rest/api/datafactory/pipelines/create-or-update
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Settings(BaseModel):
    """Base of all models: camel case on the wire, unknown names forbidden."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)


class SetVariable(Settings):
    variable_name: str
    value: Any = None
    set_system_variable: bool = False


class AppendVariable(Settings):
    variable_name: str
    value: Any = None


class Filter(Settings):
    items: Any
    condition: Any


class IfCondition(Settings):
    expression: Any
    if_true_activities: list[Any] = Field(default_factory=list)
    if_false_activities: list[Any] = Field(default_factory=list)


class SwitchCase(Settings):
    value: str
    activities: list[Any] = Field(default_factory=list)


class Switch(Settings):
    on: Any
    cases: list[Any] = Field(default_factory=list)
    default_activities: list[Any] = Field(default_factory=list)


class ForEach(Settings):
    items: Any
    is_sequential: bool = False
    batch_count: int | None = None
    activities: list[Any]


class Until(Settings):
    expression: Any
    timeout: Any = "7.00:00:00"
    activities: list[Any]


class Wait(Settings):
    wait_time_in_seconds: Any


class Fail(Settings):
    message: Any = None
    error_code: Any = None


class ExecutePipeline(Settings):
    pipeline: Any
    parameters: dict[str, Any] = Field(default_factory=dict)
    wait_on_completion: bool = True


class Lookup(Settings):
    source: dict[str, Any]
    dataset: Any
    first_row_only: Any = True


class GetMetadata(Settings):
    dataset: Any
    field_list: list[Any] = Field(default_factory=list)
    store_settings: dict[str, Any] | None = None
    format_settings: dict[str, Any] | None = None


class Validation(Settings):
    dataset: Any
    timeout: Any = "0.12:00:00"
    sleep: Any = 10
    minimum_size: Any = None
    child_items: Any = None


class Delete(Settings):
    dataset: Any
    store_settings: dict[str, Any] | None = None
    enable_logging: Any = False
    log_storage_settings: Any = None
    recursive: Any = None
    max_concurrent_connections: Any = None


class Copy(Settings):
    source: dict[str, Any]
    sink: dict[str, Any]
    translator: Any = None
    enable_staging: Any = False
    staging_settings: Any = None
    parallel_copies: Any = None
    data_integration_units: Any = None
    enable_skip_incompatible_row: Any = False
    redirect_incompatible_row_settings: Any = None
    log_settings: Any = None
    log_storage_settings: Any = None
    preserve: Any = None
    preserve_rules: Any = None
    skip_error_file: Any = None
    validate_data_consistency: Any = False


class DatabricksNotebook(Settings):
    notebook_path: Any
    base_parameters: dict[str, Any] = Field(default_factory=dict)
    libraries: list[Any] = Field(default_factory=list)


class DatabricksJob(Settings):
    job_id: Any = None
    job_parameters: dict[str, Any] | None = None
    job_path: Any = None
    base_parameters: dict[str, Any] | None = None


class WebActivity(Settings):
    method: Any
    url: Any
    headers: Any = Field(default_factory=dict)
    body: Any = None
    authentication: dict[str, Any] | None = None
    disable_cert_validation: Any = False
    http_request_timeout: Any = "00:01:00"
    turn_off_async: Any = False
    datasets: list[Any] = Field(default_factory=list)
    linked_services: list[Any] = Field(default_factory=list)
    connect_via: Any = None


ACTIVITY_SETTINGS: dict[str, type[Settings]] = {
    model.__name__: model
    for model in (
        AppendVariable, Copy, DatabricksJob, DatabricksNotebook, Delete, ExecutePipeline, Fail, Filter, ForEach,
        GetMetadata, IfCondition, Lookup, SetVariable, Switch, Until, Validation, Wait, WebActivity,
    )
}  # fmt: skip
"""The activity types that run here."""

CONTROL_TYPES = frozenset(
    ("AppendVariable", "ExecutePipeline", "Fail", "Filter", "ForEach", "IfCondition", "SetVariable", "Switch", "Until",
     "Validation", "Wait")
)  # fmt: skip
"""Activities that control the flow. They take no retry policy."""


class Location(Settings):
    type: str
    folder_path: Any = None
    file_name: Any = None


class HttpServerLocation(Location):
    relative_url: Any = None


class AzureBlobFSLocation(Location):
    file_system: Any = None


class AzureBlobStorageLocation(Location):
    container: Any = None


LOCATIONS: dict[str, type[Location]] = {
    model.__name__: model for model in (HttpServerLocation, AzureBlobFSLocation, AzureBlobStorageLocation)
}


class Binary(Settings):
    location: dict[str, Any]
    compression: Any = None


class DelimitedText(Settings):
    location: dict[str, Any]
    column_delimiter: Any = ","
    row_delimiter: Any = None
    encoding_name: Any = "UTF-8"
    compression_codec: Any = None
    compression_level: Any = None
    quote_char: Any = '"'
    escape_char: Any = "\\"
    first_row_as_header: Any = False
    null_value: Any = ""


class Json(Settings):
    location: dict[str, Any]
    encoding_name: Any = "UTF-8"
    compression: Any = None


class Parquet(Settings):
    location: dict[str, Any]
    compression_codec: Any = None


DATASET_SETTINGS: dict[str, type[Settings]] = {
    model.__name__: model for model in (Binary, DelimitedText, Json, Parquet)
}
"""The dataset types that run here."""


class HttpServer(Settings):
    url: Any
    authentication_type: Any = "Anonymous"
    user_name: Any = None
    password: Any = None
    enable_server_certificate_validation: Any = True
    encrypted_credential: Any = None
    auth_headers: Any = None


class AzureBlobFS(Settings):
    url: Any = None
    account_key: Any = None
    service_principal_id: Any = None
    service_principal_key: Any = None
    service_principal_credential_type: Any = None
    service_principal_credential: Any = None
    tenant: Any = None
    azure_cloud_type: Any = None
    sas_uri: Any = None
    sas_token: Any = None
    encrypted_credential: Any = None
    credential: Any = None


class AzureBlobStorage(AzureBlobFS):
    connection_string: Any = None
    service_endpoint: Any = None
    container_uri: Any = None
    account_kind: Any = None
    authentication_type: Any = None


class AzureDatabricks(Settings):
    domain: Any
    access_token: Any = None
    authentication: Any = None
    workspace_resource_id: Any = None
    existing_cluster_id: Any = None
    instance_pool_id: Any = None
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


class AzureKeyVault(Settings):
    base_url: Any
    credential: Any = None


LINKED_SERVICE_SETTINGS: dict[str, type[Settings]] = {
    model.__name__: model for model in (HttpServer, AzureBlobFS, AzureBlobStorage, AzureDatabricks, AzureKeyVault)
}
"""The linked service types that run here."""


class ReadSettings(Settings):
    type: str
    max_concurrent_connections: Any = None


class HttpReadSettings(ReadSettings):
    request_method: Any = "GET"
    request_body: Any = None
    additional_headers: Any = None
    request_timeout: Any = "00:01:40"
    enable_partition_discovery: Any = False
    additional_columns: Any = None


class AzureBlobFSReadSettings(ReadSettings):
    recursive: Any = True
    wildcard_folder_path: Any = None
    wildcard_file_name: Any = None
    file_list_path: Any = None
    modified_datetime_start: Any = None
    modified_datetime_end: Any = None
    enable_partition_discovery: Any = False
    partition_root_path: Any = None
    delete_files_after_completion: Any = False


class AzureBlobStorageReadSettings(AzureBlobFSReadSettings):
    prefix: Any = None


READ_SETTINGS: dict[str, type[ReadSettings]] = {
    model.__name__: model for model in (HttpReadSettings, AzureBlobFSReadSettings, AzureBlobStorageReadSettings)
}


class AzureBlobFSWriteSettings(Settings):
    type: str
    copy_behavior: Any = None
    max_concurrent_connections: Any = None
    block_size_in_mb: Any = Field(None, alias="blockSizeInMB")


class AzureBlobStorageWriteSettings(AzureBlobFSWriteSettings):
    pass


WRITE_SETTINGS: dict[str, type[AzureBlobFSWriteSettings]] = {
    model.__name__: model for model in (AzureBlobFSWriteSettings, AzureBlobStorageWriteSettings)
}


class BinarySource(Settings):
    type: str
    store_settings: dict[str, Any] | None = None
    format_settings: dict[str, Any] | None = None
    recursive: Any = None
    max_concurrent_connections: Any = None


class BinarySink(Settings):
    type: str
    store_settings: dict[str, Any] | None = None
    max_concurrent_connections: Any = None


class TextSource(BinarySource):
    additional_columns: Any = None


SOURCES: dict[str, type[BinarySource]] = {
    "BinarySource": BinarySource,
    "DelimitedTextSource": TextSource,
    "JsonSource": TextSource,
}


class FormatSettings(Settings):
    type: str
    skip_line_count: Any = None
