"""`cli-tuner publish`: a dataset, verified and with its card, to the Hugging Face Hub."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from cli_tuner.boundaries.terminal import Screen, visible
from cli_tuner.errors import UsageError
from cli_tuner.publish.contents import dataset_package
from cli_tuner.publish.dataset import open_dataset, refuse_unlicensed
from cli_tuner.publish.hub import Address, Repository
from cli_tuner.publish.package import Package, write_package
from cli_tuner.publish.upload import Published, Upload, Wish
from cli_tuner.settings import load_settings

PROCESSED = Path("data") / "processed"


def run(given: argparse.Namespace) -> int:
    """Verify and pack, then write or upload."""
    screen = Screen(load_settings({"color": given.color}).color)
    address = Address(given.repo, given.what)
    if given.out is not None and not given.dry_run:
        raise UsageError("--out says where --dry-run writes; give --dry-run too")
    folder = _folder(given.folder)
    wish = Wish(given.message or f"{folder.name}: published by cli-tuner", given.private, given.tag)
    # Before anything is read: without a token there is nothing to wait for.
    repository = None if given.dry_run else Repository(address)
    dataset = open_dataset(folder)
    refuse_unlicensed(dataset, private=given.private is True)
    package = dataset_package(dataset, address.repo, jsonl=given.jsonl)
    if repository is None:
        _write(package, _target(folder, given.out), given, screen)
    else:
        steps = Upload(
            package, repository, wish, say=lambda text: screen.line(f"  {visible(text)}")
        )
        _report(steps.run(), package, given, screen)
    return 0


def _folder(given: str) -> Path:
    """The folder itself, or what has that name where the data stage writes."""
    folder = Path(given).expanduser()
    below = PROCESSED / given
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
