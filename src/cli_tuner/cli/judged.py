"""An edited command, judged: the person changed the text, so the old verdict is void."""

from __future__ import annotations

from cli_tuner.boundaries.answer import Answer, Reason
from cli_tuner.guard import check
from cli_tuner.records import Level, Safety


def with_command(answer: Answer, command: str) -> Answer:
    """The answer with this command and its own verdict; refused if the level is not permitted."""
    verdict = check(command)
    judged = answer._replace(
        command=command,
        level=verdict.level.value,
        summary=verdict.summary,
        reasons=tuple(Reason(why.rule_id, why.message, why.instead) for why in verdict.reasons),
        effects=(),
    )
    if Safety(answer.document["safety"]).permits(verdict.level):
        return judged
    dangerous = verdict.level is Level.DANGEROUS
    worst = judged.reasons[0]
    return judged._replace(
        command=None,
        refusal_code="dangerous" if dangerous else "needs_review",
        refusal=f"{worst.rule_id} {worst.message}",
        hint=worst.instead,
    )
