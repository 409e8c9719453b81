"""`reelhouse adf …`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reelhouse.cli import app

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["adf", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["@concat('a', pipeline().parameters.x)", "-p", "x=1"], "a1"),
        (["@add(pipeline().parameters.x, 1)", "-p", "x=1"], "2"),
        (["@variables('V')", "--variable", "v=text"], "text"),
        (["@activity('A').output.rows[0].n", "--activity", 'A={"rows": [{"n": 3}]}'], "3"),
        (["@item().name", "--item", '{"name": "n"}'], "n"),
        (["@pipeline().globalParameters.env", "--global", "env=dev"], "dev"),
        (["@formatDateTime(utcNow(), 'yyyy')", "--now", "2026-01-31T12:00:00Z"], "2026"),
        (["@createArray(1, null)"], "[\n  1,\n  null\n]"),
        (["no expression"], "no expression"),
    ],
)
def test_an_expression_is_evaluated(words, printed):
    code, out, _ = run("eval", *words)
    assert (code, out) == (0, printed + "\n")


def test_value_and_type_as_json():
    code, out, _ = run("eval", "@createArray(1)", "--json")
    assert (code, json.loads(out)) == (0, {"value": [1], "type": "Array"})


def test_values_come_from_files_too(tmp_path):
    (tmp_path / "out.json").write_text('{"count": 4}')
    assert run("eval", "@activity('A').output.count", "--activity", f"A=@{tmp_path}/out.json")[1] == "4\n"
    with pytest.raises(Exception, match="cannot be read"):
        run("eval", "@activity('A').output.count", "--activity", f"A=@{tmp_path}/none.json")


def test_an_error_points_at_its_place_in_the_expression():
    code, _, err = run("eval", "@concat('a',\n  pipeline().parameters.nmae)", "-p", "name=1")
    assert code == 2
    lines = err.splitlines()
    assert lines[0] == "  pipeline().parameters.nmae)"
    assert lines[0][lines[1].index("^") :].startswith("nmae")
    assert "Did you mean 'name'?" in err


def test_a_pipeline_of_a_factory_gives_its_defaults():
    code, out, _ = run("eval", "@pipeline().Pipeline", "--factory", str(ROOT / "adf"), "--pipeline", "netflix_platform")
    assert (code, out) == (0, "netflix_platform\n")


def test_any_factory_is_validated_without_a_project(tmp_path):
    (tmp_path / "pipeline").mkdir()
    activity = {"name": "W", "type": "Wait", "typeProperties": {"waitTimeInSeconds": "@parameter('x')"}}
    (tmp_path / "pipeline" / "p.json").write_text(json.dumps({"name": "p", "properties": {"activities": [activity]}}))
    code, out, _ = run("validate", str(tmp_path))
    assert code == 1 and "pipeline/p.json" in out and "1 errors" in out
    assert json.loads(run("validate", str(tmp_path), "--json")[1])[0]["severity"] == "error"
    assert run("validate", str(ROOT / "adf"))[0] == 0


def test_a_template_is_imported(tmp_path):
    resources = [
        {
            "name": "[concat(parameters('factoryName'), '/p')]",
            "type": "Microsoft.DataFactory/factories/pipelines",
            "properties": {"activities": [], "description": "[parameters('about')]"},
        }
    ]
    parameters = {"factoryName": {"type": "string", "defaultValue": "f"}, "about": {"type": "string"}}
    (tmp_path / "t.json").write_text(json.dumps({"parameters": parameters, "resources": resources}))
    code, out, err = run("import", str(tmp_path / "t.json"), str(tmp_path / "adf"))
    assert code == 0 and out.startswith("1 files in")
    assert "the parameter 'about' has no value" in err
    assert (tmp_path / "adf" / "pipeline" / "p.json").exists()
