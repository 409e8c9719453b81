"""The types that Data Factory has. What runs here is less: a type that is only there is not supported, another a typo.

A test compares the names with the models of Data Factory's SDK.
https://learn.microsoft.com/rest/api/datafactory/
"""

from __future__ import annotations

from collections.abc import Iterable

from reelhouse.errors import did_you_mean


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ACTIVITY_TYPES = _names(
    """
    AppendVariable AzureDataExplorerCommand AzureFunctionActivity AzureMLBatchExecution AzureMLExecutePipeline
    AzureMLUpdateResource Copy Custom DataLakeAnalyticsU-SQL DatabricksJob DatabricksNotebook DatabricksSparkJar
    DatabricksSparkPython Delete ExecuteDataFlow ExecutePipeline ExecuteSSISPackage ExecuteWranglingDataflow
    Fail Filter ForEach GetMetadata HDInsightHive HDInsightMapReduce HDInsightPig HDInsightSpark
    HDInsightStreaming IfCondition Lookup Script SetVariable SparkJob SqlServerStoredProcedure Switch
    SynapseNotebook Until Validation Wait WebActivity WebHook
    """
)
"""Types of activities."""

DATASET_TYPES = _names(
    """
    AmazonMWSObject AmazonRdsForOracleTable AmazonRdsForSqlServerTable AmazonRedshiftTable AmazonS3Object Avro
    AzureBlob AzureBlobFSFile AzureDataExplorerTable AzureDataLakeStoreFile AzureDatabricksDeltaLakeDataset
    AzureMariaDBTable AzureMySqlTable AzurePostgreSqlTable AzureSearchIndex AzureSqlDWTable AzureSqlMITable
    AzureSqlTable AzureTable Binary CassandraTable CommonDataServiceForAppsEntity ConcurObject
    CosmosDbMongoDbApiCollection CosmosDbSqlApiCollection CouchbaseTable CustomDataset Db2Table DelimitedText
    DocumentDbCollection DrillTable DynamicsAXResource DynamicsCrmEntity DynamicsEntity EloquaObject Excel
    FileShare GoogleAdWordsObject GoogleBigQueryObject GoogleBigQueryV2Object GreenplumTable HBaseObject
    HiveObject HttpFile HubspotObject Iceberg ImpalaObject InformixTable JiraObject Json LakehouseTable
    MagentoObject MariaDBTable MarketoObject MicrosoftAccessTable MongoDbAtlasCollection MongoDbCollection
    MongoDbV2Collection MySqlTable NetezzaTable ODataResource OdbcTable Office365Table OracleServiceCloudObject
    OracleTable Orc Parquet PaypalObject PhoenixObject PostgreSqlTable PostgreSqlV2Table PrestoObject
    QuickBooksObject RelationalTable ResponsysObject RestResource SalesforceMarketingCloudObject
    SalesforceObject SalesforceServiceCloudObject SalesforceServiceCloudV2Object SalesforceV2Object SapBwCube
    SapCloudForCustomerResource SapEccResource SapHanaTable SapOdpResource SapOpenHubTable SapTableResource
    ServiceNowObject ServiceNowV2Object SharePointOnlineListResource ShopifyObject SnowflakeTable
    SnowflakeV2Table SparkObject SqlServerTable SquareObject SybaseTable TeradataTable VerticaTable
    WarehouseTable WebTable XeroObject Xml ZohoObject
    """
)
"""Types of datasets."""

LINKED_SERVICE_TYPES = _names(
    """
    AmazonMWS AmazonRdsForOracle AmazonRdsForSqlServer AmazonRedshift AmazonS3 AmazonS3Compatible AppFigures
    Asana AzureBatch AzureBlobFS AzureBlobStorage AzureDataExplorer AzureDataLakeAnalytics AzureDataLakeStore
    AzureDatabricks AzureDatabricksDeltaLake AzureFileStorage AzureFunction AzureKeyVault AzureML AzureMLService
    AzureMariaDB AzureMySql AzurePostgreSql AzureSearch AzureSqlDW AzureSqlDatabase AzureSqlMI AzureStorage
    AzureSynapseArtifacts AzureTableStorage Cassandra CommonDataServiceForApps Concur CosmosDb
    CosmosDbMongoDbApi Couchbase CustomDataSource Dataworld Db2 Drill Dynamics DynamicsAX DynamicsCrm Eloqua
    FileServer FtpServer GoogleAdWords GoogleBigQuery GoogleBigQueryV2 GoogleCloudStorage GoogleSheets Greenplum
    HBase HDInsight HDInsightOnDemand Hdfs Hive HttpServer Hubspot Impala Informix Jira Lakehouse Magento
    MariaDB Marketo MicrosoftAccess MongoDb MongoDbAtlas MongoDbV2 MySql Netezza OData Odbc Office365 Oracle
    OracleCloudStorage OracleServiceCloud Paypal Phoenix PostgreSql PostgreSqlV2 Presto QuickBooks Quickbase
    Responsys RestService Salesforce SalesforceMarketingCloud SalesforceServiceCloud SalesforceServiceCloudV2
    SalesforceV2 SapBW SapCloudForCustomer SapEcc SapHana SapOdp SapOpenHub SapTable ServiceNow ServiceNowV2
    Sftp SharePointOnlineList Shopify Smartsheet Snowflake SnowflakeV2 Spark SqlServer Square Sybase TeamDesk
    Teradata Twilio Vertica Warehouse Web Xero Zendesk Zoho
    """
)
"""Types of linked services."""


def is_typo(kind: str, known: frozenset[str], supported: Iterable[str]) -> bool:
    """Whether Data Factory has no such type at all."""
    return kind not in known and kind not in supported


def nearest_type(kind: str, known: frozenset[str], supported: Iterable[str]) -> str:
    """The remedy for a type that does not run here: those that do, or the nearest name when it is a typo."""
    names = sorted(supported)
    if kind in known:
        return f"Supported: {', '.join(names)}."
    return did_you_mean(kind, sorted({*known, *names}))
