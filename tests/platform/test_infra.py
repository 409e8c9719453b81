"""The Bicep files, read far enough to compare their names with those of the factory and the bundle."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from reelhouse import Project
from reelhouse.jobs.bundle import load_bundle

RESOURCE = re.compile(r"^resource (\w+) '([\w./]+)@(\d{4}-\d{2}-\d{2}(?:-preview)?)' (existing )?= (?:\{|\[)", re.M)
MODULE = re.compile(r"^module (\w+) '([\w./]+)' = \{", re.M)
PARAM = re.compile(r"^param (\w+) (\w+)(?: = (.+))?$", re.M)
OUTPUT = re.compile(r"^output (\w+) (\w+) = (.+)$", re.M)


def given(project: Path, environment: str) -> dict[str, str]:
    """The parameters that an environment's file sets to a literal text."""
    text = (project / "infra" / f"{environment}.bicepparam").read_text()
    return dict(re.findall(r"^param (\w+) = '(.*)'$", text, re.M))


@dataclass(frozen=True)
class BicepFile:
    """What a Bicep file declares."""

    path: Path
    text: str
    params: dict[str, tuple[str, str | None]]
    outputs: dict[str, str]
    resources: dict[str, str]
    modules: dict[str, Path]
    names: dict[str, str]

    def block(self, name: str) -> str:
        """The text between the braces of a resource or module."""
        start = re.search(rf"^(?:resource|module) {name} '.+?= (?=[\[{{])", self.text, re.M)
        assert start, name
        depth, at = 0, start.end()
        while True:
            depth += self.text[at] in "{["
            depth -= self.text[at] in "}]"
            at += 1
            if depth == 0:
                return self.text[start.end() : at]


def read_bicep(path: Path) -> BicepFile:
    """A Bicep file, without its comments."""
    text = re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
    named = {m[1]: m[2] for m in RESOURCE.finditer(text)}
    file = BicepFile(
        path=path,
        text=text,
        params={m[1]: (m[2], m[3]) for m in PARAM.finditer(text)},
        outputs={m[1]: m[3] for m in OUTPUT.finditer(text)},
        resources=named,
        modules={m[1]: path.parent / m[2] for m in MODULE.finditer(text)},
        names={},
    )
    for name in named:
        match = re.search(r"^\s+name: (.+)$", file.block(name), re.M)
        assert match, name
        file.names[name] = match[1]
    return file


@pytest.fixture(scope="module")
def main(project: Path) -> BicepFile:
    return read_bicep(project / "infra" / "main.bicep")


@pytest.fixture(scope="module")
def modules(main: BicepFile) -> dict[str, BicepFile]:
    return {name: read_bicep(path) for name, path in main.modules.items()}


def default(file: BicepFile, param: str) -> Any:
    """The default of a parameter that is a literal."""
    value = file.params[param][1]
    assert value is not None, param
    return json.loads(value.replace("'", '"'))


def test_braces_and_quotes_close(main: BicepFile, modules: dict[str, BicepFile]) -> None:
    for file in (main, *modules.values()):
        bare = re.sub(r"'(?:[^'\\]|\\.)*'", "", file.text)
        assert "'" not in bare, file.path
        for left, right in ("{}", "[]", "()"):
            assert bare.count(left) == bare.count(right), file.path


def test_every_module_is_given_its_parameters_and_no_others(main: BicepFile, modules: dict[str, BicepFile]) -> None:
    for name, module in modules.items():
        block = main.block(name)
        given = set(re.findall(r"^ {4}(\w+):", block[block.index("params: {") :], re.M))
        needed = {param for param, (_, value) in module.params.items() if value is None}
        assert needed <= given <= set(module.params), name


def test_outputs_that_are_read_exist(main: BicepFile, modules: dict[str, BicepFile]) -> None:
    read = re.findall(r"(\w+)\.outputs\.(\w+)", main.text)

    assert read
    assert all(output in modules[module].outputs for module, output in read)


