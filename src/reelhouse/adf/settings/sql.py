"""SQL databases: linked services, tables, sources, sinks, and the activities that run SQL.

What says how to reach a database on Azure (driver options, credentials, pools) is read and not used: `[sql]` of
reelhouse.toml says which database stands in for it.
https://learn.microsoft.com/azure/data-factory/connector-azure-sql-database and the page of each other connector
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from reelhouse.adf.settings.base import CopySink, CopySource, Settings


class SqlService(Settings):
    """Base of all linked services of databases."""

    connection_string: Any = None
    server: Any = None
    database: Any = None
    password: Any = None
    encrypted_credential: Any = None


class SqlServer(SqlService):
    encrypt: Any = None
    trust_server_certificate: Any = None
    host_name_in_certificate: Any = None
    application_intent: Any = None
    connect_timeout: Any = None
    connect_retry_count: Any = None
    connect_retry_interval: Any = None
    load_balance_timeout: Any = None
    command_timeout: Any = None
    integrated_security: Any = None
    failover_partner: Any = None
    max_pool_size: Any = None
    min_pool_size: Any = None
    multiple_active_result_sets: Any = None
    multi_subnet_failover: Any = None
    packet_size: Any = None
    pooling: Any = None
    authentication_type: Any = None
    user_name: Any = None
    always_encrypted_settings: Any = None
    credential: Any = None


class AzureSqlDatabase(SqlServer):
    service_principal_id: Any = None
    service_principal_key: Any = None
    service_principal_credential_type: Any = None
    service_principal_credential: Any = None
    tenant: Any = None
    azure_cloud_type: Any = None


class AzureSqlDW(AzureSqlDatabase):
    pass


class AzureSqlMI(AzureSqlDatabase):
    pass


class PostgreSql(SqlService):
    pass


class PostgreSqlV2(SqlService):
    port: Any = None
    username: Any = None
    authentication_type: Any = None
    ssl_mode: Any = None
    schema_: Any = Field(None, alias="schema")
    pooling: Any = None
    connection_timeout: Any = None
    command_timeout: Any = None
    trust_server_certificate: Any = None
    ssl_certificate: Any = None
    ssl_key: Any = None
    ssl_password: Any = None
    read_buffer_size: Any = None
    log_parameters: Any = None
    timezone: Any = None
    encoding: Any = None


class AzurePostgreSql(SqlService):
    port: Any = None
    username: Any = None
    ssl_mode: Any = None
    timeout: Any = None
    command_timeout: Any = None
    trust_server_certificate: Any = None
    read_buffer_size: Any = None
    timezone: Any = None
    encoding: Any = None
    service_principal_id: Any = None
    service_principal_key: Any = None
    service_principal_credential_type: Any = None
    service_principal_embedded_cert: Any = None
    service_principal_embedded_cert_password: Any = None
    tenant: Any = None
    azure_cloud_type: Any = None
    credential: Any = None


class MySql(SqlService):
    driver_version: Any = None
    port: Any = None
    username: Any = None
    ssl_mode: Any = None
    use_system_trust_store: Any = None
    allow_zero_date_time: Any = None
    connection_timeout: Any = None
    convert_zero_date_time: Any = None
    guid_format: Any = None
    ssl_cert: Any = None
    ssl_key: Any = None
    treat_tiny_as_boolean: Any = None


class AzureMySql(SqlService):
    pass


class Oracle(SqlService):
    authentication_type: Any = None
    username: Any = None
    encryption_client: Any = None
    encryption_types_client: Any = None
    crypto_checksum_client: Any = None
    crypto_checksum_types_client: Any = None
    initial_lob_fetch_size: Any = None
    fetch_size: Any = None
    statement_cache_size: Any = None
    initialization_string: Any = None
    enable_bulk_load: Any = None
    support_v1_data_types: Any = Field(None, alias="supportV1DataTypes")
    fetch_tswtz_as_timestamp: Any = None


class Snowflake(SqlService):
    pass


class SnowflakeV2(SqlService):
    account_identifier: Any = None
    user: Any = None
    warehouse: Any = None
    authentication_type: Any = None
    client_id: Any = None
    client_secret: Any = None
    tenant_id: Any = None
    scope: Any = None
    private_key: Any = None
    private_key_passphrase: Any = None
    role: Any = None
    host: Any = None
    schema_: Any = Field(None, alias="schema")
    use_utc_timestamps: Any = None


class SqlTableSettings(Settings):
    """A table: `schema` and `table`, or the older `tableName` that may hold both."""

    schema_: Any = Field(None, alias="schema")
    table: Any = None
    table_name: Any = None


class SqlSource(CopySource):
    """A source of any database; `query_of` finds its query."""

    query: Any = None
    query_timeout: Any = "02:00:00"
    additional_columns: Any = None


class TransactSource(CopySource):
    """A source of the family of SQL Server."""

    sql_reader_query: Any = None
    sql_reader_stored_procedure_name: Any = None
    stored_procedure_parameters: Any = None
    isolation_level: Any = None
    produce_additional_types: Any = None
    partition_option: Any = None
    partition_settings: Any = None
    query_timeout: Any = "02:00:00"
    additional_columns: Any = None


class OracleSource(CopySource):
    oracle_reader_query: Any = None
    partition_option: Any = None
    partition_settings: Any = None
    number_precision: Any = None
    number_scale: Any = None
    query_timeout: Any = "02:00:00"
    additional_columns: Any = None


class SnowflakeSource(SqlSource):
    export_settings: Any = None


class SqlSink(CopySink):
    """What all sinks have."""

    pre_copy_script: Any = None


class TransactSink(SqlSink):
    """A sink of the family of SQL Server."""

    sql_writer_stored_procedure_name: Any = None
    sql_writer_table_type: Any = None
    stored_procedure_parameters: Any = None
    stored_procedure_table_type_parameter_name: Any = None
    table_option: Any = None
    sql_writer_use_table_lock: Any = None
    write_behavior: Any = None
    upsert_settings: Any = None


class SqlDWSink(SqlSink):
    allow_poly_base: Any = None
    poly_base_settings: Any = None
    allow_copy_command: Any = None
    copy_command_settings: Any = None
    table_option: Any = None
    sql_writer_use_table_lock: Any = None
    write_behavior: Any = None
    upsert_settings: Any = None


class AzurePostgreSqlSink(SqlSink):
    write_method: Any = None
    upsert_settings: Any = None


class SnowflakeSink(SqlSink):
    import_settings: Any = None


class UpsertSettings(Settings):
    keys: Any = None
    interim_schema_name: Any = None
    use_temp_db: Any = Field(None, alias="useTempDB")


class Script(Settings):
    scripts: Any
    script_block_execution_timeout: Any = None
    log_settings: Any = None
    return_multistatement_result: Any = None
    treat_decimal_as_string: Any = None


class ScriptBlock(Settings):
    text: Any
    type: Any = "Query"
    parameters: Any = None


class ScriptParameter(Settings):
    name: Any = None
    value: Any = None
    type: Any = None
    direction: Any = "Input"
    size: Any = None


class SqlServerStoredProcedure(Settings):
    stored_procedure_name: Any
    stored_procedure_parameters: Any = None


ACTIVITIES: dict[str, type[Settings]] = {model.__name__: model for model in (Script, SqlServerStoredProcedure)}
LINKED_SERVICES: dict[str, type[Settings]] = {
    model.__name__: model
    for model in (
        AzureSqlDatabase, SqlServer, AzureSqlDW, AzureSqlMI, PostgreSql, PostgreSqlV2, AzurePostgreSql, MySql,
        AzureMySql, Oracle, Snowflake, SnowflakeV2,
    )
}  # fmt: skip
DIALECTS: dict[str, str] = {
    "AzureSqlDatabase": "tsql", "SqlServer": "tsql", "AzureSqlDW": "tsql", "AzureSqlMI": "tsql",
    "PostgreSql": "postgres", "PostgreSqlV2": "postgres", "AzurePostgreSql": "postgres", "MySql": "mysql",
    "AzureMySql": "mysql", "Oracle": "oracle", "Snowflake": "snowflake", "SnowflakeV2": "snowflake",
}  # fmt: skip
"""The SQL that artifacts of a linked service are written in."""

DATASETS: dict[str, type[Settings]] = dict.fromkeys(
    (
        "AzureSqlTable", "SqlServerTable", "AzureSqlDWTable", "AzureSqlMITable", "PostgreSqlTable",
        "PostgreSqlV2Table", "AzurePostgreSqlTable", "MySqlTable", "AzureMySqlTable", "OracleTable", "SnowflakeTable",
        "SnowflakeV2Table",
    ),
    SqlTableSettings,
)  # fmt: skip
SERVICES_OF: dict[str, str] = {name: name.removesuffix("Table") for name in DATASETS} | {
    "AzureSqlTable": "AzureSqlDatabase"
}
"""The linked service of a type of datasets."""

SOURCES: dict[str, type[Settings]] = {
    **dict.fromkeys(("AzureSqlSource", "SqlServerSource", "SqlDWSource", "SqlMISource", "SqlSource"), TransactSource),
    **dict.fromkeys(
        ("PostgreSqlSource", "PostgreSqlV2Source", "AzurePostgreSqlSource", "MySqlSource", "AzureMySqlSource"),
        SqlSource,
    ),
    "OracleSource": OracleSource,
    "SnowflakeSource": SnowflakeSource,
    "SnowflakeV2Source": SnowflakeSource,
}
SINKS: dict[str, type[Settings]] = {
    **dict.fromkeys(("AzureSqlSink", "SqlServerSink", "SqlMISink", "SqlSink"), TransactSink),
    "SqlDWSink": SqlDWSink,
    "AzurePostgreSqlSink": AzurePostgreSqlSink,
    "AzureMySqlSink": SqlSink,
    "OracleSink": SqlSink,
    "SnowflakeSink": SnowflakeSink,
    "SnowflakeV2Sink": SnowflakeSink,
}
DATASETS_OF: dict[str, tuple[str, ...]] = {
    "AzureSql": ("AzureSqlTable",), "SqlServer": ("SqlServerTable",), "SqlDW": ("AzureSqlDWTable",),
    "SqlMI": ("AzureSqlMITable",), "Sql": ("AzureSqlTable", "SqlServerTable", "AzureSqlDWTable", "AzureSqlMITable"),
    "PostgreSql": ("PostgreSqlTable",), "PostgreSqlV2": ("PostgreSqlV2Table",),
    "AzurePostgreSql": ("AzurePostgreSqlTable",), "MySql": ("MySqlTable",), "AzureMySql": ("AzureMySqlTable",),
    "Oracle": ("OracleTable",), "Snowflake": ("SnowflakeTable",), "SnowflakeV2": ("SnowflakeV2Table",),
}  # fmt: skip
"""The types of datasets that a source or a sink takes, by its name without its ending."""
