"""A response as the terminal sees it. Standard library only: the command line waits for it.

The resident process sends a CommandResponse as JSON; what a person is shown of it fits in this
tuple. The whole document is kept for `--json`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cli_tuner.errors import BackendError, Exit

_REFUSAL_EXIT = {
    "bad_request": Exit.USAGE,
    "template_token": Exit.USAGE,
    "injection": Exit.USAGE,
    "rate_limited": Exit.FAILED,
    "dangerous": Exit.BLOCKED,
    "needs_review": Exit.REVIEW,
}
_SHORT_ID = 6


class Reason(NamedTuple):
    """Why a verdict is not "safe"."""

    rule_id: str
    message: str
    instead: str | None


class Answer(NamedTuple):
    """What came out of boundary 5, ready to be shown."""

    request_id: str
    command: str | None
    level: str | None
    summary: str
    reasons: tuple[Reason, ...]
    effects: tuple[str, ...]
    alternatives: tuple[tuple[str, str], ...]
    refusal_code: str | None
    refusal: str | None
    hint: str | None
    confidence: float | None
    seconds: float
    notices: tuple[str, ...]
    document: dict[str, Any]

    @property
    def short_id(self) -> str:
        """What people say to `--report-issue`."""
        return self.request_id[-_SHORT_ID:]

    @property
    def exit(self) -> Exit:
        """The exit status that this answer means."""
        if self.refusal_code is None:
            return Exit.OK
        return _REFUSAL_EXIT.get(self.refusal_code, Exit.UNUSABLE)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Answer:
        """Read a response document. Raises BackendError if it is not one."""
        try:
            return cls._read(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise BackendError(
                f"the engine's answer is incomplete: {error}", hint="run: cli-tuner stop"
            ) from error

    @classmethod
    def _read(cls, document: dict[str, Any]) -> Answer:
        verdict = document["verdict"] or {}
        refusal = document["refusal"] or {}
        spent = document["latency"]
        return cls(
            request_id=document["request_id"],
            command=document["command"],
            level=document["risk_level"],
            summary=verdict.get("summary", ""),
            reasons=tuple(
                Reason(reason["rule_id"], phrase(reason["message"]), reason["instead"])
                for reason in verdict.get("reasons", ())
                if reason["level"] != "safe"  # what a policy allows is not held against it
            ),
            effects=tuple(sentence(effect) for effect in verdict.get("effects", ())),
            alternatives=tuple(
                (other["command"], other["verdict"]["level"]) for other in document["alternatives"]
            ),
            refusal_code=refusal.get("code"),
            refusal=refusal.get("message"),
            hint=refusal.get("hint"),
            confidence=document["confidence"],
            seconds=sum(
                spent[f"{name}_ms"]
                for name in ("ingress", "normalize", "inference", "validation", "egress")
            )
            / 1000,
            notices=tuple(document["notices"]),
            document=document,
        )


def phrase(message: str) -> str:
    """A rule's sentence as part of a line: "Deletes /etc." becomes "deletes /etc"."""
    plain = message.strip().removesuffix(".")
    starts_a_word = plain[:1].isupper() and plain[1:2].islower()
    return plain[:1].lower() + plain[1:] if starts_a_word else plain


def fact(attribute: str) -> str:
    """An effect's attribute as people say it: "at:project" is "in project"."""
    return attribute.replace("at:", "in ", 1).replace("-", " ")


def sentence(effect: dict[str, Any]) -> str:
    """One effect in words: "delete /tmp/x (recursive), by rm"."""
    target = f" {effect['target']}" if effect["target"] is not None else ""
    facts = [*map(fact, effect["attributes"]), *(["as root"] if effect["as_root"] else [])]
    if effect["certainty"] != "certain":
        facts.append(effect["certainty"])
    detail = f" ({', '.join(facts)})" if facts else ""
    return f"{effect['kind'].replace('_', ' ')}{target}{detail}, by {effect['utility']}"
