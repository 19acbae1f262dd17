"""What is kept of a blocked command that a person let pass once."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cli_tuner.records.base import Record, UtcMoment
from cli_tuner.records.plain import Sha256, sha256_of
from cli_tuner.records.request import RequestId
from cli_tuner.records.verdict import Level


class AllowanceRecord(Record):
    """One step of an exception: a person granted it, or the command passed with it.

    Both steps have the same `allowance_id`. `agent` is the tool that asked and `folder` where it
    wanted to run the command; only that pair of folder and text passes.
    """

    schema_version: Literal["1"] = "1"
    allowance_id: RequestId
    timestamp: UtcMoment
    user_hmac: Sha256
    event: Literal["granted", "used"]
    agent: Annotated[str, Field(max_length=40)]
    folder: Annotated[str, Field(max_length=4096)]
    command: Annotated[str, Field(max_length=1 << 20)]
    command_sha256: Sha256
    level: Level
    rule_ids: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _digest_is_the_commands(self) -> Self:
        if self.command_sha256 != sha256_of(self.command):
            raise ValueError("command_sha256 is not that of the command")
        return self
