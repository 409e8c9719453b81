"""Activities on data, and the files of a storage account: datasets, formats, places, store settings.

https://learn.microsoft.com/azure/data-factory/copy-activity-overview and
https://learn.microsoft.com/azure/data-factory/connector-azure-data-lake-storage
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reelhouse.adf.settings.base import CopySink, Settings


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


class Avro(Settings):
    location: dict[str, Any]
    avro_compression_codec: Any = None
    avro_compression_level: Any = None


class Excel(Settings):
    location: dict[str, Any]
    sheet_name: Any = None
    sheet_index: Any = None
    range: Any = None
    first_row_as_header: Any = False
    null_value: Any = ""
    compression: Any = None


class Xml(Settings):
    location: dict[str, Any]
    encoding_name: Any = "UTF-8"
    null_value: Any = ""
    compression: Any = None


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
    source_retry_count: Any = None
    source_retry_wait: Any = None
    disable_metrics_collection: Any = None


class FileSink(CopySink):
    store_settings: dict[str, Any] | None = None
    format_settings: dict[str, Any] | None = None


class RowReadSettings(Settings):
    """The `formatSettings` of sources."""

    type: str
    compression_properties: Any = None


class DelimitedTextReadSettings(RowReadSettings):
    skip_line_count: Any = None


class XmlReadSettings(RowReadSettings):
    validation_mode: Any = "none"
    detect_data_type: Any = True
    namespaces: Any = True
    namespace_prefixes: Any = None


class RowWriteSettings(Settings):
    """The `formatSettings` of sinks."""

    type: str
    max_rows_per_file: Any = None
    file_name_prefix: Any = None


class DelimitedTextWriteSettings(RowWriteSettings):
    quote_all_text: Any = False
    file_extension: Any = None


class JsonWriteSettings(Settings):
    type: str
    quote_all_text: Any = None  # some files have it; texts in JSON are quoted whatever it says
    file_pattern: Any = "setOfObjects"


class AvroWriteSettings(RowWriteSettings):
    record_name: Any = None
    record_namespace: Any = None


class CompressionReadSettings(Settings):
    """How an archive is unpacked. The name of the property is that of the kind."""

    type: str
    preserve_zip_file_name_as_folder: Any = None
    preserve_compression_file_name_as_folder: Any = None


class TabularTranslator(Settings):
    """The `translator` of a Copy. `columnMappings` and `schemaMapping` are the forms of before."""

    type: str
    mappings: Any = None
    column_mappings: Any = None
    schema_mapping: Any = None
    collection_reference: Any = None
    map_complex_values_to_string: Any = None
    type_conversion: Any = None
    type_conversion_settings: Any = None


class TypeConversionSettings(Settings):
    allow_data_truncation: Any = True
    treat_boolean_as_number: Any = False
    date_time_format: Any = None
    date_time_offset_format: Any = None
    time_span_format: Any = None
    culture: Any = None


class ColumnSide(Settings):
    """One side of a mapping. `physicalType` and `length` are what ADF Studio shows of the store."""

    name: Any = None
    ordinal: Any = None
    path: Any = None
    type: Any = None
    physical_type: Any = None
    length: Any = None
    precision: Any = None
    scale: Any = None
    culture: Any = None
    format: Any = None


class SkipErrorFile(Settings):
    file_missing: Any = True
    file_forbidden: Any = False
    data_inconsistency: Any = False
    invalid_file_name: Any = False


class LogSettings(Settings):
    enable_copy_activity_log: Any = True
    copy_activity_log_settings: Any = None
    log_location_settings: Any = None


class LogLevelSettings(Settings):
    log_level: Any = "Warning"
    enable_reliable_logging: Any = False


class LogLocation(Settings):
    """A folder for a log. The last two belong to `logStorageSettings`, the form of before."""

    linked_service_name: Any
    path: Any = None
    log_level: Any = "Warning"
    enable_reliable_logging: Any = False


class FormatSettings(Settings):
    type: str
    skip_line_count: Any = None


ACTIVITIES: dict[str, type[Settings]] = {
    model.__name__: model for model in (Copy, Delete, GetMetadata, Lookup, Validation)
}
DATASETS: dict[str, type[Settings]] = {
    model.__name__: model for model in (Avro, Binary, DelimitedText, Excel, Json, Parquet, Xml)
}
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
    "AvroSource": TextSource,
    "DelimitedTextSource": TextSource,
    "ExcelSource": TextSource,
    "JsonSource": TextSource,
    "ParquetSource": TextSource,
    "XmlSource": TextSource,
}
READ_FORMATS: dict[str, type[RowReadSettings]] = {
    "AvroReadSettings": RowReadSettings,
    "BinaryReadSettings": RowReadSettings,
    "DelimitedTextReadSettings": DelimitedTextReadSettings,
    "ExcelReadSettings": RowReadSettings,
    "JsonReadSettings": RowReadSettings,
    "ParquetReadSettings": RowReadSettings,
    "XmlReadSettings": XmlReadSettings,
}
WRITE_FORMATS: dict[str, type[Settings]] = {
    "AvroWriteSettings": AvroWriteSettings,
    "DelimitedTextWriteSettings": DelimitedTextWriteSettings,
    "JsonWriteSettings": JsonWriteSettings,
    "ParquetWriteSettings": RowWriteSettings,
}
