"""Factories as exported ARM templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reelhouse.adf.arm.expression import Template
from reelhouse.adf.arm.importing import import_template
from reelhouse.adf.factory import load_factory
from reelhouse.adf.validate import validate
from reelhouse.errors import Place, Unsupported, UserError

ROOT = Path(__file__).resolve().parents[2]
TYPES = {"pipeline": "pipelines", "dataset": "datasets", "linkedService": "linkedServices", "trigger": "triggers"}
SCHEMA = "http://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"


def resource(kind: str, name: str, properties: Any) -> dict[str, Any]:
    return {
        "name": f"[concat(parameters('factoryName'), '/{name}')]",
        "type": f"Microsoft.DataFactory/factories/{kind}",
        "apiVersion": "2018-06-01",
        "properties": properties,
        "dependsOn": ["[concat(variables('factoryId'), '/linkedServices/other')]"],
    }


def escaped(value: Any) -> Any:
    """As Data Factory exports texts that begin like an expression of a template."""
    if isinstance(value, str) and value.startswith("["):
        return f"[{value}"
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def exported(folder: Path) -> list[dict[str, Any]]:
    """The resources of a factory's folder."""
    (whole,) = [json.loads(path.read_text()) for path in (folder / "factory").glob("*.json")]
    name = "[parameters('factoryName')]"
    settings = {"name": name, "type": "Microsoft.DataFactory/factories", "properties": whole["properties"]}
    return [settings] + [
        resource(TYPES[kind], raw["name"], escaped(raw["properties"]))
        for kind in TYPES
        for path in sorted((folder / kind).glob("*.json"))
        for raw in [json.loads(path.read_text())]
    ]


def write_template(path: Path, resources: list[Any], **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    template = {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {"factoryName": {"type": "string", "defaultValue": "factory-dev"}, **more.pop("parameters", {})},
        "variables": {"factoryId": "[concat('Microsoft.DataFactory/factories/', parameters('factoryName'))]"},
        "resources": resources,
    }
    path.write_text(json.dumps(template))
    return path


def test_an_exported_template_is_the_same_factory_as_its_folder(tmp_path):
    template = write_template(tmp_path / "ARMTemplateForFactory.json", exported(ROOT / "adf"))
    ours, theirs = load_factory(ROOT / "adf"), load_factory(template)
    assert theirs.findings == ours.findings
    assert list(theirs.pipelines) == sorted(ours.pipelines)
    assert [finding for finding in validate(theirs) if finding.severity.value == "error"] == []
    name = next(iter(ours.pipelines))
    assert [a.name for a in theirs.pipelines[name].activities] == [a.name for a in ours.pipelines[name].activities]
    assert load_factory(tmp_path).pipelines.keys() == theirs.pipelines.keys()


def test_a_template_becomes_the_folder_that_git_has(tmp_path):
    write_template(tmp_path / "export" / "ARMTemplateForFactory.json", exported(ROOT / "adf"))
    done = import_template(tmp_path / "export", tmp_path / "adf")
    for path in done.files:
        if path.startswith("factory/"):
            continue  # the template's has another name
        ours = json.loads((ROOT / "adf" / path).read_text())
        theirs = json.loads((tmp_path / "adf" / path).read_text())
        assert theirs["properties"] == ours["properties"]
    assert set(load_factory(tmp_path / "adf").pipelines) == set(load_factory(ROOT / "adf").pipelines)


def test_linked_templates_are_one_factory(tmp_path):
    parts = exported(ROOT / "adf")
    for number in range(2):
        write_template(tmp_path / "linkedTemplates" / f"ArmTemplate_{number}.json", parts[number::2])
    (tmp_path / "linkedTemplates" / "ArmTemplate_master.json").write_text("{}")
    assert set(load_factory(tmp_path).datasets) == set(load_factory(ROOT / "adf").datasets)


SERVICE = {
    "type": "HttpServer",
    "typeProperties": {
        "url": "[parameters('ls_url')]",
        "authenticationType": "Basic",
        "userName": "me",
        "password": {"type": "SecureString", "value": "[parameters('ls_password')]"},
    },
}
PARAMETERS = {"ls_url": {"type": "string"}, "ls_password": {"type": "secureString"}}


def test_parameters_have_the_values_of_the_file_beside(tmp_path):
    write_template(
        tmp_path / "ARMTemplateForFactory.json", [resource("linkedServices", "ls", SERVICE)], parameters=PARAMETERS
    )
    (tmp_path / "ARMTemplateParametersForFactory.json").write_text(
        json.dumps({"parameters": {"ls_url": {"value": "https://a.example"}, "ls_password": {"value": ""}}})
    )
    factory = load_factory(tmp_path)
    assert factory.linked_services["ls"].raw["url"] == "https://a.example"
    (finding,) = factory.findings
    assert "'ls_password' has no value" in finding.message
    assert str(finding.place) == ("ARMTemplateForFactory.json, resources[0].properties.typeProperties.password.value")


def test_factory_settings_and_global_parameters_are_read(tmp_path):
    properties = {"globalParameters": {"env": {"type": "String", "value": "dev"}}}
    whole = {"name": "[parameters('factoryName')]", "type": "Microsoft.DataFactory/factories", "properties": properties}
    factory = load_factory(write_template(tmp_path / "t.json", [whole]))
    assert (factory.name, factory.global_parameters) == ("factory-dev", {"env": "dev"})


def test_files_that_are_there_are_kept_unless_forced(tmp_path):
    template = write_template(tmp_path / "t.json", [resource("pipelines", "p", {"activities": []})])
    (tmp_path / "adf" / "pipeline").mkdir(parents=True)
    (tmp_path / "adf" / "pipeline" / "p.json").write_text("mine")
    with pytest.raises(UserError, match=r"has pipeline/p.json already"):
        import_template(template, tmp_path / "adf")
    assert (tmp_path / "adf" / "pipeline" / "p.json").read_text() == "mine"
    import_template(template, tmp_path / "adf", force=True)
    assert json.loads((tmp_path / "adf" / "pipeline" / "p.json").read_text())["name"] == "p"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adf", "t.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "no JSON object"),
        ('{"$schema": "deploymentTemplate.json#"}', "has no resources"),
        ('{"resources": [{"type": "Microsoft.Storage/storageAccounts", "name": "x"}]}', "none of Data Factory"),
    ],
)
def test_what_is_no_template_of_a_factory_is_said(tmp_path, text, message):
    (tmp_path / "ARMTemplateForFactory.json").write_text(text)
    with pytest.raises(UserError, match=message):
        load_factory(tmp_path)


