"""An edited command, judged: the person changed the text, so the old verdict is void."""

from __future__ import annotations

from cli_tuner.boundaries.answer import Answer
from cli_tuner.boundaries.terminal import is_hidden
from cli_tuner.errors import UsageError
from cli_tuner.guard import check, load_policy
from cli_tuner.records import Level, Safety
from cli_tuner.settings import Paths, current_folder


def with_command(answer: Answer, command: str) -> Answer:
    """The answer with this command and its own verdict; refused if the level is not permitted.

    Raises UsageError for an invisible character: what is shown must be what was judged.
    """
    hidden = next((char for char in command if is_hidden(char)), None)
    if hidden is not None:
        raise UsageError(f"the edited command has an invisible character (U+{ord(hidden):04X})")
    safety = Safety(answer.document["safety"])
    verdict = check(command, safety=safety, policy=load_policy(Paths.of(), current_folder()))
    refusal = None
    if not verdict.policy.permits(verdict.level):
        worst = verdict.reasons[0]
        refusal = {
            "code": "dangerous" if verdict.level is Level.DANGEROUS else "needs_review",
            "message": f"{worst.rule_id} {worst.message}",
            "hint": worst.instead,
        }
    return Answer.of(
        {
            **answer.document,
            "command": command if refusal is None else None,
            "risk_level": verdict.level.value,
            "verdict": verdict.as_json(),
            "alternatives": [],
            "refusal": refusal,
        }
    )
