"""What can go wrong, as one tree.

A verdict is a value; an inability is an exception. Every exception carries the sentence a
person sees and, where there is one, the next thing to do. Nobody sees a traceback.

    CliTunerError                exit 1   something failed
    ├── UsageError               exit 2   the request itself is not acceptable
    │   └── ConfigError          exit 2   a configuration file or variable is wrong
    │       └── IntentError      exit 2   an intent of the data generator is wrong
    ├── NotSetUp                 exit 3   a part is missing that `cli-tuner setup` can bring
    │   ├── ModelMissing         exit 3   the model is not on this machine
    │   ├── ModelCorrupt         exit 3   the file is not the one the catalogue names
    │   ├── FetchError           exit 3   it could not be brought here
    │   ├── ExtraMissing         exit 3   packages are missing that an extra of cli-tuner brings
    │   └── SandboxMissing       exit 3   commands cannot be run in isolation here
    ├── UnusableOutput           exit 4   the model gave nothing that is a command
    ├── BackendError             exit 5   the engine or endpoint failed
    │   ├── BackendUnreachable   exit 5   nobody answers
    │   ├── BackendTimeout       exit 5   it took too long
    │   └── Cancelled            exit 130 whoever asked went away
    ├── JournalError             exit 1   a record could not be written or read
    ├── ArtifactError            exit 1   what a stage made cannot be kept, or is not whole
    ├── DataError                exit 1   a data source or a data set is not usable
    ├── TrainingError            exit 1   a training run cannot begin or go on
    ├── TrainingPaused           exit 75  its time is up; the same command goes on
    ├── QuantizationError        exit 1   a model cannot be merged or quantized
    ├── EvaluationError          exit 1   something cannot be measured
    ├── ReleaseError             exit 1   a release cannot be made or switched to
    │   └── SignatureError       exit 12  it is not signed by a trusted key, or was changed
    ├── PublishError             exit 1   something could not be published
    │   ├── NotPublishable       exit 1   what should be published is not whole, or not clean
    │   ├── HubRefused           exit 1   the Hub said no
    │   ├── HubLogin             exit 3   the Hub was not told, or does not know, who we are
    │   └── HubUnreachable       exit 5   the Hub does not answer, or breaks off again and again
    └── PolicyError              exit 12  a rule or policy is not valid
        └── RuleError            exit 12  one rule file is wrong
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses of the program. They are a contract: scripts depend on them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_SET_UP = 3
    UNUSABLE = 4
    UNREACHABLE = 5
    REVIEW = 10
    BLOCKED = 11
    POLICY = 12
    PAUSED = 75
    CANCELLED = 130


class CliTunerError(Exception):
    """The root. `message` says what and where; `hint` says what to do about it."""

    exit_code: Exit = Exit.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(CliTunerError):
    """The request itself is not acceptable."""

    exit_code = Exit.USAGE


class ConfigError(UsageError):
    """A configuration file or variable is wrong."""


class IntentError(ConfigError):
    """An intent of the data generator is wrong."""


class NotSetUp(CliTunerError):
    """A part is missing that `cli-tuner setup` can bring."""

    exit_code = Exit.NOT_SET_UP


class ModelMissing(NotSetUp):
    """The model is not on this machine."""


class ModelCorrupt(NotSetUp):
    """The file is not the one the catalogue names."""


class FetchError(NotSetUp):
    """A file could not be brought here."""


class SandboxMissing(NotSetUp):
    """Commands cannot be run in isolation on this machine."""


class ExtraMissing(NotSetUp):
    """Packages are missing that an extra of cli-tuner brings."""


class UnusableOutput(CliTunerError):
    """The model gave nothing that is a command."""

    exit_code = Exit.UNUSABLE


class BackendError(CliTunerError):
    """The engine or endpoint failed."""

    exit_code = Exit.UNREACHABLE


class BackendUnreachable(BackendError):
    """Nobody answers."""


class BackendTimeout(BackendError):
    """It took too long."""


class Cancelled(BackendError):
    """Whoever asked went away, so the work was stopped."""

    exit_code = Exit.CANCELLED


class JournalError(CliTunerError):
    """A record could not be written or read."""


class PublishError(CliTunerError):
    """Something could not be published."""


class NotPublishable(PublishError):
    """What should be published is not whole, or not clean. Nothing left this machine."""


class HubRefused(PublishError):
    """The Hub said no: no permission, no room, or other content where ours should be."""


class HubLogin(PublishError):
    """The Hub was not told, or does not know, who we are."""

    exit_code = Exit.NOT_SET_UP


class HubUnreachable(PublishError):
    """The Hub does not answer, or breaks off again and again. What arrived is kept there."""

    exit_code = Exit.UNREACHABLE


class ArtifactError(CliTunerError):
    """What a stage made cannot be kept, or is not whole."""


class DataError(CliTunerError):
    """A data source or a data set is not usable."""


class TrainingError(CliTunerError):
    """A training run cannot begin or go on. Its last checkpoint is whole."""


class TrainingPaused(CliTunerError):
    """The time that a training run was given is up. The same command goes on."""

    exit_code = Exit.PAUSED


class QuantizationError(CliTunerError):
    """A model cannot be merged or quantized. No file was left half-made."""


class EvaluationError(CliTunerError):
    """Something cannot be measured. What was measured before is kept."""


class ReleaseError(CliTunerError):
    """A release cannot be made, or not be switched to. The active one is as it was."""


class SignatureError(ReleaseError):
    """A release is not signed by a trusted key, or something in it was changed."""

    exit_code = Exit.POLICY


class PolicyError(CliTunerError):
    """A rule or policy is not valid."""

    exit_code = Exit.POLICY


class RuleError(PolicyError):
    """One rule file is wrong."""
