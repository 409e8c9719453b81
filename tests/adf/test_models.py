"""Our models of `typeProperties` beside those of Data Factory's SDK: nothing of the SDK is missing by accident."""

from __future__ import annotations

import re

import pytest

import reelhouse.adf.settings as ours
from reelhouse.adf.type_check import ACTIVITY_TYPES, DATASET_TYPES, LINKED_SERVICE_TYPES, is_typo, nearest_type

sdk = pytest.importorskip("azure.mgmt.datafactory.models")

REFUSED = {
    "Lookup": {"treatDecimalAsString"},
    "BinarySource": {"disableMetricsCollection", "sourceRetryCount", "sourceRetryWait"},
    "AzureBlobFSReadSettings": {"disableMetricsCollection"},
    "AzureBlobStorageReadSettings": {"disableMetricsCollection"},
    "HttpReadSettings": {"disableMetricsCollection"},
    "AzureBlobFSWriteSettings": {"disableMetricsCollection", "metadata"},
    "AzureBlobStorageWriteSettings": {"disableMetricsCollection", "metadata"},
}
"""Properties of the SDK that are refused by name, as anything unknown is."""

ABSTRACT = {"Container", "Execution"}


def _types(base: type) -> dict[str, type]:
    found: dict[str, type] = {}
    waiting = [base]
    while waiting:
        cls = waiting.pop()
        found |= getattr(cls, "__mapping__", {})
        waiting += cls.__subclasses__()
    return found


def _properties(cls: type) -> set[str]:
    cls({})  # the SDK names its fields when the first one is made
    return {field._rest_name for field in cls._attr_to_rest_field.values()}


def _type_properties(cls: type) -> type:
    noted = next(c.__annotations__["type_properties"] for c in cls.__mro__ if "type_properties" in c.__annotations__)
    name = re.search(r"_models\.(\w+)", str(noted))
    assert name is not None
    return getattr(sdk, name[1])


INSIDE = [
    (name, model, _type_properties(_types(base)[name]))
    for base, models in (
        (sdk.Activity, ours.ACTIVITY_SETTINGS),
        (sdk.Dataset, ours.DATASET_SETTINGS),
        (sdk.LinkedService, ours.LINKED_SERVICE_SETTINGS),
    )
    for name, model in models.items()
]
FLAT = [
    (name, model, _types(base)[name])
    for base, models in (
        (sdk.CopySource, ours.SOURCES),
        (sdk.StoreReadSettings, ours.READ_SETTINGS),
        (sdk.StoreWriteSettings, ours.WRITE_SETTINGS),
        (sdk.DatasetLocation, ours.LOCATIONS),
    )
    for name, model in models.items()
]


@pytest.mark.parametrize(("name", "model", "theirs"), INSIDE + FLAT, ids=[case[0] for case in INSIDE + FLAT])
def test_every_property_of_the_sdk_is_modelled_or_refused_on_purpose(name, model, theirs):
    known = {field.alias or attribute for attribute, field in model.model_fields.items()}

    assert _properties(theirs) - known == REFUSED.get(name, set())


@pytest.mark.parametrize(
    ("base", "known"),
    [(sdk.Activity, ACTIVITY_TYPES), (sdk.Dataset, DATASET_TYPES), (sdk.LinkedService, LINKED_SERVICE_TYPES)],
)
def test_every_type_of_the_sdk_is_known(base, known):
    assert set(_types(base)) - ABSTRACT == known


def test_what_runs_here_is_of_data_factory():
    assert set(ours.ACTIVITY_SETTINGS) <= ACTIVITY_TYPES
    assert set(ours.DATASET_SETTINGS) <= DATASET_TYPES
    assert set(ours.LINKED_SERVICE_SETTINGS) <= LINKED_SERVICE_TYPES


def test_a_typo_and_a_type_that_does_not_run_here_are_told_apart():
    assert is_typo("Cpoy", ACTIVITY_TYPES, ours.ACTIVITY_SETTINGS)
    assert nearest_type("Cpoy", ACTIVITY_TYPES, ours.ACTIVITY_SETTINGS) == "Did you mean 'Copy'?"
    assert not is_typo("SynapseNotebook", ACTIVITY_TYPES, ours.ACTIVITY_SETTINGS)
    assert nearest_type("SynapseNotebook", ACTIVITY_TYPES, ours.ACTIVITY_SETTINGS).startswith("Supported: ")
