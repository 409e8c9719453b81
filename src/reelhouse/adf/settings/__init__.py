"""The `typeProperties` of everything that runs here, as the wire spells them. A name that is not in a model is refused.

Values may be dynamic, so they are typed when they have been evaluated, not here. Each module tells what it adds to the
registries below.
https://learn.microsoft.com/rest/api/datafactory/pipelines/create-or-update
"""

from __future__ import annotations

from reelhouse.adf.settings import control, databricks, dataflow, files, rest, sql, web
from reelhouse.adf.settings.base import Settings as Settings
from reelhouse.adf.settings.control import AppendVariable as AppendVariable
from reelhouse.adf.settings.control import ExecutePipeline as ExecutePipeline
from reelhouse.adf.settings.control import Fail as Fail
from reelhouse.adf.settings.control import Filter as Filter
from reelhouse.adf.settings.control import ForEach as ForEach
from reelhouse.adf.settings.control import IfCondition as IfCondition
from reelhouse.adf.settings.control import SetVariable as SetVariable
from reelhouse.adf.settings.control import Switch as Switch
from reelhouse.adf.settings.control import SwitchCase as SwitchCase
from reelhouse.adf.settings.control import Until as Until
from reelhouse.adf.settings.control import Wait as Wait
from reelhouse.adf.settings.databricks import AzureDatabricks as AzureDatabricks
from reelhouse.adf.settings.databricks import DatabricksJob as DatabricksJob
from reelhouse.adf.settings.databricks import DatabricksNotebook as DatabricksNotebook
from reelhouse.adf.settings.databricks import DatabricksSparkPython as DatabricksSparkPython
from reelhouse.adf.settings.dataflow import ExecuteDataFlow as ExecuteDataFlow
from reelhouse.adf.settings.files import AzureBlobFS as AzureBlobFS
from reelhouse.adf.settings.files import AzureBlobFSLocation as AzureBlobFSLocation
from reelhouse.adf.settings.files import AzureBlobFSReadSettings as AzureBlobFSReadSettings
from reelhouse.adf.settings.files import AzureBlobFSWriteSettings as AzureBlobFSWriteSettings
from reelhouse.adf.settings.files import AzureBlobStorage as AzureBlobStorage
from reelhouse.adf.settings.files import AzureBlobStorageLocation as AzureBlobStorageLocation
from reelhouse.adf.settings.files import AzureBlobStorageReadSettings as AzureBlobStorageReadSettings
from reelhouse.adf.settings.files import AzureBlobStorageWriteSettings as AzureBlobStorageWriteSettings
from reelhouse.adf.settings.files import Binary as Binary
from reelhouse.adf.settings.files import BinarySink as BinarySink
from reelhouse.adf.settings.files import BinarySource as BinarySource
from reelhouse.adf.settings.files import Copy as Copy
from reelhouse.adf.settings.files import Delete as Delete
from reelhouse.adf.settings.files import DelimitedText as DelimitedText
from reelhouse.adf.settings.files import FormatSettings as FormatSettings
from reelhouse.adf.settings.files import GetMetadata as GetMetadata
from reelhouse.adf.settings.files import Json as Json
from reelhouse.adf.settings.files import Location as Location
from reelhouse.adf.settings.files import Lookup as Lookup
from reelhouse.adf.settings.files import Parquet as Parquet
from reelhouse.adf.settings.files import ReadSettings as ReadSettings
from reelhouse.adf.settings.files import TextSource as TextSource
from reelhouse.adf.settings.files import Validation as Validation
from reelhouse.adf.settings.rest import RestResource as RestResource
from reelhouse.adf.settings.rest import RestService as RestService
from reelhouse.adf.settings.rest import RestSink as RestSink
from reelhouse.adf.settings.rest import RestSource as RestSource
from reelhouse.adf.settings.sql import Script as Script
from reelhouse.adf.settings.sql import SqlServerStoredProcedure as SqlServerStoredProcedure
from reelhouse.adf.settings.web import AzureFunction as AzureFunction
from reelhouse.adf.settings.web import AzureFunctionActivity as AzureFunctionActivity
from reelhouse.adf.settings.web import AzureKeyVault as AzureKeyVault
from reelhouse.adf.settings.web import HttpReadSettings as HttpReadSettings
from reelhouse.adf.settings.web import HttpServer as HttpServer
from reelhouse.adf.settings.web import HttpServerLocation as HttpServerLocation
from reelhouse.adf.settings.web import WebActivity as WebActivity
from reelhouse.adf.settings.web import WebHook as WebHook

ACTIVITY_SETTINGS: dict[str, type[Settings]] = {
    **control.ACTIVITIES,
    **databricks.ACTIVITIES,
    **dataflow.ACTIVITIES,
    **files.ACTIVITIES,
    **sql.ACTIVITIES,
    **web.ACTIVITIES,
}
"""The activity types that run here."""

CONTROL_TYPES = frozenset((*control.ACTIVITIES, "Validation", "WebHook"))
"""Activities that control the flow. They take no retry policy."""

DATASET_SETTINGS: dict[str, type[Settings]] = {**files.DATASETS, **rest.DATASETS, **sql.DATASETS}
"""The dataset types that run here."""

LINKED_SERVICE_SETTINGS: dict[str, type[Settings]] = {
    **files.LINKED_SERVICES,
    **databricks.LINKED_SERVICES,
    **rest.LINKED_SERVICES,
    **sql.LINKED_SERVICES,
    **web.LINKED_SERVICES,
}
"""The linked service types that run here."""

LOCATIONS: dict[str, type[Location]] = {**files.LOCATIONS, **web.LOCATIONS}
READ_SETTINGS: dict[str, type[ReadSettings]] = {**files.READ_SETTINGS, **web.READ_SETTINGS}
WRITE_SETTINGS: dict[str, type[AzureBlobFSWriteSettings]] = {**files.WRITE_SETTINGS}
SOURCES: dict[str, type[BinarySource]] = {**files.SOURCES}
