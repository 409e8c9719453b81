"""Asset bundles: includes, variables, targets, modes, paths, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelhouse.errors import Unsupported, UserError
from reelhouse.jobs.bundle import job_id, load_bundle
from reelhouse.jobs.definition import LibraryKind, NotebookTask
from reelhouse.jobs.merge import merge_resources, merge_values
from reelhouse.jobs.modes import short_name
from reelhouse.jobs.problems import Problems
from reelhouse.jobs.validate import problems as problems_of

ROOT = """
bundle:
  name: platform
include:
  - resources/*.yml
variables:
  catalog:
    default: netflix
  workers:
    default: 2
  cluster:
    type: complex
    default:
      num_workers: ${var.workers}
      spark_version: 16.4.x-scala2.12
targets:
  dev:
    default: true
    mode: development
  prod:
    mode: production
    workspace:
      root_path: /Workspace/Shared/${bundle.name}
    variables:
      catalog: prod_${bundle.target}
    resources:
      jobs:
        daily:
          max_concurrent_runs: 3
          tasks:
            - task_key: load
              notebook_task:
                notebook_path: ./other.py
            - task_key: extra
              depends_on: [{task_key: load}]
              notebook_task: {notebook_path: ./extra.py}
          parameters:
            - {name: catalog, default: "${var.catalog}"}
            - {name: added, default: 1}
"""
JOB = """
resources:
  jobs:
    daily:
      name: daily
      parameters:
        - {name: catalog, default: "${var.catalog}"}
        - {name: full, default: false}
      job_clusters:
        - {job_cluster_key: main, new_cluster: "${var.cluster}"}
      schedule: {quartz_cron_expression: 0 0 5 * * ?, timezone_id: UTC}
      tasks:
        - task_key: load
          job_cluster_key: main
          max_retries: 2
          notebook_task:
            notebook_path: ../bronze/load.py
            base_parameters: {path: "${workspace.file_path}/x", n: 5, id: "${resources.jobs.daily.id}"}
        - task_key: refine
          depends_on: [{task_key: load}]
          pipeline_task: {pipeline_id: "${resources.pipelines.medallion.id}"}
"""
PIPELINE = """
resources:
  pipelines:
    medallion:
      name: ${bundle.name}_${resources.jobs.daily.name}
      catalog: ${var.catalog}
      schema: silver
      photon: true
      configuration: {a: 1, b: true}
      libraries:
        - glob: {include: ../silver/**}
        - notebook: {path: ../gold/n.py}
        - file: {path: /Workspace/Shared/f.py}
      root_path: ..
      clusters: [{label: default, num_workers: 1}]
  schemas:
    extra: {catalog_name: netflix, name: extra}
"""


@pytest.fixture
def platform(bench):
    bench.write("databricks.yml", ROOT)
    bench.write("resources/daily.job.yml", JOB)
    bench.write("resources/medallion.pipeline.yml", PIPELINE)
    return bench


def test_a_bundle_is_loaded_with_its_included_files_and_default_target(platform):
    bundle = platform.load()
    assert (bundle.name, bundle.target, bundle.mode) == ("platform", "dev", "development")
    assert set(bundle.jobs) == {"daily"} and set(bundle.pipelines) == {"medallion"}
    assert bundle.variables["cluster"] == {"num_workers": 2, "spark_version": "16.4.x-scala2.12"}


def test_paths_are_relative_to_the_file_that_holds_them(platform):
    [load, _] = platform.load().jobs["daily"].tasks
    assert load.body.notebook_path == str(platform.folder / "bronze/load.py")
    pipeline = platform.load().pipelines["medallion"]
    assert pipeline.libraries == (
        (LibraryKind.GLOB, str(platform.folder / "silver/**")),
        (LibraryKind.NOTEBOOK, str(platform.folder / "gold/n.py")),
        (LibraryKind.FILE, "/Workspace/Shared/f.py"),
    )
    assert pipeline.root_path == platform.folder
    [load, _, extra] = platform.load(target="prod").jobs["daily"].tasks
    assert load.body.notebook_path == str(platform.folder / "other.py")
    assert extra.body.notebook_path == str(platform.folder / "extra.py")


def test_references_to_resources_workspace_and_variables_are_replaced(platform):
    bundle = platform.load(target="prod")
    job, pipeline = bundle.jobs["daily"], bundle.pipelines["medallion"]
    assert job.tasks[0].body.base_parameters == {
        "path": f"{platform.folder}/x",
        "n": "5",
        "id": str(job_id("platform", "daily")),
    }
    assert bundle.pipeline_by_id(job.tasks[1].body.pipeline_id) is pipeline
    assert bundle.job_by_id(job.id) is job
    assert (pipeline.name, pipeline.catalog) == ("platform_daily", "prod_prod")
    assert pipeline.configuration == {"a": "1", "b": "true"}
    assert bundle.workspace_folder == "/Workspace/Shared/platform/files"


def test_a_targets_values_are_merged_by_key(platform):
    job = platform.load(target="prod").jobs["daily"]
    assert [t.key for t in job.tasks] == ["load", "refine", "extra"]
    assert job.tasks[0].max_retries == 2
    assert job.parameters == {"catalog": "prod_prod", "full": "false", "added": "1"}
    assert (job.name, job.max_concurrent_runs) == ("daily", 3)


def test_development_mode_prefixes_names_pauses_schedules_and_raises_concurrency(platform):
    bundle = platform.load()
    job, pipeline = bundle.jobs["daily"], bundle.pipelines["medallion"]
    assert (job.name, job.max_concurrent_runs, job.tags) == ("[dev ada] daily", 4, {"dev": "ada"})
    assert job.schedule["pause_status"] == "PAUSED"
    assert (pipeline.name, pipeline.development) == ("[dev ada] platform_[dev ada] daily", True)
    assert platform.load(target="prod").jobs["daily"].schedule.get("pause_status") is None


def test_the_users_short_name_has_no_signs():
    assert short_name("Ada.Lovelace+x@example.com") == "ada_lovelace_x"


def test_presets_win_over_the_mode(bench):
    bundle = bench.load("""
        bundle: {name: b}
        targets:
          dev:
            mode: development
            presets: {name_prefix: "x_", pipelines_development: false, jobs_max_concurrent_runs: 7,
                      trigger_pause_status: UNPAUSED}
        resources:
          jobs: {j: {schedule: {quartz_cron_expression: 0 0 0 * * ?, timezone_id: UTC}}}
          pipelines: {p: {continuous: true}}
    """)
    job, pipeline = bundle.jobs["j"], bundle.pipelines["p"]
    assert (job.name, job.max_concurrent_runs, job.schedule["pause_status"]) == ("x_Untitled", 7, "UNPAUSED")
    assert (pipeline.name, pipeline.development, pipeline.continuous) == ("x_p", False, False)


def test_defaults_are_the_documented_ones(bench):
    bundle = bench.load("bundle: {name: b}\nresources: {jobs: {j: {tasks: []}}, pipelines: {p: {libraries: []}}}")
    job, pipeline = bundle.jobs["j"], bundle.pipelines["p"]
    assert (job.name, job.max_concurrent_runs, job.queue, job.timeout_seconds) == ("Untitled", 1, True, 0)
    assert (pipeline.edition, pipeline.channel, pipeline.development) == ("ADVANCED", "CURRENT", False)
    assert bundle.target == "default"


def test_an_id_is_stable_and_the_same_in_every_target(platform):
    ids = {platform.load(target=t).jobs["daily"].id for t in ("dev", "prod")}
    assert ids == {job_id("platform", "daily")}
    assert 0 < job_id("platform", "daily") < 2**53


@pytest.mark.parametrize(
    ("given_value", "environment", "local", "overrides", "in_target", "expected"),
    [
        (None, None, None, None, None, "default"),
        (None, None, None, None, "target", "target"),
        (None, None, None, "overrides", "target", "overrides"),
        (None, None, "local", "overrides", "target", "local"),
        (None, "environment", "local", "overrides", "target", "environment"),
        ("given", "environment", "local", "overrides", "target", "given"),
    ],
)
def test_a_variables_value_is_taken_from_the_strongest_source(
    bench, given_value, environment, local, overrides, in_target, expected
):
    if overrides:
        bench.write(".databricks/bundle/dev/variable-overrides.json", f'{{"v": "{overrides}"}}')
    target = f"{{variables: {{v: {in_target}}}}}" if in_target else "{}"
    bundle = bench.load(
        f"bundle: {{name: b}}\nvariables: {{v: {{default: default}}}}\ntargets: {{dev: {target}}}\n",
        variables={"v": given_value} if given_value else None,
        local={"v": local} if local else None,
        environment={"BUNDLE_VAR_v": environment} if environment else {},
    )
    assert bundle.variables == {"v": expected}


def test_a_variable_of_the_settings_has_to_be_declared(bench):
    with pytest.raises(UserError, match=r"'catalg' is set by \[variables\] in the settings.*(?s:.*)catalog"):
        bench.load("bundle: {name: b}\nvariables: {catalog: {default: c}}\n", local={"catalg": "x"})


def test_a_text_from_outside_becomes_the_number_or_flag_that_the_field_needs(bench):
    bundle = bench.load(
        """
        bundle: {name: b}
        variables: {n: {}, off: {}}
        resources:
          jobs:
            j:
              timeout_seconds: ${var.n}
              tasks: [{task_key: t, disabled: "${var.off}", notebook_task: {notebook_path: x}}]
        """,
        variables={"n": "60", "off": "true"},
    )
    assert bundle.jobs["j"].timeout_seconds == 60
    assert bundle.jobs["j"].tasks[0].disabled is True


def test_what_only_places_cloud_things_is_listed(platform):
    listed = {str(place) for place in platform.load().without_effect}
    job = "bundle/resources/daily.job.yml, resources.jobs.daily"
    assert {f"{job}.job_clusters", f"{job}.schedule", f"{job}.tasks[0].job_cluster_key"} <= listed
    assert "bundle/resources/medallion.pipeline.yml, resources.pipelines.medallion.photon" in listed
    assert "bundle/resources/medallion.pipeline.yml, resources.schemas.extra" in listed
    assert not any("libraries" in place or "notebook" in place for place in listed)


@pytest.mark.parametrize(
    ("yaml", "error", "message"),
    [
        ("bundle: {name: b}\nresorces: {}", UserError, r"'resorces' is not a field.*Did you mean 'resources'"),
        ("resources: {}", UserError, "has no 'bundle'"),
        (
            "bundle: {name: b}\nresources: {job: {}}",
            UserError,
            r"Did you mean 'jobs'\? \(bundle/databricks.yml, resources.job\)",
        ),
        ("bundle: {name: b}\nresources: {jobs: {j: {task: []}}}", UserError, "Did you mean 'tasks'"),
        (
            "bundle: {name: b}\nresources: {jobs: {j: {tasks: [{task_key: t, notebook_task: {path: x}}]}}}",
            UserError,
            r"resources.jobs.j.tasks\[0\].notebook_task.path",
        ),
        ("bundle: {name: b}\nresources: {jobs: {j: {tasks: {}}}}", UserError, "a mapping, and has to be a list"),
        (
            "bundle: {name: b}\nresources: {jobs: {j: {timeout_seconds: soon}}}",
            UserError,
            "'soon', and has to be a whole",
        ),
        ("bundle: {name: b}\nresources: {jobs: {j: {tasks: [{task_key: t}]}}}", UserError, "does nothing"),
        (
            "bundle: {name: b}\nresources: {jobs: {j: {tasks: [{task_key: t, run_if: ALL_DON, "
            "notebook_task: {notebook_path: x}}]}}}",
            UserError,
            "Did you mean 'ALL_DONE'",
        ),
        (
            "bundle: {name: b}\nresources: {jobs: {j: {tasks: [{task_key: t, new_cluster: {node: x}, "
            "notebook_task: {notebook_path: x}}]}}}",
            UserError,
            "'node' is not a field",
        ),
        ("bundle: {name: b}\nresources: {jobs: {j: {git_source: {}}}}", Unsupported, "git_source' is not supported"),
        ("bundle: {name: b}\nresources: {pipelines: {p: {ingestion_definition: {}}}}", Unsupported, "not supported"),
        ("bundle: {name: b}\nresources: {pipelines: {p: {libraries: [{jar: x}]}}}", Unsupported, "Supported: notebook"),
        ("bundle: {name: b}\npython: {}", Unsupported, "'python' is not supported"),
        ("bundle: {name: b}\ninclude: [none.yml]", UserError, "'none.yml' does not exist"),
        ("bundle: {name: b}\nbundle: {name: c}", UserError, "'bundle' stands twice"),
        ("bundle: [", UserError, r"Not YAML.*databricks.yml, line \d"),
        ("bundle: {name: b}\nvariables: {v: {}}", UserError, "BUNDLE_VAR_v.*targets.default.variables.v"),
        ("bundle: {name: b}\nvariables: {v: {default: '${var.v}'}}", UserError, "refers to itself"),
        (
            "bundle: {name: b}\nresources: {jobs: {j: {name: '${var.catlog}'}}}\nvariables: {catalog: {default: x}}",
            UserError,
            r"there is no 'catlog'. Did you mean 'catalog'\? \(bundle/databricks.yml, resources.jobs.j.name\)",
        ),
        ("bundle: {name: b}\ntargets: {a: {}, b: {}}", UserError, "No target is named"),
        ("bundle: {name: b}\ntargets: {a: {default: true}, b: {default: true}}", UserError, "are all the default"),
        ("bundle: {name: b}\ntargets: {a: {variables: {x: 1}}}", UserError, "is not declared"),
        ("bundle: {name: b}\ntargets: {a: {mode: prod}}", UserError, "Known: development, production"),
        (
            "bundle: {name: b}\ntargets: {a: {mode: production}}",
            UserError,
            "neither 'workspace.root_path' nor 'run_as'",
        ),
        (
            "bundle: {name: b}\ntargets: {a: {mode: production, workspace: {root_path: /x}}}\n"
            "resources: {pipelines: {p: {development: true}}}",
            UserError,
            "is a development pipeline",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_file_path_and_remedy(bench, yaml, error, message):
    with pytest.raises(error, match=message) as caught:
        bench.load(yaml)
    assert caught.value.where.file == "bundle/databricks.yml"


def test_a_resource_that_two_files_define_is_refused(platform):
    platform.write("resources/again.yml", "resources: {jobs: {daily: {}}}")
    with pytest.raises(UserError, match=r"'daily' is defined twice.*See bundle/resources/again.yml"):
        platform.load()


def test_an_included_file_includes_nothing(platform):
    platform.write("resources/again.yml", "include: [x.yml]")
    with pytest.raises(UserError, match=r"Only databricks.yml includes files"):
        platform.load()


def test_an_unknown_target_is_refused_with_the_nearest(platform):
    with pytest.raises(UserError, match="Did you mean 'prod'"):
        platform.load(target="prd")


def test_a_folder_without_bundle_is_refused(bench):
    with pytest.raises(UserError, match=r"is not an asset bundle. It has no databricks.yml"):
        bench.load()


def test_a_notebook_may_be_named_by_its_workspace_path(bench):
    bench.notebook("bronze/load", "dbutils.notebook.exit('here')")
    from reelhouse.jobs.run import run_job

    bundle = bench.load("""
        bundle: {name: b}
        workspace: {root_path: /Workspace/Shared/b}
        resources:
          jobs:
            j:
              tasks:
                - task_key: t
                  notebook_task: {notebook_path: "${workspace.root_path}/files/bronze/load"}
                - task_key: u
                  notebook_task: {notebook_path: "${workspace.file_path}/bronze/load"}
    """)
    assert isinstance(bundle.jobs["j"].tasks[0].body, NotebookTask)
    assert run_job(bundle, "j", {}, bench.services).output == {"t": "here", "u": "here"}


# -- merging

scalars = st.one_of(st.integers(), st.text(max_size=3))
mappings = st.recursive(scalars, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8)


@given(mappings, mappings)
def test_merged_values_hold_everything_of_the_override(base, override):
    def holds(merged, part):
        if isinstance(part, dict) and isinstance(merged, dict):
            return all(key in merged and holds(merged[key], value) for key, value in part.items())
        return merged == part

    assert holds(merge_values(base, override), override)


@given(mappings)
def test_merging_nothing_or_the_same_changes_nothing(base):
    assert merge_values(base, base) == base
    if isinstance(base, dict):
        assert merge_values(base, {}) == base


@pytest.mark.parametrize(
    ("kind", "field", "base", "override", "merged"),
    [
        (
            "jobs",
            "tasks",
            [{"task_key": "a", "x": 1}],
            [{"task_key": "a", "y": 2}],
            [{"task_key": "a", "x": 1, "y": 2}],
        ),
        ("jobs", "tasks", [{"task_key": "a"}], [{"task_key": "b"}], [{"task_key": "a"}, {"task_key": "b"}]),
        (
            "jobs",
            "parameters",
            [{"name": "a", "default": 1}],
            [{"name": "a", "default": 2}],
            [{"name": "a", "default": 2}],
        ),
        (
            "jobs",
            "job_clusters",
            [{"job_cluster_key": "a"}],
            [{"job_cluster_key": "a", "n": 1}],
            [{"job_cluster_key": "a", "n": 1}],
        ),
        ("pipelines", "clusters", [{"label": "a"}], [{"label": "a", "n": 1}], [{"label": "a", "n": 1}]),
        ("pipelines", "libraries", [{"file": 1}], [{"file": 2}], [{"file": 2}]),
        ("jobs", "tags", {"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ("jobs", "name", "a", "b", "b"),
    ],
)
def test_lists_with_keys_are_merged_by_them_and_others_replaced(kind, field, base, override, merged):
    assert merge_resources({kind: {"r": {field: base}}}, {kind: {"r": {field: override}}}) == {
        kind: {"r": {field: merged}}
    }


def test_plain_values_are_read_as_the_platforms_tool_reads_them(bench):
    bench.notebook("n", "dbutils.notebook.exit(dbutils.widgets.getAll())")
    from reelhouse.jobs.run import run_job

    bundle = bench.load("""
        bundle: {name: b}
        resources:
          jobs:
            j:
              parameters:
                - {name: answer, default: yes}
                - {name: "on", default: off}
                - {name: day, default: 2020-01-31}
                - {name: time, default: 12:30}
                - {name: code, default: 007}
                - {name: share, default: 0.5}
                - {name: flag, default: true}
              tasks: [{task_key: t, notebook_task: {notebook_path: n}}]
    """)
    assert bundle.jobs["j"].parameters == {
        "answer": "yes",
        "on": "off",
        "day": "2020-01-31",
        "time": "12:30",
        "code": "007",
        "share": "0.5",
        "flag": "true",
    }
    assert run_job(bundle, "j", {}, bench.services).succeeded


def collected(bench, root, **files):
    """The bundle without what is wrong, and what is wrong, as texts."""
    bench.write("databricks.yml", root)
    for name, text in files.items():
        bench.write(f"resources/{name}.yml", text)
    problems = Problems([])
    bundle = None
    try:
        bundle = load_bundle(bench.folder, user="ada", environment={}, problems=problems)
    except UserError as error:
        problems.kept.append(error)
    return bundle, [str(error) for error in problems.kept]


WHOLE = "bundle: {name: b}\ninclude: [resources/*.yml]\n"


def test_what_is_wrong_in_every_resource_is_collected_and_the_others_are_there(bench):
    bundle, wrong = collected(
        bench,
        WHOLE,
        job="""
        resources:
          jobs:
            broken:
              tasks:
                - {task_key: a, max_retires: 2, notebook_task: {notebook_path: x}}
                - {task_key: b, run_if: ALL_DON, notebook_task: {notebook_path: x}}
            sound:
              tasks: [{task_key: a, pipeline_task: {pipeline_id: "${resources.pipelines.p.id}"}}]
        """,
        pipeline="resources: {pipelines: {p: {photn: true, libraries: [{notebook: {path: x}}]}}}",
    )

    job, pipeline = "bundle/resources/job.yml, resources.jobs.broken.tasks", "bundle/resources/pipeline.yml, resources"
    assert [text[text.index("Did") :] for text in wrong] == [
        f"Did you mean 'max_retries'? ({job}[0].max_retires)",
        f"Did you mean 'ALL_DONE'? ({job}[1].run_if)",
        f"Did you mean 'photon'? ({pipeline}.pipelines.p.photn)",
    ]
    assert list(bundle.jobs) == ["sound"] and not bundle.pipelines
    assert problems_of(bundle, bundle.jobs["sound"]) == []  # the pipeline it runs is there, only wrong


def test_errors_of_references_and_of_building_are_collected_too(bench):
    bundle, wrong = collected(
        bench,
        WHOLE,
        a="resources: {jobs: {a: {name: '${var.none}'}}}",
        b="resources: {jobs: {b: {tasks: [{task_key: t}]}}}",
        c="resources: {jobs: {c: {name: c}}, pipelines: {p: {libraries: [{}]}}}",
        d="resorces: {}",
        e="resources: [",
    )

    assert list(bundle.jobs) == ["c"]
    for text in ("${var.none}", "does nothing", "names no notebook", "Did you mean 'resources'", "Not YAML"):
        assert sum(text in error for error in wrong) == 1, (text, wrong)
    assert len(wrong) == 5


def test_an_error_of_the_root_file_is_told_with_those_of_the_others(bench):
    bundle, wrong = collected(bench, WHOLE + "varables: {}\n", a="resources: {jobs: {a: {nam: x}}}")

    assert bundle is None
    assert ["'nam'" in wrong[0], "Did you mean 'variables'" in wrong[1], len(wrong)] == [True, True, 2]


def test_an_error_in_a_targets_resource_leaves_that_resource_out(bench):
    bundle, wrong = collected(
        bench,
        "bundle: {name: b}\nresources: {jobs: {j: {name: j}, k: {name: k}}}\n"
        "targets: {dev: {resources: {jobs: {j: {timeout_second: 5}}}}}\n",
    )

    assert list(bundle.jobs) == ["k"]
    assert len(wrong) == 1 and "targets.dev.resources.jobs.j.timeout_second" in wrong[0]
