"""`cli-tuner keys`: who may use a service of this user."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import UsageError
from cli_tuner.service.keys import ApiKey, KeyStore
from cli_tuner.settings import Paths, load_settings

_USUAL = ("generate", "check", "feedback")


def run(given: argparse.Namespace) -> int:
    """Create, list or revoke. A new key's text is on stdout, this once."""
    screen = Screen(load_settings({"color": given.color}).color)
    store = KeyStore(Paths.of())
    if given.action == "list":
        _list(store, given.json)
        return 0
    if given.name is None:
        raise UsageError(
            f"keys {given.action} needs a name", hint=f"as in: cli-tuner keys {given.action} alice"
        )
    if given.action == "revoke":
        key = store.revoke(given.name)
        if given.json:
            _write({"key": _row(key)})
        else:
            screen.line(f"  revoked {visible(key.name)} ({key.id}); it ends with the next request")
        return 0
    key, text = store.create(
        given.name, tuple(given.scope or _USUAL), rate=given.rate, check_rate=given.check_rate
    )
    if given.json:
        _write({"key": _row(key), "text": text})
        return 0
    sys.stdout.write(f"{text}\n")
    screen.line(f"  {visible(key.name)} ({key.id}) may {', '.join(key.scopes)}; shown this once")
    return 0


def _list(store: KeyStore, as_json: bool) -> None:
    if as_json:
        _write({"keys": [_row(key) for key in store.all()]})
        return
    for key in store.all():
        state = f"revoked {key.revoked_at}" if key.is_revoked else f"made {key.created_at}"
        scopes = ",".join(key.scopes)
        sys.stdout.write(f"{key.id}  {visible(key.name):<20} {scopes:<32} {state}\n")


def _row(key: ApiKey) -> dict[str, Any]:
    """A key without its digest, which is nobody's business."""
    return {name: value for name, value in key._asdict().items() if name != "sha256"}


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps({'schema_version': '1', **document})}\n")
