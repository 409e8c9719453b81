"""Dynamic value references, as a table."""

from datetime import UTC, datetime

import pytest

from reelhouse.errors import Place, UserError
from reelhouse.jobs.references import ReferenceContext, TaskFacts, referenced_tasks, resolve, resolve_value

PLACE = Place("job.yml")
CONTEXT = ReferenceContext(
    job_id=7,
    job_name="daily",
    job_run_id="run-1",
    started_at=datetime(2026, 3, 8, 5, 6, 7, 89000, tzinfo=UTC),
    job_parameters={"catalog": "netflix", "a.b": "dotted"},
    task_name="load",
    task_run_id="run-2",
    task_execution_count=3,
    notebook_path="/n",
    tasks={
        "look": TaskFacts("run-3", "SUCCESS", "", 1, {"sources": [{"name": "titles"}], "n": 5, "ok": True, "t": "x"}),
        "odd task": TaskFacts("run-4", "UPSTREAM_FAILED"),
    },
    input={"name": "titles", "columns": ["a", "b"], "deep": {"x": 1}},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{job.id}}", "7"),
        ("{{ job.name }}!", "daily!"),
        ("{{job.run_id}}", "run-1"),
        ("{{job.repair_count}}", "0"),
        ("{{job.parameters.catalog}}.bronze", "netflix.bronze"),
        ("{{job.parameters.`a.b`}}", "dotted"),
        ("{{job.start_time.iso_date}}", "2026-03-08"),
        ("{{job.start_time.iso_datetime}}", "2026-03-08T05:06:07"),
        ("{{job.start_time.iso_weekday}}", "7"),
        ("{{job.start_time.year}}-{{job.start_time.month}}", "2026-3"),
        ("{{job.start_time.timestamp_ms}}", "1772946367089"),
        ("{{job.trigger.type}}", "one_time"),
        ("{{task.name}} {{task.run_id}} {{task.execution_count}} {{task.notebook_path}}", "load run-2 3 /n"),
        ("{{tasks.look.values.n}}", "5"),
        ("{{tasks.look.values.ok}}", "true"),
        ("{{tasks.look.values.sources}}", '[{"name": "titles"}]'),
        ("{{tasks.look.result_state}}", "success"),
        ("{{tasks.`odd task`.result_state}}", "upstream_failed"),
        ("{{tasks.look.run_id}}", "run-3"),
        ("{{input.name}}", "titles"),
        ("{{input.deep.x}}", "1"),
        ("{{input.columns}}", '["a", "b"]'),
        (
            "{{job_id}} {{run_id}} {{start_date}} {{task_key}} {{task_retry_count}} {{parent_run_id}}",
            "7 run-2 2026-03-08 load 2 run-1",
        ),
        ("{{something.else}}", "{{something.else}}"),
        ("{{job.id + 1}}", "{{job.id + 1}}"),
        ("{{}}", "{{}}"),
        ("{job.id}", "{job.id}"),
        ("plain", "plain"),
    ],
)
def test_references_are_replaced_and_what_is_none_stays(text, expected):
    assert resolve(text, CONTEXT, PLACE) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{job.notebook_url}}", "is not known"),
        ("{{job.parameters.catlog}}", "Did you mean 'catalog'"),
        ("{{job.start_time.week}}", "is not known"),
        ("{{task.nme}}", "Did you mean 'name'"),
        ("{{tasks.lok.values.n}}", "not upstream of this one. Did you mean 'look'"),
        ("{{tasks.look.values.source}}", "has not set. Did you mean 'sources'"),
        ("{{tasks.look.value.n}}", "is not known"),
        ("{{input.nam}}", "Did you mean 'name'"),
    ],
)
def test_an_unknown_member_of_a_known_group_is_an_error(text, message):
    with pytest.raises(UserError, match=message):
        resolve(text, CONTEXT, PLACE)


def test_a_sole_reference_keeps_its_type():
    assert resolve_value("{{tasks.look.values.sources}}", CONTEXT, PLACE) == [{"name": "titles"}]
    assert resolve_value(" {{tasks.look.values.ok}} ", CONTEXT, PLACE) is True
    assert resolve_value("n={{tasks.look.values.n}}", CONTEXT, PLACE) == "n=5"


def test_input_outside_of_a_for_each_task_stays_literal():
    from dataclasses import replace

    from reelhouse.jobs.references import ABSENT

    assert resolve("{{input.name}}", replace(CONTEXT, input=ABSENT), PLACE) == "{{input.name}}"


def test_the_tasks_that_a_text_refers_to_are_found():
    assert referenced_tasks("{{tasks.a.values.x}} {{ tasks.`b c`.run_id }} {{job.id}}") == {"a", "b c"}
