"""Walk docs/WALKTHROUGH.md as a stranger would: its own commands, a fresh clone, a fresh home.

    python benchmarks/stranger.py                        all of it: the whole test suite, too
    python benchmarks/stranger.py --skip test            without its longest step
    python benchmarks/stranger.py --keep                 leave the folder, and say where it is
    python benchmarks/stranger.py --resume FOLDER --skip clone --skip demo      with their times
    python benchmarks/stranger.py --list                 the commands, and run nothing

The commands are read from the page as it is in this checkout; what is cloned is its last commit.
Only the address of the repository is another one: git is told to take it from here. Of the
environment, the search path and what says where packages and models come from (PIP_*, HF_ENDPOINT,
proxies, a certificate) are kept. A command that fails ends the walk.

Renews results/walkthrough.md and results/walkthrough.json; --out writes them elsewhere. What the
commands print goes to FOLDER/said/<step>.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "WALKTHROUGH.md"
RESULTS = ROOT / "benchmarks" / "results"
ADDRESS = "https://github.com/cli-tuner/cli-tuner"
KEPT = re.compile(
    r"PIP_\w+|HF_(ENDPOINT|HUB_OFFLINE)|\w+_proxy|\w+_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|TMPDIR"
)
LIMIT_S = 3 * 3600.0
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PACKAGES = {".venv": ("cli-tuner", "xllamacpp"), ".venv-train": ("torch", "transformers")}

# What a command exported and where it went is there for the next one, as in one shell.
CARRIED = """\
[ ! -e "$STATE" ] || . "$STATE"
{command}
status=$?
{{ export -p; printf 'cd %q\\n' "$PWD"; }} >"$STATE"
exit $status
"""


@dataclass(frozen=True)
class Step:
    """A heading of the page and the commands below it."""

    name: str
    commands: tuple[str, ...]

    @property
    def slug(self) -> str:
        """The name as --skip takes it: roll-back."""
        return self.name.lower().replace(" ", "-")


@dataclass
class Walked:
    """How a step ended (done, skipped, failed, not reached), and each command with its seconds."""

    step: str
    ended: str = "not reached"
    commands: list[dict[str, object]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Wall time of all its commands."""
        return sum(float(str(one["seconds"])) for one in self.commands)


def steps_of(page: str) -> list[Step]:
    """The steps of the page, in its order; a heading without a command is none."""
    parts = HEADING.split(page)[1:]
    found = [
        Step(name, tuple(command for block in FENCE.findall(text) for command in typed(block)))
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    ]
    return [step for step in found if step.commands]


def typed(session: str) -> list[str]:
    """What follows each prompt of a session, with its continued lines; the output left out."""
    commands: list[str] = []
    going = False
    for line in session.splitlines():
        if line.startswith("$ "):
            commands.append(line.removeprefix("$ "))
        elif going:
            commands[-1] += f"\n{line}"
        going = (line.startswith("$ ") or going) and line.endswith("\\")
    return commands


