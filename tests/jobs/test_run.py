"""Jobs that run."""

import json
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from reelhouse.clock import ScaledClock
from reelhouse.errors import Unsupported, UserError
from reelhouse.jobs.run import run_job
from reelhouse.runs.record import RunKind, RunStatus


def test_tasks_run_in_order_and_hand_on_values(bench, results):
    bench.notebook("first", "dbutils.jobs.taskValues.set('n', [1, 2])")
    bench.notebook(
        "second",
        """
        n = dbutils.jobs.taskValues.get('first', 'n')
        dbutils.notebook.exit(str(n) + dbutils.widgets.get('text'))
    """,
    )
    run = bench.run("""
        - task_key: second
          depends_on: [{task_key: first}]
          notebook_task: {notebook_path: ./second.py, base_parameters: {text: "{{tasks.first.values.n}}"}}
        - task_key: first
          notebook_task: {notebook_path: first}
    """)
    assert (run.result_state, results(run)) == ("SUCCESS", {"second": "SUCCESS", "first": "SUCCESS"})
    assert run.output == {"second": "[1, 2][1, 2]"}
    assert bench.sessions == []


def test_runs_are_recorded_as_a_tree_of_job_task_and_notebook(bench):
    bench.notebook("n", "1/0")
    run = bench.run("- {task_key: a, notebook_task: {notebook_path: n}}")
    job, task, notebook = bench.log.runs.values()
    assert (job.kind, task.kind, notebook.kind) == (RunKind.JOB, RunKind.TASK, RunKind.NOTEBOOK)
    assert (task.parent_id, notebook.parent_id, job.id) == (job.id, task.id, run.id)
    assert {r.status for r in (job, task, notebook)} == {RunStatus.FAILED}
    assert job.output["result_state"] == "FAILED"
    assert "ZeroDivisionError: division by zero (bundle/n.py, cell 1, line 2)" in run.error


def test_job_parameters_win_over_task_parameters_and_the_given_ones_over_defaults(bench):
    bench.notebook(
        "n",
        """
        dbutils.widgets.text('a', 'widget')
        dbutils.notebook.exit([dbutils.widgets.get(k) for k in 'abcd'])
    """,
    )
    task = "- {task_key: t, notebook_task: {notebook_path: n, base_parameters: {a: task, b: task, d: 5}}}"
    settings = """
        parameters:
          - {name: b, default: job}
          - {name: c, default: "{{job.start_time.year}}"}
    """
    year = str(time.gmtime().tm_year)
    assert bench.run(task, settings=settings).output == {"t": str(["task", "job", year, "5"])}
    assert bench.run(task, {"b": "given"}, settings).output == {"t": str(["task", "given", year, "5"])}


def test_a_parameter_that_the_job_does_not_declare_is_passed_on_and_noted(bench):
    bench.notebook("n", "dbutils.notebook.exit(dbutils.widgets.get('x'))")
    assert bench.run("- {task_key: t, notebook_task: {notebook_path: n}}", {"x": "1"}).output == {"t": "1"}
    assert "declares no parameter 'x'" in bench.log.notes[0]


def test_for_each_runs_every_input_and_fails_afterwards_when_one_failed(bench, results):
    bench.notebook("look", "dbutils.jobs.taskValues.set('sources', [{'name': n} for n in 'abc'])")
    bench.notebook(
        "load",
        """
        if dbutils.widgets.get('name') == 'b':
            raise ValueError('no file')
    """,
    )
    run = bench.run("""
        - {task_key: look, notebook_task: {notebook_path: look}}
        - task_key: each
          depends_on: [{task_key: look}]
          for_each_task:
            inputs: "{{tasks.look.values.sources}}"
            concurrency: 2
            task:
              task_key: load
              max_retries: 1
              notebook_task: {notebook_path: load, base_parameters: {name: "{{input.name}}"}}
    """)
    assert results(run) == {"look": "SUCCESS", "each": "FAILED"}
    [each] = [t for t in run.tasks if t.key == "each"]
    assert [(i.result.value, i.attempts) for i in each.iterations] == [("SUCCESS", 1), ("FAILED", 2), ("SUCCESS", 1)]
    assert '1 of 3 iterations failed: {"name": "b"}: ValueError: no file' in each.error
    [outer] = bench.log.named("each")
    assert [r.parent_id for r in bench.log.named("load[1]")] == [outer.id, outer.id]