def test_names_that_are_used_are_declared(main: BicepFile, modules: dict[str, BicepFile]) -> None:
    for file in (main, *modules.values()):
        used = set(re.findall(r"\$\{(\w+)\}|(?::|scope:|parent:) (\w+)$", file.text, re.M))
        names = {name for pair in used for name in pair if name and not name.isdigit()} - {"true", "false"}
        known = {*file.params, *file.resources, *file.modules, *re.findall(r"^var (\w+)|for (\w+) in", file.text, re.M)}
        known = {name for entry in known for name in (entry if isinstance(entry, tuple) else (entry,)) if name}
        known |= {name for pair in re.findall(r"^var (\w+)|for (\w+) in", file.text, re.M) for name in pair if name}
        assert names <= known, (file.path, names - known)


def test_everything_the_platform_stands_on_is_there(main: BicepFile, modules: dict[str, BicepFile]) -> None:
    types = {kind for file in (main, *modules.values()) for kind in file.resources.values()}

    assert types >= {
        "Microsoft.Resources/resourceGroups",
        "Microsoft.Storage/storageAccounts",
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        "Microsoft.DataFactory/factories",
        "Microsoft.Databricks/workspaces",
        "Microsoft.Databricks/accessConnectors",
        "Microsoft.KeyVault/vaults",
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.EventGrid/systemTopics",
    }


def test_the_names_are_those_of_the_factory(main: BicepFile, project: Path) -> None:
    def linked_service(name: str) -> dict[str, Any]:
        body = json.loads((project / "adf" / "linkedService" / f"{name}.json").read_text())
        return body["properties"]["typeProperties"]

    account, vault = default(main, "storageAccountName"), default(main, "keyVaultName")

    assert account == "cmnetflixprojectdl"
    assert linked_service("ls_adls_lake")["url"] == f"https://{account}.dfs.core.windows.net"
    assert linked_service("ls_key_vault")["baseUrl"] == f"https://{vault}.vault.azure.net/"
    assert (project / "adf" / "factory" / f"{default(main, 'factoryName')}.json").is_file()
    assert default(main, "resourceGroupName") == "cm_netflix_project"


def test_resource_ids_in_the_factory_name_what_is_deployed(main: BicepFile, project: Path) -> None:
    group = default(main, "resourceGroupName")
    factory = json.loads((project / "adf/factory/cm-adf-netflixproject.json").read_text())["properties"]
    trigger = json.loads((project / "adf/trigger/tr_raw_drop.json").read_text())["properties"]["typeProperties"]

    workspace = factory["globalParameters"]["databricks_workspace_resource_id"]["value"]

    assert workspace.endswith(
        f"/resourceGroups/{group}/providers/Microsoft.Databricks/workspaces/{default(main, 'workspaceName')}"
    )
    assert trigger["scope"].endswith(
        f"/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{default(main, 'storageAccountName')}"
    )


def test_the_containers_are_those_that_the_artifacts_use(modules: dict[str, BicepFile], project: Path) -> None:
    containers = set(default(modules["lake"], "containerNames"))
    datasets = [json.loads(path.read_text()) for path in (project / "adf" / "dataset").glob("*.json")]
    locations = [d["properties"]["typeProperties"].get("location", {}) for d in datasets]
    notebooks = " ".join(path.read_text() for path in (project / "databricks").rglob("*.py"))

    assert containers == {"raw", "bronze", "silver", "gold"}
    assert {location["fileSystem"] for location in locations if "fileSystem" in location} <= containers
    assert set(re.findall(r'lake_url\("(\w+)"', notebooks)) <= containers


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_each_target_of_the_bundle_works_on_the_account_of_its_environment(
    main: BicepFile, project: Path, environment: str
) -> None:
    deployed = {name: default(main, name) for name in main.params if name.endswith("Name")}
    deployed |= given(project, environment)

    variables = load_bundle(project / "databricks", environment, environment={}).variables

    assert variables["storage_account"] == deployed["storageAccountName"]
    assert variables["catalog"] == {"prod": "netflix", "dev": "netflix_dev"}[environment]


