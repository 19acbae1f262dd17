"""`cli-tuner doctor`: every part, what is missing, and how to get it."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version

from cli_tuner import __version__
from cli_tuner.backends.engine import running
from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import CliTunerError, ConfigError, Exit
from cli_tuner.settings import (
    LOCAL,
    Paths,
    Settings,
    current_folder,
    load_settings,
    private_folder,
)
from cli_tuner.settings import resolve as resolve_settings


@dataclass(frozen=True)
class Finding:
    """One part: `ok`, `warn` (works without it) or `fail`, what was seen, and what to do."""

    part: str
    state: str
    seen: str
    todo: str = ""


def run(given: argparse.Namespace) -> int:
    """Look at every part; status 1 if one fails, 3 if all that is missing is the model."""
    screen = Screen(given.color or _settings_or_defaults().color, sys.stdout)
    findings = []
    for examine in (
        *(_program, _folders, _settings, _shell, _guard, _policy),
        *(_engine, _model, _resident, _journal),
    ):
        for finding in _examined(examine):
            findings.append(finding)
            if not given.json:
                _show(finding, screen)
    failed = {finding.part for finding in findings if finding.state == "fail"}
    if given.json:
        document = {"schema_version": "1", "findings": [asdict(item) for item in findings]}
        sys.stdout.write(f"{json.dumps(document)}\n")
    if not failed:
        return Exit.OK
    return Exit.NOT_SET_UP if failed == {"model"} else Exit.FAILED


def _examined(examine: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of one part; an error in looking is a finding too."""
    part = examine.__name__.removeprefix("_")
    try:
        yield from examine()
    except CliTunerError as error:
        yield Finding(part, "fail", error.message, error.hint or "")
    except (OSError, ImportError) as error:
        yield Finding(part, "fail", str(error))


def _show(finding: Finding, screen: Screen) -> None:
    style = {"ok": "safe", "warn": "review", "fail": "dangerous"}[finding.state]
    screen.line(
        f"{screen.paint(style, f'{finding.state:<4}')} {finding.part:<9} {visible(finding.seen)}"
    )
    if finding.todo:
        screen.line(f"               -> {visible(finding.todo)}")


def _program() -> Iterator[Finding]:
    seen = f"cli-tuner {__version__}, Python {platform.python_version()}, {platform.system()}"
    yield Finding("program", "ok", f"{seen} {platform.machine()}")


def _folders() -> Iterator[Finding]:
    paths = Paths.of()
    for name in ("config", "data", "state", "cache", "runtime"):
        folder = getattr(paths, name)
        if name in ("state", "runtime"):
            private_folder(folder)
        yield Finding(name, "ok", str(folder))


def _settings() -> Iterator[Finding]:
    origins = resolve_settings()
    changed = [name for name, origin in origins.items() if origin.source != "default"]
    yield Finding("settings", "ok", f"changed: {', '.join(changed)}" if changed else "defaults")


def _settings_or_defaults() -> Settings:
    """What is in force; a file that is wrong is the finding of `_settings`."""
    try:
        return load_settings()
    except ConfigError:
        return Settings()


def _shell() -> Iterator[Finding]:
    bash = shutil.which("bash")
    if bash:
        yield Finding("bash", "ok", bash)
    else:
        yield Finding("bash", "warn", "not found", "--run needs it; answers and verdicts do not")


def _guard() -> Iterator[Finding]:
    from cli_tuner.guard import check, rules, ruleset_digest

    level = check("rm -rf /").level.value
    state = "ok" if level == "dangerous" else "fail"
    digest = ruleset_digest()[:12]
    yield Finding("guard", state, f"{len(rules())} rules, digest {digest}, rm -rf / is {level}")


def _policy() -> Iterator[Finding]:
    from cli_tuner.guard import load_policy

    policy = load_policy(Paths.of(), current_folder())
    if not policy.files:
        yield Finding("policy", "ok", "no files, the shipped rules decide")
        return
    for file in policy.files:
        yield Finding("policy", "ok", f"{file.kind} {file.path}, sha256 {file.sha256[:12]}")
    added, allows, raised = len(policy.added), len(policy.allows), len(policy.tightens)
    yield Finding(
        "policy",
        "ok",
        f"safety {policy.safety.value}, {added} rules added, {allows} allows, {raised} raised",
    )
    for allow in policy.allows:
        if not policy.holds(allow):
            said = f"the allow of {allow.rule} for {allow.path} is overruled by another file"
            yield Finding("policy", "warn", said, f"remove it from {allow.file.path}")


def _engine() -> Iterator[Finding]:
    settings = _settings_or_defaults()
    if settings.backend != LOCAL:
        yield from _endpoint(settings.backend)
        return
    import xllamacpp

    _ = xllamacpp.CommonParams()
    yield Finding("engine", "ok", f"xllamacpp {version('xllamacpp')}")


def _endpoint(url: str) -> Iterator[Finding]:
    from cli_tuner.boundaries.assemble import backend_for

    backend = backend_for(_settings_or_defaults(), Paths.of())
    try:
        yield Finding("engine", "ok", f"{url} serves {backend.identity.name}")
    finally:
        backend.close()


def _model() -> Iterator[Finding]:
    from cli_tuner.models import resolve

    settings = _settings_or_defaults()
    if settings.backend != LOCAL:
        return
    model = resolve(settings.model, Paths.of())
    adapter = f", adapter {model.adapter}" if model.adapter else ", no adapter"
    yield Finding("model", "ok", f"{model.name}, sha256 {model.sha256[:12]}{adapter}")


def _resident() -> Iterator[Finding]:
    engines = running(Paths.of())
    if not engines:
        yield Finding("resident", "ok", "not running; it starts with the first question")
    for engine in engines:
        yield Finding(
            "resident",
            "ok",
            f"process {engine.get('pid')} holds {engine.get('model')},"
            f" {engine.get('answered')} questions, up {float(engine.get('up_s', 0)):.0f} s",
        )


def _journal() -> Iterator[Finding]:
    from cli_tuner.journal import Journal

    for report in Journal(Paths.of()).verify_all():
        if report.is_whole:
            yield Finding("journal", "ok", str(report))
        else:
            yield Finding("journal", "fail", str(report), "the file was changed or cut short")