@pytest.mark.parametrize(
    ("inputs", "values"),
    [("'[1, 2]'", ["1", "2"]), ('["a", "b"]', ["a", "b"]), ('"{{job.parameters.list}}"', ["x", "y"]), ("'[]'", [])],
)
def test_for_each_takes_json_lists_and_job_parameters(bench, inputs, values):
    bench.notebook("n", "print(dbutils.widgets.get('i'))")
    run = bench.run(
        f"""
        - task_key: each
          for_each_task:
            inputs: {inputs}
            task: {{task_key: n, notebook_task: {{notebook_path: n, base_parameters: {{i: "{{{{input}}}}"}}}}}}
        """,
        settings='parameters: [{name: list, default: \'["x", "y"]\'}]',
    )
    assert run.succeeded
    assert "".join(bench.printed).split() == values


def test_for_each_keeps_to_its_concurrency(bench):
    bench.write(
        "gauge.py",
        """
        import threading
        lock, active, most = threading.Lock(), 0, 0
    """,
    )
    bench.notebook(
        "n",
        """
        import gauge, time
        with gauge.lock:
            gauge.active += 1
            gauge.most = max(gauge.most, gauge.active)
        time.sleep(0.05)
        with gauge.lock:
            gauge.active -= 1
        print(gauge.most)
    """,
    )
    bench.notebook("keep", "import gauge, threading\ndbutils.jobs.taskValues.set('x', 1)")
    run = bench.run("""
        - task_key: each
          for_each_task:
            inputs: '[1, 2, 3, 4, 5, 6]'
            concurrency: 2
            task: {task_key: n, notebook_task: {notebook_path: n}}
    """)
    assert run.succeeded
    assert max(map(int, "".join(bench.printed).split())) == 2


def test_a_condition_takes_one_branch(bench, results):
    bench.notebook("n", "pass")
    tasks = """
        - task_key: due
          condition_task: {op: EQUAL_TO, left: "{{job.parameters.maintenance}}", right: "true"}
        - task_key: work
          depends_on: [{task_key: due, outcome: "true"}]
          notebook_task: {notebook_path: n}
        - task_key: after
          depends_on: [{task_key: work}]
          run_if: ALL_DONE
          notebook_task: {notebook_path: n}
    """
    settings = "parameters: [{name: maintenance, default: 'false'}]"
    run = bench.run(tasks, settings=settings)
    assert (run.result_state, results(run)) == ("SUCCESS", {"due": "SUCCESS", "work": "EXCLUDED", "after": "EXCLUDED"})
    run = bench.run(tasks, {"maintenance": "true"}, settings)
    assert results(run) == {"due": "SUCCESS", "work": "SUCCESS", "after": "SUCCESS"}


def test_a_failure_spares_what_does_not_depend_on_it_and_the_leaves_decide(bench, results):
    bench.notebook("good", "pass")
    bench.notebook("bad", "1/0")
    run = bench.run("""
        - {task_key: bad, notebook_task: {notebook_path: bad}}
        - {task_key: below, depends_on: [{task_key: bad}], notebook_task: {notebook_path: good}}
        - {task_key: beside, notebook_task: {notebook_path: good}}
        - task_key: clean
          run_if: AT_LEAST_ONE_FAILED
          depends_on: [{task_key: below}]
          notebook_task: {notebook_path: good}
    """)
    assert results(run) == {"bad": "FAILED", "below": "UPSTREAM_FAILED", "beside": "SUCCESS", "clean": "SUCCESS"}
    assert run.result_state == "SUCCESS_WITH_FAILURES" and run.succeeded
    assert [r.status for r in bench.log.named("below")] == [RunStatus.SKIPPED]


