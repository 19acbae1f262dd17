"""`cli-tuner publish`: a dataset or a model, verified and with its card, to the Hub."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import Exit, UsageError
from cli_tuner.publish.contents import dataset_package
from cli_tuner.publish.dataset import open_dataset, refuse_unlicensed
from cli_tuner.publish.git_tag import commit_to_tag, make_tag
from cli_tuner.publish.hub import Address, Kind, Repository
from cli_tuner.publish.package import Package, write_package
from cli_tuner.publish.upload import Published, Upload, Wish, version_in
from cli_tuner.settings import Paths, load_settings

_MADE = {"dataset": Path("data") / "processed", "model": Path("runs")}
"""Where the stages write."""


def run(given: argparse.Namespace) -> int:
    """Verify and pack, then write or upload; or look at a download."""
    screen = Screen(load_settings({"color": given.color}).color)
    if given.what == "verify":
        return _verify(given, screen)
    kind: Kind = given.what
    address = Address(given.repo or "", kind)
    if given.out is not None and not given.dry_run:
        raise UsageError("--out says where --dry-run writes; give --dry-run too")
    folder = _folder(given.folder, _MADE[kind])
    wish = Wish(given.message or f"{folder.name}: published by cli-tuner", given.private, given.tag)
    git_commit = _git_commit(given)
    # Before anything is read: without a token there is nothing to wait for.
    repository = None if given.dry_run else Repository(address)
    package = _package(given, folder, address.repo)
    if repository is None:
        _write(package, _target(folder, given.out), given, screen)
        if git_commit is not None:
            screen.line(f"  the git tag {given.tag} would name {git_commit[:12]}")
        return Exit.OK
    steps = Upload(package, repository, wish, say=lambda text: screen.line(f"  {visible(text)}"))
    published = steps.run()
    if git_commit is not None and make_tag(Path.cwd(), given.tag, git_commit, wish.message):
        screen.line(f"  git tag {given.tag} · share it with: git push origin {given.tag}")
    _report(published, package, given, screen)
    return Exit.OK


def _git_commit(given: argparse.Namespace) -> str | None:
    """The commit that gets the version's name, if that was asked for."""
    if not given.git_tag:
        return None
    if given.tag is None:
        raise UsageError("--git-tag needs --tag", hint="as in: --tag cli-tuner-v1.0.0 --git-tag")
    return commit_to_tag(Path.cwd(), given.tag)


def _package(given: argparse.Namespace, folder: Path, repo: str) -> Package:
    if given.what == "model":
        return _model_package(given, folder, repo)
    dataset = open_dataset(folder)
    refuse_unlicensed(dataset, private=given.private is True)
    return dataset_package(dataset, repo, jsonl=given.jsonl)


def _model_package(given: argparse.Namespace, folder: Path, repo: str) -> Package:
    from cli_tuner.publish.model_contents import ModelSources
    from cli_tuner.publish.trained import refuse_unlicensed as refuse_unlicensed_rows
    from cli_tuner.release.signing import PRIVATE, PUBLICATION, sign

    if given.data is None:
        raise UsageError("publish model needs --data", hint="name the data set it was trained on")
    paths = Paths.of()
    sources = ModelSources(
        run=folder,
        data=_folder(given.data, _MADE["dataset"]),
        evaluations=tuple(Path(one).expanduser() for one in given.evaluation),
        merged=tuple(Path(one).expanduser() for one in given.merged),
        licence=given.licence,
    )
    model, package = sources.package(paths, repo, version_in(given.tag))
    refuse_unlicensed_rows(model, private=given.private is True)
    if given.unsigned:
        return package
    key = Path(given.key).expanduser() if given.key else paths.config / PRIVATE
    return package.signed(lambda sums: sign(sums, key, PUBLICATION))


def _verify(given: argparse.Namespace, screen: Screen) -> int:
    from cli_tuner.publish.verification import verify_package

    folder = Path(given.folder).expanduser()
    found = verify_package(folder, Paths.of(), unsigned=given.unsigned)
    if given.json:
        facts = {"files": found.files, "key": found.key, "not_covered": list(found.more)}
        sys.stdout.write(f"{json.dumps({'schema_version': '1', **facts})}\n")
        return Exit.OK
    signed = f"signed by {found.key}" if found.key else "not signed"
    sys.stdout.write(f"{found.files} files unchanged, {signed}\n")
    for name in found.more:
        screen.line(f"  not part of it: {visible(name)}")
    return Exit.OK


def _folder(given: str, made: Path) -> Path:
    """The folder itself, or what has that name where the stage writes."""
    folder = Path(given).expanduser()
    below = made / given
    return below if not folder.exists() and len(folder.parts) == 1 and below.is_dir() else folder


def _target(folder: Path, out: str | None) -> Path:
    if out is not None:
        return Path(out).expanduser()
    plain = folder.resolve()
    return plain.with_name(f"{plain.name}.publish")


def _write(package: Package, target: Path, given: argparse.Namespace, screen: Screen) -> None:
    write_package(package, target)
    if given.json:
        _show({"dry_run": True, "repo": given.repo, "folder": str(target)}, package)
        return
    width = max(len(item.path) for item in package.items)
    for item in package.items:
        sys.stdout.write(f"{visible(item.path):<{width}}  {item.size_bytes:>13,}  {item.sha256}\n")
    screen.line(
        f"  {len(package.items)} files, {package.size_bytes:,} bytes ·"
        f" written to {visible(str(target))} · nothing was uploaded"
    )


def _report(
    published: Published, package: Package, given: argparse.Namespace, screen: Screen
) -> None:
    if given.json:
        facts = {name: getattr(published, name) for name in Published.__dataclass_fields__}
        _show({"dry_run": False, "repo": given.repo, "tag": given.tag, **facts}, package)
        return
    sys.stdout.write(f"{published.page}\n")
    visibility = "private" if published.private else "public"
    done = f"{len(published.sent)} sent, {len(published.unchanged)} already there"
    gone = f", {len(published.removed)} removed" if published.removed else ""
    screen.line(f"  {visibility} · commit {published.commit[:12]} · {done}{gone}")


def _show(facts: dict[str, Any], package: Package) -> None:
    files = [
        {"path": item.path, "bytes": item.size_bytes, "sha256": item.sha256}
        for item in package.items
    ]
    sys.stdout.write(f"{json.dumps({'schema_version': '1', **facts, 'files': files})}\n")