class Stranger:
    """A folder with a home and, after the first step, a clone in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clone = folder / "cli-tuner"
        for name in ("home", "said", "run"):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def environ(self) -> dict[str, str]:
        """What the stranger's shell has: nothing of this checkout and nothing of this user."""
        path = os.environ["PATH"].split(os.pathsep)
        return {
            **{name: value for name, value in os.environ.items() if KEPT.fullmatch(name)},
            "PATH": os.pathsep.join(one for one in path if not Path(one).is_relative_to(ROOT)),
            "HOME": str(self.folder / "home"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),  # `stop` ends no engine of this user's
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "STATE": str(self.folder / "state"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf",
            "GIT_CONFIG_VALUE_0": ADDRESS,
        }

    def walk(self, step: Step) -> Walked:
        """Run the commands of one step until one fails."""
        walked = Walked(step.slug, "done")
        with (self.folder / "said" / f"{step.slug}.txt").open("w", encoding="utf-8") as said:
            for command in step.commands:
                said.write(f"$ {command}\n")
                said.flush()
                began = time.monotonic()
                status = self.run(command, said.fileno())
                seconds = round(time.monotonic() - began, 1)
                walked.commands.append({"command": command, "seconds": seconds, "status": status})
                print(f"{seconds:9.1f} s  status {status}  {command.splitlines()[0]}", flush=True)
                if status:
                    walked.ended = "failed"
                    break
        return walked

    def run(self, command: str, said: int) -> int:
        """The status of one command; 124 if it took too long."""
        try:
            return subprocess.run(
                ["bash", "-c", CARRIED.format(command=command)], cwd=self.folder,
                env=self.environ(), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                timeout=LIMIT_S, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            return 124

    def leave(self, *, keep: bool) -> None:
        """End the engine, should the walk have ended before the page did; remove the folder."""
        program = self.clone / ".venv" / "bin" / "cli-tuner"
        if program.exists():
            subprocess.run([program, "stop"], env=self.environ(), check=False, capture_output=True)
        if keep:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def versions(self) -> dict[str, str]:
        """Of the program and of what decides its speed, as installed in the clone."""
        found = {}
        ask = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
        for environment, packages in PACKAGES.items():
            python = self.clone / environment / "bin" / "python"
            for package in packages if python.exists() else ():
                asked = subprocess.run(
                    [python, "-c", ask, package], capture_output=True, text=True, check=False
                )
                found[package] = asked.stdout.strip() or "not installed"
        return found


def machine() -> dict[str, object]:
    """What the times depend on."""
    cpu = re.search(r"model name\s*: (.*)", _text("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+) kB", _text("/proc/meminfo"))
    return {
        "cpu": cpu[1] if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory[1]) / 1e6, 1) if memory else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
    }


def _text(path: str) -> str:
    return Path(path).read_text("utf-8") if Path(path).exists() else ""


def commit() -> str:
    """The commit that is cloned, as no scanner takes for a secret."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return f"git {said}"


def markdown(document: dict[str, object], walked: list[Walked]) -> str:
    """The result for people."""
    on = document["machine"]
    assert isinstance(on, dict)
    versions = "".join(f", {name} {version}" for name, version in _items(document["versions"]))
    lines = [
        "# The whole way, once",
        "",
        "Every command of [the walkthrough](../../docs/WALKTHROUGH.md) in a fresh clone with a",
        f"fresh home, on {document['date']}, at {document['commit']}: {on['cpu']},",
        f"{on['cores']} cores, {on['memory_gb']} GB, {on['system']},",
        f"Python {on['python']}{versions}; load {on['load_before']} before.",
        "Downloads are in the times: they are this network's.",
        "Made by `python benchmarks/stranger.py`.",
        "",
        "| step | ended | wall time | of that, each command |",
        "|---|---|---|---|",
    ]
    for one in walked:
        each = "; ".join(
            f"`{short(str(row['command']))}` {row['seconds']} s"
            + (f", status {row['status']}" if row["status"] else "")
            for row in one.commands
        )
        lines.append(f"| {one.step} | {one.ended} | {clock(one.seconds)} | {each} |")
    total = sum(one.seconds for one in walked)
    lines.append(f"| all | | {clock(total)} | |")
    return "\n".join(lines) + "\n"


def _items(value: object) -> list[tuple[str, str]]:
    assert isinstance(value, dict)
    return list(value.items())


def short(command: str) -> str:
    """The program, its subcommand and what it is about: enough to know it again."""
    line = command.splitlines()[0].removesuffix("\\").split(" && ")[0]
    words = line.replace(".venv-train/bin/", "").split()
    return " ".join(words[:4])


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds, 12:05; nothing for a step that ran nothing."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}" if seconds else ""


def main(arguments: list[str]) -> int:
    """Walk, print and write; 1 if a command failed."""
    steps = steps_of(PAGE.read_text("utf-8"))
    given = parsed(arguments, [step.slug for step in steps])
    if given.list:
        for step in steps:
            print(f"# {step.slug}", *step.commands, sep="\n")
        return 0
    document: dict[str, object] = {
        "date": datetime.now(UTC).date().isoformat(), "commit": commit(), "machine": machine(),
    }  # fmt: skip
    stranger = Stranger(given.resume or Path(tempfile.mkdtemp(prefix="stranger-")))
    before = earlier(given.out / "walkthrough.json") if given.resume else {}
    walked = []
    try:
        for step in steps:
            if step.slug in given.skip:
                walked.append(before.get(step.slug) or Walked(step.slug, "skipped"))
            elif any(one.ended == "failed" for one in walked):
                walked.append(Walked(step.slug))
            else:
                print(f"# {step.slug}", flush=True)
                walked.append(stranger.walk(step))
        document["versions"] = stranger.versions()
    finally:
        failed = any(one.ended == "failed" for one in walked)
        stranger.leave(keep=given.keep or failed or given.resume is not None)
    document["steps"] = [{**asdict(one), "seconds": round(one.seconds, 1)} for one in walked]
    given.out.mkdir(parents=True, exist_ok=True)
    plain = json.dumps(document, indent=1, ensure_ascii=False)
    (given.out / "walkthrough.json").write_text(f"{plain}\n", encoding="utf-8")
    (given.out / "walkthrough.md").write_text(markdown(document, walked), encoding="utf-8")
    return int(failed)


def earlier(path: Path) -> dict[str, Walked]:
    """The steps that a walk before this one has done; a walk that goes on keeps what they took."""
    if not path.exists():
        return {}
    steps = json.loads(path.read_text(encoding="utf-8")).get("steps", [])
    return {
        one["step"]: Walked(one["step"], one["ended"], one["commands"])
        for one in steps
        if one["ended"] == "done"
    }


def parsed(arguments: list[str], steps: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Walk docs/WALKTHROUGH.md in a fresh clone.")
    parser.add_argument("--skip", action="append", default=[], choices=steps, metavar="STEP")
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="a folder that was kept")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FOLDER")
    parser.add_argument("--list", action="store_true", help="print the commands")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
