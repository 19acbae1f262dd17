"""`cli-tuner feedback`: what people reported, and what becomes of it once somebody confirmed it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import UsageError
from cli_tuner.guard import Policy, load_policy
from cli_tuner.journal import Journal
from cli_tuner.records import Level, short_id
from cli_tuner.settings import Paths, load_settings
from cli_tuner.watch.corrections import append_row, row_of
from cli_tuner.watch.period import since
from cli_tuner.watch.reports import CONFIRMED, DISMISSED, Decisions, Group, groups
from cli_tuner.watch.rule_patch import RulePatch, false_negative, false_positive, rule_named

ROWS = "corrections.jsonl"


def run(given: argparse.Namespace) -> int:
    """List the groups, or decide one."""
    paths = Paths.of()
    screen = Screen(load_settings({"color": given.color}).color)
    decisions = Decisions(paths)
    decided = () if given.all else decisions.decided()
    found = groups(Journal(paths), since(given.since), decided)
    if given.action == "triage":
        _show(found, screen, as_json=given.json)
        return 0
    group = _chosen(found, given.group, given.action)
    if given.action == "dismiss":
        decisions.add(group, DISMISSED)
        screen.line(f"  dismissed: {len(group.reports)} reports")
        return 0
    made = _confirmed(group, given, load_policy(paths, ""), screen)
    decisions.add(group, CONFIRMED)
    if given.json:
        sys.stdout.write(f"{json.dumps({'schema_version': '1', 'group': group.id, **made})}\n")
    else:
        for path in made.values():
            sys.stdout.write(f"{path}\n")
    return 0


def _chosen(found: tuple[Group, ...], wanted: str | None, action: str) -> Group:
    if wanted is None:
        raise UsageError(f"feedback {action} needs a group", hint="see: cli-tuner feedback triage")
    matching = [group for group in found if group.id.startswith(wanted.lower())]
    if len(matching) != 1:
        said = "is not one group" if matching else "is no open group"
        raise UsageError(f'"{wanted}" {said}', hint="see: cli-tuner feedback triage")
    return matching[0]


def _confirmed(
    group: Group, given: argparse.Namespace, policy: Policy, screen: Screen
) -> dict[str, str]:
    """What was written, by what it is. Raises UsageError if nothing can come of this group."""
    out = Path(given.out).expanduser()
    made: dict[str, str] = {}
    if group.kind in ("unsafe", "blocked_wrongly"):
        patch = _patch_of(group, given, policy)
        path = out / f"{patch.rule.id}-{group.id}.patch"
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(patch.text, encoding="utf-8")
        made["patch"] = str(path)
        word = patch.kind.replace("_", " ")
        screen.line(f"  {patch.rule.id}: one more example ({word}); apply with: patch -p1")
        if not patch.holds:
            screen.line("  it does not hold yet: `cli-tuner rules test` fails until the rule does")
    is_known = bool(given.query or group.query) and bool(given.correction or group.corrections)
    if group.kind in ("wrong", "other") or is_known:
        row = row_of(
            group,
            query=given.query,
            correction=given.correction,
            license_=given.license,
            policy=policy,
        )
        path = out / ROWS
        is_new = append_row(path, row)
        made["rows"] = str(path)
        screen.line(f"  {'a row' if is_new else 'known already'}: {visible(row['command'])}")
    return made


def _patch_of(group: Group, given: argparse.Namespace, policy: Policy) -> RulePatch:
    if group.command is None:
        raise UsageError("these reports are about no command", hint="dismiss the group")
    if group.kind == "unsafe":
        if given.rule is None:
            raise UsageError(
                "which rule should have fired?", hint="name it with --rule; see: cli-tuner rules"
            )
        return false_negative(rule_named(given.rule, policy), group.command, policy)
    wanted = given.rule or next(iter(group.rule_ids), None)
    if wanted is None:
        raise UsageError("no rule fired there; nothing blocked it", hint="dismiss the group")
    level = Level(given.level or "safe")
    return false_positive(rule_named(wanted, policy), group.command, policy, level)


def _show(found: tuple[Group, ...], screen: Screen, *, as_json: bool) -> None:
    if as_json:
        rows = [_row(group) for group in found]
        sys.stdout.write(f"{json.dumps({'schema_version': '1', 'groups': rows})}\n")
        return
    for group in found:
        count = f"{len(group.reports)} by {group.people}"
        facts = ", ".join([group.level or "refused", *group.rule_ids])
        sys.stdout.write(
            f"{group.id}  {group.kind:<15} {count:<8} {visible(group.command or '(none)')}\n"
        )
        screen.line(f"    {facts} · last {short_id(group.reports[0].request_id)}")
        for text, said in group.corrections.most_common(3):
            screen.line(f"    correction ({said}): {visible(text)}")
        for report in group.reports[:3]:
            if report.comment:
                screen.line(f"    said: {visible(report.comment)}")
    if not found:
        screen.line("  no open reports")


def _row(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "kind": group.kind,
        "command": group.command,
        "level": group.level,
        "rules": list(group.rule_ids),
        "reports": len(group.reports),
        "people": group.people,
        "corrections": dict(group.corrections),
        "comments": [report.comment for report in group.reports if report.comment],
        "has_query": group.query is not None,
        "request_ids": [report.request_id for report in group.reports],
    }
