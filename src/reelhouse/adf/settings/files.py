"""Activities on data, and the files of a storage account: datasets, formats, places, store settings.

https://learn.microsoft.com/azure/data-factory/copy-activity-overview and
https://learn.microsoft.com/azure/data-factory/connector-azure-data-lake-storage
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reelhouse.adf.settings.base import Settings


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


class Location(Settings):
    type: str
    folder_path: Any = None
    file_name: Any = None


class AzureBlobFSLocation(Location):
    file_system: Any = None


class AzureBlobStorageLocation(Location):
    container: Any = None


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


class ReadSettings(Settings):
    type: str
    max_concurrent_connections: Any = None


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


class AzureBlobFSWriteSettings(Settings):
    type: str
    copy_behavior: Any = None
    max_concurrent_connections: Any = None
    block_size_in_mb: Any = Field(None, alias="blockSizeInMB")


class AzureBlobStorageWriteSettings(AzureBlobFSWriteSettings):
    pass


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


class FormatSettings(Settings):
    type: str
    skip_line_count: Any = None


ACTIVITIES: dict[str, type[Settings]] = {
    model.__name__: model for model in (Copy, Delete, GetMetadata, Lookup, Validation)
}
DATASETS: dict[str, type[Settings]] = {model.__name__: model for model in (Binary, DelimitedText, Json, Parquet)}
LINKED_SERVICES: dict[str, type[Settings]] = {model.__name__: model for model in (AzureBlobFS, AzureBlobStorage)}
LOCATIONS: dict[str, type[Location]] = {
    model.__name__: model for model in (AzureBlobFSLocation, AzureBlobStorageLocation)
}
READ_SETTINGS: dict[str, type[ReadSettings]] = {
    model.__name__: model for model in (AzureBlobFSReadSettings, AzureBlobStorageReadSettings)
}
WRITE_SETTINGS: dict[str, type[AzureBlobFSWriteSettings]] = {
    model.__name__: model for model in (AzureBlobFSWriteSettings, AzureBlobStorageWriteSettings)
}
SOURCES: dict[str, type[BinarySource]] = {
    "BinarySource": BinarySource,
    "DelimitedTextSource": TextSource,
    "JsonSource": TextSource,
}