def test_a_place_without_a_template_is_said(tmp_path):
    with pytest.raises(UserError, match="There is no ARM template"):
        import_template(tmp_path, tmp_path / "adf")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("[[not an expression]", "[not an expression]"),
        ("[parameters('a')]", "x"),
        ("[concat(parameters('a'), '-', variables('v'))]", "x-it's"),
        ("[parameters('o').list[1].name]", "second"),
        ("[if(equals(parameters('a'), 'x'), 1, 2)]", 1),
        ("[format('{0}/{1}', 'a', toUpper('b'))]", "a/B"),
        ("[createArray(1, true, null)]", [1, True, None]),
        ("[concat(createArray(1), createArray(2))]", [1, 2]),
    ],
)
def test_expressions_of_templates(text, value):
    o = {"list": [{"name": "first"}, {"name": "second"}]}
    assert Template({"a": "x", "o": o}, {"v": "it's"}, {"a": {}, "o": {}}).value(text, Place("t")) == value


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("[parameters('b')]", UserError, "no parameter 'b'"),
        ("[variables('b')]", UserError, "no variable 'b'"),
        ("[guid('x')]", Unsupported, "'guid' is not supported"),
        ("[concat('a']", UserError, "cannot be read"),
        ("[concat('a') 1]", UserError, "cannot be read"),
        ("[parameters('a').c]", UserError, "finds no 'c'"),
        ("[replace('a')]", UserError, "cannot be evaluated"),
    ],
)
def test_expressions_that_fail_say_where(text, kind, message):
    with pytest.raises(kind, match=message) as raised:
        Template({"a": "x"}, {}, {"a": {}}).value({"p": [text]}, Place("t.json", "resources[0]"))
    assert "t.json, resources[0].p[0]" in str(raised.value)


def test_the_master_template_stands_for_those_that_it_links(tmp_path):
    folder = tmp_path / "linkedTemplates"
    folder.mkdir()
    write_template(folder / "ArmTemplate_0.json", [resource("pipelines", "p", {"activities": []})])
    write_template(folder / "ArmTemplate_master.json", [{"type": "Microsoft.Resources/deployments", "name": "m"}])

    assert list(load_factory(folder / "ArmTemplate_master.json").pipelines) == ["p"]
