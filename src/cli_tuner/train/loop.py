"""The training loop: steps, evaluations and checkpoints, in a sitting that may end at any time.

for each step:  gradient of the mean loss per answer token, summed over passes
                clip, move, write down
now and then:   look at the validation split; keep the best adapter
                a checkpoint
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from cli_tuner.artifacts import Progress
from cli_tuner.errors import TrainingError, TrainingPaused
from cli_tuner.train.checkpoint import State, save
from cli_tuner.train.config import TrainConfig
from cli_tuner.train.dev import Answer, Look, Validation
from cli_tuner.train.examples import Example, Examples, passes, step_examples, steps_in
from cli_tuner.train.interrupt import Stop
from cli_tuner.train.loss import answer_loss
from cli_tuner.train.optimizer import AdamW
from cli_tuner.train.packed import pack
from cli_tuner.train.schedule import learning_rate
from cli_tuner.train.track import Tracker
from cli_tuner.train.usage import Usage

_SHOWN = 16
"""Answers that are written down in full at an evaluation."""


@dataclass(frozen=True)
class Done:
    """A finished run. The adapter on the model is the chosen one."""

    state: State
    steps: int
    answers: tuple[Answer, ...]


class Training:
    """One sitting of a run."""

    def __init__(
        self,
        config: TrainConfig,
        validation: Validation,
        examples: Examples,
        tracker: Tracker,
        progress: Progress,
    ) -> None:
        self._config, self._validation, self._examples = config, validation, examples
        self._tracker, self._progress = tracker, progress
        self._model = model = validation.model
        self._adapter = model.adapter
        self._usage = Usage(str(model.device))
        self._optimizer = AdamW(self._adapter.values, self._adapter.gradient, config.optimizer)
        self._best = self._adapter.values.clone()
        self.steps = steps_in(len(examples.train), config.epochs, config.examples_per_step)
        self._answers: tuple[Answer, ...] = ()
        self._began = self._saved = time.monotonic()

    def run(self, state: State, tensors: dict[str, torch.Tensor]) -> Done:
        """Go on from a checkpoint to the end.

        Raises TrainingPaused when the sitting's time is up, KeyboardInterrupt after Ctrl-C, both
        with a checkpoint, and TrainingError for a loss that is no number or a lack of memory.
        """
        self._state = state.but(sittings=state.sittings + 1)
        self._before_s, self._saved_step = state.seconds, state.step
        self._restore(tensors)
        self._progress.step("train", self.steps)
        self._progress.advance(state.step)
        with Stop(self._config.sitting.max_minutes) as stop:
            if state.step == 0 and not tensors:
                self._look()
                self._checkpoint()
            while self._state.step < self.steps and not self._state.stopped:
                self._one_step()
                if self._is_due():
                    self._look()
                if stop.wanted or self._checkpoint_is_due():
                    self._checkpoint()
                stop.obey(self._paused)
        if self._config.evaluation.choose != "last":
            with torch.no_grad():
                self._adapter.values.copy_(self._best)
        return Done(self._state, self.steps, self._final_answers())

    def _restore(self, tensors: dict[str, torch.Tensor]) -> None:
        if not tensors:
            return
        places = {
            "values": self._adapter.values,
            "best": self._best,
            "first_moment": self._optimizer.first,
            "second_moment": self._optimizer.second,
        }
        with torch.no_grad():
            for name, place in places.items():
                place.copy_(tensors[name])

    def _one_step(self) -> None:
        config, step = self._config, self._state.step
        began = time.monotonic()
        torch.manual_seed(config.seed * 1_000_003 + step)  # of dropout, if there is any
        numbers = step_examples(
            len(self._examples.train), step, config.examples_per_step, config.seed
        )
        loss, tokens = self._gradient_of([self._examples.train[number] for number in numbers])
        norm = self._optimizer.clip()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TrainingError(
                f"the loss of step {step} is not a number ({loss}, gradient {norm}); the last "
                f"checkpoint is from step {self._saved_step} and whole",
                hint="lower optimizer.learning_rate, or use precision: float32",
            )
        rate = learning_rate(step, self.steps, config.optimizer)
        self._optimizer.update(step, rate)
        done, seconds = step + 1, time.monotonic() - began
        self._state = self._state.but(
            step=done,
            tokens=self._state.tokens + tokens,
            seconds=self._before_s + time.monotonic() - self._began,
        )
        self._tracker.learned(done, loss=loss, learning_rate=rate, gradient_norm=norm)
        self._tracker.worked(
            done, seconds=seconds, tokens_per_s=tokens / seconds, **self._usage.now()
        )
        self._progress.advance()
        self._progress.note(f"loss {loss:.3f} · {tokens / seconds:.0f} tokens/s")

    def _gradient_of(self, examples: Sequence[Example]) -> tuple[float, int]:
        """The mean loss per answer token of a step, its gradient left in the adapter, and tokens.

        Each answer token counts the same, whatever pass it is in.
        """
        self._adapter.gradient.zero_()
        self._adapter.training = True
        answers = sum(example.encoded.answer_tokens for example in examples)
        total, prefix = 0.0, self._examples.prefix
        try:
            for part in passes(examples, prefix, self._config.sitting.micro_batch_tokens):
                packed = pack([one.encoded for one in part], prefix, self._model.device)
                hidden = self._model(
                    packed.ids,
                    packed.positions,
                    packed.attend,
                    recompute=self._config.sitting.recompute,
                )
                loss = answer_loss(hidden[packed.predicting], self._model.head, packed.targets)
                (loss / answers).backward()
                total += float(loss.detach()) / answers
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            raise TrainingError(
                f"the memory is full in step {self._state.step}; the last checkpoint is from step "
                f"{self._saved_step} and whole",
                hint="halve sitting.micro_batch_tokens, or set sitting.recompute=true",
            ) from error
        finally:
            self._adapter.training = False
        return total, sum(map(len, examples))

    def _is_due(self) -> bool:
        done = self._state.step
        return done == self.steps or done % self._config.evaluation.every_steps == 0

    def _look(self) -> None:
        """Evaluate, and keep the adapter if it is the best so far."""
        found = self._validation.look()
        step = self._state.step
        self._answers = found.answers
        self._tracker.learned(
            step,
            dev_loss=found.loss,
            dev_exact=found.exact,
            dev_template=found.template,
            dev_ended=found.ended,
        )
        self._tracker.showed(step, [_shown(one) for one in found.answers[:_SHOWN]])
        self._judge(found)
        self._progress.note(
            f"step {step}: dev loss {found.loss:.3f}, exact {found.exact:.1%}", keep=True
        )

    def _judge(self, found: Look) -> None:
        exact = self._config.evaluation.choose == "best_exact"
        score = found.exact if exact else -found.loss
        best = self._state.best_score
        if best is None or score > best:
            self._best.copy_(self._adapter.values)
            self._state = self._state.but(best_step=self._state.step, best_score=score, worse=0)
            return
        worse = self._state.worse + 1
        patience = self._config.evaluation.patience
        self._state = self._state.but(worse=worse, stopped=bool(patience) and worse >= patience)

    def _checkpoint_is_due(self) -> bool:
        sitting, done = self._config.sitting, self._state.step
        minutes = (time.monotonic() - self._saved) / 60
        return (
            done == self.steps
            or self._state.stopped
            or done % sitting.checkpoint_steps == 0
            or minutes >= sitting.checkpoint_minutes
        )

    def _checkpoint(self) -> None:
        save(
            self._tracker.folder,
            self._state,
            {
                "values": self._adapter.values,
                "best": self._best,
                "first_moment": self._optimizer.first,
                "second_moment": self._optimizer.second,
            },
        )
        self._saved, self._saved_step = time.monotonic(), self._state.step

    def _paused(self) -> TrainingPaused:
        done = self._state.step
        left_s = self._state.seconds / max(1, done) * (self.steps - done)
        return TrainingPaused(
            f"paused after step {done} of {self.steps}; about {left_s / 60:.0f} minutes are left",
            hint="run the same command again to go on",
        )

    def _final_answers(self) -> tuple[Answer, ...]:
        """What the chosen adapter answers; it was asked already if it is the newest one."""
        newest = self._config.evaluation.choose == "last"
        if self._answers and (newest or self._state.best_step == self._state.step):
            return self._answers
        return self._validation.answers()


def _shown(answer: Answer) -> dict[str, str]:
    return {"query": answer.query, "wanted": answer.wanted, "given": answer.given}


def _is_out_of_memory(error: BaseException) -> bool:
    said = str(error)
    return (
        isinstance(error, MemoryError | torch.OutOfMemoryError)
        or "DefaultCPUAllocator" in said
        or "out of memory" in said
    )