def test_a_pipeline_task_starts_an_update_and_its_failure_is_the_tasks(bench):
    tasks = """
        - task_key: p
          pipeline_task:
            pipeline_id: ${resources.pipelines.medallion.id}
            full_refresh: true
            refresh_selection: [titles]
    """
    bundle = bench.job(tasks, rest="  pipelines:\n    medallion: {name: m, libraries: []}\n")
    assert run_job(bundle, "j", {}, bench.services).succeeded
    assert bench.updates == [("medallion", True, ("titles",), ())]
    bench.update_outcome = replace(bench.update_outcome, succeeded=False, error="flow titles failed")
    assert "Pipeline 'medallion' failed: flow titles failed" in run_job(bundle, "j", {}, bench.services).error


def test_retries_keep_their_distance_from_start_to_start(bench):
    bench.notebook("n", "1/0")
    clock = ScaledClock(100)
    run = bench.run(
        "- {task_key: t, max_retries: 2, min_retry_interval_millis: 30000, notebook_task: {notebook_path: n}}",
        services=replace(bench.services, clock=clock),
    )
    attempts = bench.log.named("t")
    assert (run.tasks[0].attempts, [a.input["attempt"] for a in attempts]) == (3, [1, 2, 3])
    gaps = [(b.started_at - a.started_at).total_seconds() for a, b in pairwise(attempts)]
    assert all(0.29 < gap < 3 for gap in gaps)


def test_a_retry_that_succeeds_makes_the_task_succeed(bench):
    marker = bench.folder / "tried"
    bench.notebook(
        "n",
        f"""
        import pathlib
        marker = pathlib.Path({str(marker)!r})
        if not marker.exists():
            marker.touch()
            raise ValueError('schema changed')
    """,
    )
    run = bench.run("- {task_key: t, max_retries: 2, notebook_task: {notebook_path: n}}")
    assert (run.result_state, run.tasks[0].attempts) == ("SUCCESS", 2)


def test_a_task_that_takes_too_long_is_timed_out_and_retried_only_when_told(bench, results):
    bench.notebook("slow", "import time\nwhile True:\n    time.sleep(0.01)")
    services = replace(bench.services, clock=ScaledClock(100))
    run = bench.run(
        "- {task_key: t, timeout_seconds: 20, max_retries: 1, notebook_task: {notebook_path: slow}}", services=services
    )
    assert (run.result_state, results(run), run.tasks[0].attempts) == ("FAILED", {"t": "TIMEDOUT"}, 1)
    run = bench.run(
        "- {task_key: t, timeout_seconds: 20, max_retries: 1, retry_on_timeout: true, "
        "notebook_task: {notebook_path: slow}}",
        services=services,
    )
    assert run.tasks[0].attempts == 2


def test_a_job_that_takes_too_long_is_timed_out(bench, results):
    bench.notebook("slow", "import time\nwhile True:\n    time.sleep(0.01)")
    bench.notebook("n", "pass")
    run = bench.run(
        """
        - {task_key: t, notebook_task: {notebook_path: slow}}
        - {task_key: u, depends_on: [{task_key: t}], notebook_task: {notebook_path: n}}
        """,
        settings="timeout_seconds: 20",
        services=replace(bench.services, clock=ScaledClock(100)),
    )
    assert (run.result_state, results(run)) == ("TIMEDOUT", {"t": "CANCELED", "u": "CANCELED"})


def test_a_cancelled_job_stops_its_tasks_in_order(bench, results):
    bench.notebook("slow", "import time\nprint('up')\nwhile True:\n    time.sleep(0.01)")
    services = replace(bench.services, output=lambda run_id, text: bench.cancel.set())
    run = bench.run(
        """
        - task_key: each
          for_each_task:
            inputs: '[1, 2, 3]'
            concurrency: 2
            task: {task_key: s, notebook_task: {notebook_path: slow}}
        - {task_key: after, depends_on: [{task_key: each}], notebook_task: {notebook_path: slow}}
        """,
        services=services,
    )
    assert (run.result_state, results(run)) == ("CANCELED", {"each": "CANCELED", "after": "CANCELED"})
    assert {r.status for r in bench.log.runs.values()} == {RunStatus.CANCELLED}


