"""lm-evaluation-harness over our backends (EleutherAI, MIT; the extra `lmeval`).

Only `generate_until` is there. Neither engine gives the probability of a given text, so a task
that compares likelihoods is refused and not guessed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from cli_tuner.artifacts import Progress, require
from cli_tuner.errors import EvaluationError
from cli_tuner.evaluate.general.continuing import Remembering

_TASKS = Path(__file__).parent / "tasks"
_MOST_TOKENS = 256
_RUNS_CODE = frozenset({"humaneval", "humaneval_plus", "mbpp", "mbpp_plus"})


class NotRun(EvaluationError):
    """A benchmark cannot be run here, for a reason that the report names."""


def harness_model(answers: Remembering, progress: Progress) -> Any:
    """An `lm_eval.api.model.LM` that asks our backend. Raises ExtraMissing without lm-eval."""
    model: Any = require("lm_eval.api.model", "lmeval").LM

    class OurModel(model):  # type: ignore[misc]
        """The weights behind one of our backends."""

        def generate_until(self, requests: Sequence[Any], **_: Any) -> list[str]:
            """The continuation of each request's text."""
            texts = []
            for request in requests:
                context, options = request.args
                until = options.get("until") or []
                stop = [until] if isinstance(until, str) else list(until)
                most = int(options.get("max_gen_toks", _MOST_TOKENS))
                texts.append(answers.continuation(context, stop, most))
                progress.advance()
            return texts

        def loglikelihood(self, requests: Sequence[Any], **_: Any) -> NoReturn:
            """Refused."""
            raise EvaluationError(
                "this task compares likelihoods of given texts, which the engine does not give",
                hint="choose one that generates, such as gsm8k",
            )

        loglikelihood_rolling = loglikelihood

    return OurModel()


def load_task(name: str, run_generated_code: bool) -> Any:
    """A task of lm-eval, or of ours; its data is fetched now.

    Raises EvaluationError for a name nobody knows, NotRun if it would run what a model wrote
    without leave, or if its data cannot be had.
    """
    if name in _RUNS_CODE:
        if not run_generated_code:
            raise NotRun(
                f"{name} runs the programs that the model writes",
                hint="on a machine that may be lost, set general.run_generated_code=true",
            )
        os.environ["HF_ALLOW_CODE_EVAL"] = "1"
    tasks = require("lm_eval.tasks", "lmeval")
    own = _TASKS / f"{name}.yaml"
    manager = tasks.TaskManager(include_defaults=not own.exists())
    wanted = _own_task(own) if own.exists() else name
    if wanted == name and name not in manager.all_tasks:
        raise EvaluationError(f'lm-eval has no task "{name}"')
    try:
        return tasks.get_task_dict([wanted], manager)
    except Exception as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise NotRun(f"the data of {name} cannot be had here: {said[0][:200]}") from error


def _own_task(path: Path) -> dict[str, Any]:
    """A task of ours as lm-eval takes it, its files found beside it."""
    task: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    files = task["dataset_kwargs"]["data_files"]
    task["dataset_kwargs"]["data_files"] = {
        split: str(path.parent / name) for split, name in files.items()
    }
    return task


def run_task(task: Any, model: Any, limit: int | None, run_generated_code: bool) -> dict[str, Any]:
    """lm-eval's results for a loaded task, with the samples."""
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    evaluator = require("lm_eval.evaluator", "lmeval")
    found: dict[str, Any] = evaluator.evaluate(
        lm=model,
        task_dict=task,
        limit=limit,
        bootstrap_iters=0,
        log_samples=True,
        confirm_run_unsafe_code=run_generated_code,
    )
    return found
