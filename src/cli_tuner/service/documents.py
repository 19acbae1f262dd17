"""Answers as JSON documents: what `schemas` describes, made from records that were validated."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from cli_tuner.boundaries.answer import sentence
from cli_tuner.records import CommandResponse, Effect, FeedbackRecord, Verdict
from cli_tuner.service.schemas import Provenance

_UNRECORDED = "not recorded"


def json_response(document: dict[str, Any], status: int = 200) -> Response:
    """The document in ASCII, so that nothing in it is obeyed by a terminal that shows it."""
    return Response(json.dumps(document), status, media_type="application/json")


def generated(response: CommandResponse) -> dict[str, Any]:
    """The answer without what is the journal's alone: keyed digests, a refused text, paths."""
    document = response.model_dump(mode="json")
    document["provenance"] = {
        name: document["provenance"][name] for name in Provenance.model_fields
    }
    document["notices"] = [
        "this answer was not recorded" if notice.startswith(_UNRECORDED) else notice
        for notice in document["notices"]
    ]
    return document


def judged(verdict: Verdict) -> dict[str, Any]:
    """The whole verdict, and whether its safety level lets it through."""
    permitted = verdict.policy.permits(verdict.level)
    return {"schema_version": "1", "permitted": permitted, **verdict.as_json()}


def explained(command: str, verdict: Verdict) -> dict[str, Any]:
    """The verdict by the parts of the command, in the order of the text."""
    parts: dict[tuple[int, int], list[Effect]] = {}
    for effect in verdict.effects:
        parts.setdefault((effect.span.start, effect.span.end), []).append(effect)
    return {
        "schema_version": "1",
        "permitted": verdict.policy.permits(verdict.level),
        "level": verdict.level.value,
        "summary": verdict.summary,
        "command_sha256": verdict.command_sha256,
        "parts": [
            {
                "text": command[start:end],
                "start": start,
                "end": end,
                "effects": [_effect(effect.as_json()) for effect in parts[start, end]],
            }
            for start, end in sorted(parts)
        ],
        "reasons": [reason.as_json() for reason in verdict.reasons],
    }


def _effect(effect: dict[str, Any]) -> dict[str, Any]:
    named = {name: effect[name] for name in ("kind", "target", "certainty", "as_root")}
    return {"sentence": sentence(effect), **named}


def kept(record: FeedbackRecord) -> dict[str, Any]:
    """That a report was kept."""
    return {
        "schema_version": "1",
        "request_id": record.request_id,
        "kind": record.kind,
        "timestamp": record.timestamp.isoformat(),
    }