def test_a_disabled_task_is_left_out_with_what_needs_it(bench, results):
    bench.notebook("n", "pass")
    run = bench.run("""
        - {task_key: a, disabled: true, notebook_task: {notebook_path: n}}
        - {task_key: b, depends_on: [{task_key: a}], notebook_task: {notebook_path: n}}
        - {task_key: c, notebook_task: {notebook_path: n}}
    """)
    assert (run.result_state, results(run)) == ("SUCCESS", {"a": "DISABLED", "b": "DISABLED", "c": "SUCCESS"})


def test_a_job_runs_another_with_parameters(bench):
    bench.notebook("n", "print(dbutils.widgets.get('p'))")
    bundle = bench.load("""
        bundle: {name: b}
        resources:
          jobs:
            outer:
              tasks:
                - task_key: call
                  run_job_task: {job_id: "${resources.jobs.inner.id}", job_parameters: {p: "{{job.name}}"}}
            inner:
              parameters: [{name: p, default: none}]
              tasks:
                - {task_key: n, notebook_task: {notebook_path: n}}
    """)
    assert run_job(bundle, "outer", {}, bench.services).succeeded
    assert "".join(bench.printed) == "Untitled\n"
    outer, task, inner = list(bench.log.runs.values())[:3]
    assert (task.parent_id, inner.parent_id) == (outer.id, task.id)


def test_jobs_that_run_themselves_are_refused_before_anything_runs(bench):
    bundle = bench.load("""
        bundle: {name: b}
        resources:
          jobs:
            a: {tasks: [{task_key: t, run_job_task: {job_id: "${resources.jobs.b.id}"}}]}
            b: {tasks: [{task_key: t, run_job_task: {job_id: "${resources.jobs.a.id}"}}]}
    """)
    with pytest.raises(UserError, match="Job 'a' runs itself"):
        run_job(bundle, "a", {}, bench.services)
    assert bench.log.runs == {}


def test_a_python_file_has_its_arguments_and_a_session(bench):
    bench.write(
        "script.py",
        """
        import sys
        print(__name__, sys.argv[1:])
        if sys.argv[1] == 'bad':
            sys.exit(3)
    """,
    )
    task = "- {task_key: t, spark_python_task: {python_file: script.py, parameters: ['{{job.parameters.p}}', 2]}}"
    settings = "parameters: [{name: p, default: x}]"
    assert bench.run(task, settings=settings).succeeded
    assert "".join(bench.printed) == "__main__ ['x', '2']\n"
    assert len(bench.sessions) == 1
    assert "exit code 3" in bench.run(task, {"p": "bad"}, settings).error


def test_a_sql_file_runs_its_statements_with_parameters(bench):
    bench.write("q.sql", "USE netflix;\nSELECT :p\n")
    assert bench.run("- {task_key: t, sql_task: {file: {path: q.sql}, warehouse_id: w, parameters: {p: 1}}}").succeeded
    assert bench.sessions[0].statements == [("USE netflix", None), ("SELECT :p", {"p": "1"})]


def test_secrets_do_not_show_in_results(bench):
    bench.notebook("bad", "raise ValueError(dbutils.secrets.get('vault', 'password'))")
    bench.notebook(
        "good",
        """
        password = dbutils.secrets.get('vault', 'password')
        dbutils.jobs.taskValues.set('p', {'all': [password]})
        dbutils.notebook.exit(password)
    """,
    )
    run = bench.run("""
        - {task_key: t, notebook_task: {notebook_path: bad}}
        - {task_key: u, notebook_task: {notebook_path: good}}
    """)
    assert run.output == {"u": "[REDACTED]"}
    assert "hunter2" not in json.dumps([run.error, [str(r) for r in bench.log.runs.values()]])