def test_no_target_works_on_production_because_it_says_nothing(project: Path) -> None:
    bundle = yaml.safe_load((project / "databricks" / "databricks.yml").read_text())

    for name in ("catalog", "storage_account"):
        assert "default" not in bundle["variables"][name]
        values = [target["variables"][name] for target in bundle["targets"].values()]
        assert len(set(values)) == len(values)


def test_runs_on_this_machine_work_on_the_account_that_the_factory_names(main: BicepFile, project: Path) -> None:
    for target in (None, "dev", "prod"):
        with Project.open(project, target=target) as opened:
            variables = opened.bundle.variables

        assert variables["storage_account"] == default(main, "storageAccountName")
        assert variables["catalog"] == opened.settings.catalog == "netflix"


def test_the_lake_is_hierarchical_and_closed_to_keys(modules: dict[str, BicepFile]) -> None:
    account = modules["lake"].block("account")

    assert "isHnsEnabled: true" in account
    assert "allowSharedKeyAccess: false" in account
    assert "allowBlobPublicAccess: false" in account


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_parameter_files_set_parameters_that_exist(main: BicepFile, project: Path, environment: str) -> None:
    text = (project / "infra" / f"{environment}.bicepparam").read_text()
    values = dict(re.findall(r"^param (\w+) = (.+)$", text, re.M))

    assert text.startswith("using 'main.bicep'\n")
    assert set(values) <= set(main.params)
    assert values["environment"] == f"'{environment}'"


def test_names_of_dev_are_other_ones_and_not_too_long(main: BicepFile, project: Path) -> None:
    text = (project / "infra" / "dev.bicepparam").read_text()
    values = {name: value.strip("'") for name, value in re.findall(r"^param (\w+) = (.+)$", text, re.M)}

    assert all(values[name] != default(main, name) for name in values if name.endswith("Name"))
    assert re.fullmatch("[a-z0-9]{3,24}", values["storageAccountName"])
    assert len(values["keyVaultName"]) <= 24


def overridable(project: Path) -> dict[str, str]:
    """What the factory's template makes parameters of by default, of all that may name a resource.

    https://learn.microsoft.com/azure/data-factory/continuous-integration-delivery-resource-manager-custom-parameters
    """
    found = {}
    (factory,) = (json.loads(path.read_text()) for path in (project / "adf" / "factory").glob("*.json"))
    found["factoryName"] = factory["name"]
    for name, parameter in factory["properties"]["globalParameters"].items():
        found[f"default_properties_{name}_value"] = parameter["value"]
    for folder, keys in (("linkedService", ("url", "baseUrl")), ("trigger", ("scope",))):
        for path in sorted((project / "adf" / folder).glob("*.json")):
            values = json.loads(path.read_text())["properties"]["typeProperties"]
            found |= {f"{path.stem}_properties_typeProperties_{key}": values[key] for key in keys if key in values}
    return found


def test_the_factory_of_dev_is_given_every_value_that_names_a_resource(main: BicepFile, project: Path) -> None:
    file = project / "infra" / "factory.dev.parameters.json"
    parameters = {name: entry["value"] for name, entry in json.loads(file.read_text())["parameters"].items()}
    dev = {name: value for name, value in given(project, "dev").items() if name.endswith("Name")}
    production = {name: value for name, value in overridable(project).items() if "@" not in value}

    assert set(parameters) == set(production)
    assert all(parameters[name] != production[name] for name in parameters)
    for name, value in production.items():
        if name.startswith("default_properties") and not name.endswith("resource_id_value"):
            continue
        expected = value
        for parameter, in_dev in dev.items():
            expected = re.sub(rf"\b{default(main, parameter)}\b", in_dev, expected)
        assert parameters[name] == expected


def test_the_setup_names_every_parameter_of_a_second_environment(project: Path) -> None:
    text = (project / "docs" / "setup.md").read_text().partition("## A second environment")[2]
    file = project / "infra" / "factory.dev.parameters.json"

    assert all(f"`{name}`" in text for name in json.loads(file.read_text())["parameters"])
