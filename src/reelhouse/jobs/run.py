"""Running a job of a bundle to its end.

https://docs.databricks.com/aws/en/jobs/
"""

from __future__ import annotations

from collections.abc import Mapping

from reelhouse.errors import UserError, did_you_mean
from reelhouse.jobs.definition import Bundle, JobDefinition, PipelineTask
from reelhouse.jobs.execution import JobExecution
from reelhouse.jobs.plan import Result
from reelhouse.jobs.references import as_text
from reelhouse.jobs.results import STATUS, JobRun, TaskRun, message_of
from reelhouse.jobs.services import JobServices
from reelhouse.jobs.slots import NoSlot, slot
from reelhouse.jobs.validate import problems
from reelhouse.runs.record import RunKind, RunStatus, current_run

__all__ = ["JobRun", "JobServices", "TaskRun", "run_job"]


def run_job(
    bundle: Bundle,
    job_key: str,
    parameters: Mapping[str, str] | None,
    services: JobServices,
    *,
    parent_id: str | None = None,
) -> JobRun:
    """Run a job. `parameters` beat the defaults of the job's parameters.

    Raises `UserError` before anything runs, when there is no such job or something in it cannot run. What fails while
    it runs is in the result.
    """
    job = bundle.jobs.get(job_key)
    if job is None:
        remedy = did_you_mean(job_key, bundle.jobs)
        raise UserError(f"Job '{job_key}' is not in bundle '{bundle.name}'", remedy=remedy)
    given = {name: as_text(value) for name, value in (parameters or {}).items()}
    wrong = problems(bundle, job, given)
    if wrong:
        raise wrong[0]
    if services.run_pipeline is None and any(isinstance(t.body, PipelineTask) for t in job.tasks):
        raise UserError(f"Job '{job_key}' has a pipeline task, and pipelines are not wired here")
    run = services.runs.begin(
        RunKind.JOB,
        job.name,
        type="job",
        input={"job_id": job.id, "job_key": job.key, "parameters": {**job.parameters, **given}},
        parent_id=parent_id,
    )
    token = current_run.set(run.id)
    result, failure = None, None

    def inner(key: str, values: Mapping[str, str], inner_services: JobServices, parent: str) -> JobRun:
        return run_job(bundle, key, values, inner_services, parent_id=parent)

    try:
        with slot(
            services.state_dir / "jobs",
            job.id,
            job.max_concurrent_runs,
            queue=job.queue,
            clock=services.clock,
            cancel=services.cancel,
        ):
            for name in given.keys() - job.parameters.keys():
                services.runs.note(
                    f"Job '{job.key}' declares no parameter '{name}'; its tasks are given it all the same."
                )
            _note_what_has_no_effect(bundle, job, services)
            execution = JobExecution(bundle, job, given, services, run.id, run.started_at, inner)
            result = execution.run()
            if execution.interrupted is not None:
                raise execution.interrupted
    except NoSlot:
        reached = Result.CANCELED if services.cancel.is_set() else Result.MAXIMUM_CONCURRENT_RUNS_REACHED
        error = f"{job.max_concurrent_runs} runs of job '{job.key}' are active, which is its max_concurrent_runs"
        result = JobRun(run.id, job.id, job.key, reached, "SKIPPED", error=error)
    except BaseException as error:
        failure = error
        raise
    finally:
        current_run.reset(token)
        _end(services, run.id, result, failure)
    return result


def _end(services: JobServices, run_id: str, result: JobRun | None, failure: BaseException | None) -> None:
    if result is None:
        message = "" if failure is None else services.redactor(message_of(failure))
        services.runs.end(run_id, RunStatus.FAILED, error={"message": message})
        return
    output = {"result_state": result.result_state.value, "life_cycle_state": result.life_cycle, "output": result.output}
    error = None if result.error is None else {"message": result.error}
    services.runs.end(run_id, STATUS[result.result_state], output=output, error=error)


def _note_what_has_no_effect(bundle: Bundle, job: JobDefinition, services: JobServices) -> None:
    own = [p for p in bundle.without_effect if p.file == job.place.file and p.path.startswith(job.place.path + ".")]
    if own:
        names = sorted({place.path.rsplit(".", 1)[-1] for place in own})
        services.runs.note(f"Fields of job '{job.key}' that have no effect here: {', '.join(names)} ({job.place})")