@pytest.mark.parametrize(
    ("tasks", "error", "message"),
    [
        ("- {task_key: t, dbt_task: {commands: [dbt run]}}", Unsupported, "is a dbt_task, which is not supported"),
        ("- {task_key: t, sql_task: {query: {query_id: x}}}", Unsupported, r"sql_task \(query\)"),
        ("- {task_key: t, notebook_task: {notebook_path: nn}}", UserError, "Did you mean 'n'"),
        ("- {task_key: t, notebook_task: {notebook_path: scala}}", Unsupported, "%scala"),
        (
            "- {task_key: t, depends_on: [{task_key: x}], notebook_task: {notebook_path: n}}",
            UserError,
            "no task of this",
        ),
        ("- {task_key: t, depends_on: [{task_key: t}], notebook_task: {notebook_path: n}}", UserError, "on itself"),
        (
            "- {task_key: t, notebook_task: {notebook_path: n, base_parameters: {a: '{{tasks.x.run_id}}'}}}",
            UserError,
            "refers to task 'x', which is not upstream",
        ),
        (
            "- {task_key: t, notebook_task: {notebook_path: n, base_parameters: {a: '{{job.parameters.none}}'}}}",
            UserError,
            "'{{job.parameters.none}}' is not known",
        ),
        ("- {task_key: t, pipeline_task: {pipeline_id: abc}}", UserError, "which is not in this bundle"),
        ("- {task_key: t, run_job_task: {job_id: 5}}", UserError, "which is not in this bundle"),
        ("- {task_key: t, max_retries: 1, condition_task: {op: EQUAL_TO, left: a, right: b}}", UserError, "has none"),
        (
            "- {task_key: t, notebook_task: {notebook_path: n}}\n"
            "- {task_key: u, depends_on: [{task_key: t, outcome: 'true'}], notebook_task: {notebook_path: n}}",
            UserError,
            "no condition task",
        ),
    ],
)
def test_what_cannot_run_is_refused_by_name_before_anything_runs(bench, tasks, error, message):
    bench.notebook("n", "pass")
    bench.notebook("scala", "# MAGIC %scala val x = 1")
    with pytest.raises(error, match=message) as caught:
        bench.run(tasks)
    assert caught.value.where is not None
    assert bench.log.runs == {}


def test_a_default_of_a_parameter_may_refer_to_the_run_but_to_nothing_else(bench):
    bench.notebook("n", "pass")
    task = "- {task_key: t, notebook_task: {notebook_path: n}}"
    with pytest.raises(UserError, match=r"'{{job.parameters.b}}' is not known.*parameters.a\)"):
        bench.run(task, settings="parameters: [{name: a, default: '{{job.parameters.b}}'}, {name: b, default: x}]")


def test_an_unknown_job_is_refused_with_the_nearest_name(bench):
    with pytest.raises(UserError, match="Did you mean 'daily'"):
        run_job(bench.load("bundle: {name: b}\nresources: {jobs: {daily: {tasks: []}}}"), "dayly", {}, bench.services)


def test_fields_without_effect_are_noted_once_per_run(bench):
    bench.notebook("n", "pass")
    bench.run(
        "- {task_key: t, job_cluster_key: small, notebook_task: {notebook_path: n}}",
        settings="job_clusters: [{job_cluster_key: small, new_cluster: {num_workers: 1}}]",
    )
    assert [n for n in bench.log.notes if "no effect" in n] == [
        "Fields of job 'j' that have no effect here: job_cluster_key, job_clusters "
        "(bundle/databricks.yml, resources.jobs.j)"
    ]


def hold(bench, settings):
    """Start a run that waits for the returned event; what it gives is in the list."""
    go, up, runs = threading.Event(), threading.Event(), []
    bench.notebook(
        "hold",
        "print('up')\nimport time, pathlib\nwhile not pathlib.Path('"
        + str(bench.folder / "go")
        + "').exists():\n    time.sleep(0.01)",
    )
    bundle = bench.job("- {task_key: t, notebook_task: {notebook_path: hold}}", settings)
    services = replace(bench.services, output=lambda run_id, text: up.set())
    thread = threading.Thread(target=lambda: runs.append(run_job(bundle, "j", {}, services)))
    thread.start()
    assert up.wait(20)
    return bundle, thread, runs, go


def test_a_surplus_run_is_skipped_without_a_queue(bench):
    bundle, thread, runs, _ = hold(bench, "queue: {enabled: false}")
    surplus = run_job(bundle, "j", {}, bench.services)
    (bench.folder / "go").touch()
    thread.join()
    assert (surplus.result_state, surplus.life_cycle) == ("MAXIMUM_CONCURRENT_RUNS_REACHED", "SKIPPED")
    assert runs[0].succeeded
    assert run_job(bundle, "j", {}, bench.services).succeeded


def test_a_surplus_run_waits_in_the_queue(bench):
    bundle, thread, runs, _ = hold(bench, "queue: {enabled: true}")
    second = []
    waiting = threading.Thread(target=lambda: second.append(run_job(bundle, "j", {}, bench.services)))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive() and second == []
    (bench.folder / "go").touch()
    thread.join()
    waiting.join()
    assert runs[0].succeeded and second[0].succeeded


def test_no_run_at_all_is_allowed_with_zero_concurrent_runs(bench):
    bench.notebook("n", "pass")
    run = bench.run("- {task_key: t, notebook_task: {notebook_path: n}}", settings="max_concurrent_runs: 0")
    assert run.life_cycle == "SKIPPED"


def test_an_interrupted_job_stops_its_tasks_and_is_recorded_as_cancelled(bench):
    import _thread

    bench.notebook("slow", "import time\nprint('up')\nwhile True:\n    time.sleep(0.01)")
    services = replace(bench.services, output=lambda run_id, text: _thread.interrupt_main() if "up" in text else None)
    with pytest.raises(KeyboardInterrupt):
        bench.run("- {task_key: t, notebook_task: {notebook_path: slow}}", services=services)
    assert {r.status for r in bench.log.runs.values()} == {RunStatus.CANCELLED}


def test_a_killed_process_leaves_its_slot_free(bench):
    import subprocess
    import sys

    from reelhouse.jobs.slots import NoSlot, slot

    hold = (
        "import sys, threading, time; from pathlib import Path; from reelhouse.clock import SystemClock\n"
        "from reelhouse.jobs.slots import slot\n"
        "with slot(Path(sys.argv[1]), 7, 1, queue=False, clock=SystemClock(), cancel=threading.Event()):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold, str(bench.state)], stdout=subprocess.PIPE, text=True)
    arguments = (bench.state, 7, 1)
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(NoSlot), slot(*arguments, queue=False, clock=ScaledClock(1), cancel=bench.cancel):
            pass
        holder.kill()
    with slot(*arguments, queue=False, clock=ScaledClock(1), cancel=bench.cancel):
        pass


def test_a_very_long_exit_value_is_cut(bench):
    bench.notebook("n", "dbutils.notebook.exit('x' * (5 * 1024 * 1024 + 1))")
    run = bench.run("- {task_key: t, notebook_task: {notebook_path: n}}")
    assert (len(run.tasks[0].output["result"]), run.tasks[0].output["truncated"]) == (5 * 1024 * 1024, True)


def test_a_fault_in_one_of_several_pieces_of_work_is_raised_and_not_lost():
    from reelhouse.jobs.parallel import Stop, in_parallel

    def work(item):
        if item == 1:
            raise LookupError(item)
        return item

    assert in_parallel(work, [0, 2], 2, Stop()) == [0, 2]
    with pytest.raises(LookupError):
        in_parallel(work, range(3), 2, Stop())
