"""The Dockerfile's steps, run without a container engine.

Each step runs in a root of its own made by bubblewrap. It holds this machine's system and Python,
read-only, and nothing of the repository but what was copied. What is not run: the base image itself
(this Python stands for it), `apt-get`, `useradd` and the owner of /data, which need that image.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
SYSTEM = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/run/systemd/resolve")
NEEDS_THE_IMAGE = ("apt-get", "install -d -o")
OF_THE_BUILD = "VIRTUAL_ENV PYTHONPATH PYTHONHOME UV_PYTHON UV_PROJECT_ENVIRONMENT".split()

needs_bwrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap makes the root")


class Step(NamedTuple):
    """One instruction, with the environment and folder that those before it made."""

    name: str
    rest: str
    environ: dict[str, str]
    folder: str


def stages():
    """The steps of each stage, in order."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M)
    found, environ, folder = [], {}, "/"
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
            environ, folder = {}, "/"
        elif name == "ENV":
            environ = {**environ, **dict(word.split("=", 1) for word in shlex.split(rest))}
        elif name == "WORKDIR":
            folder = rest
        if name:
            found[-1].append(Step(name, rest, environ, folder))
    return found


def the(stage, name):
    return [step for step in stage if step.name == name]


class Image:
    """A root for the steps: folders of it that are ours lie below `folder`."""

    def __init__(self, folder, *ours):
        self.folder = folder
        self.ours = ours
        for path in ours:
            self.at(path).mkdir(parents=True)

    def at(self, path):
        return self.folder / path.lstrip("/")

    def run(self, words, *options, writable, **more):
        binds = ["--tmpfs", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        for path in (*SYSTEM, sys.base_prefix):
            binds += ["--ro-bind-try", path, path]
        for path in self.ours:
            binds += ["--bind" if path in writable else "--ro-bind", str(self.at(path)), path]
        return subprocess.run(
            ["bwrap", "--die-with-parent", "--unshare-pid", *binds, *options, *words],
            capture_output=True, text=True, check=False, timeout=280, **more,
        )  # fmt: skip


def test_only_what_is_copied_goes_to_the_builder():
    lines = (DOCKERFILE.with_name("Dockerfile.dockerignore")).read_text().splitlines()
    assert lines[1] == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = set()
    for step in the(stages()[0], "COPY"):
        copied |= set(step.rest.split()[:-1])
    assert allowed == copied


def test_a_step_that_is_not_run_here_is_one_of_three():
    skipped = [
        step.rest
        for step in the(stages()[-1], "RUN")
        if not any(word in step.rest for word in NEEDS_THE_IMAGE)
    ]
    assert skipped == []
    assert len(the(stages()[-1], "RUN")) == 2


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The build stage, run: /opt/cli-tuner as the image has it."""
    build, _ = stages()
    made = Image(tmp_path_factory.mktemp("image"), "/build", "/opt/cli-tuner", "/data", "/python")
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CLI_TUNER_") and name not in OF_THE_BUILD
    }
    environ |= {"PATH": f"/python/bin:{os.defpath}", "PIP_NO_WARN_ABOUT_ROOT": "1"}
    settings = [Path.home() / ".config" / name for name in ("pip", "uv")]
    readable = [word for path in settings for word in ("--ro-bind-try", str(path), str(path))]

    def ran(words, step_environ, folder):
        done = made.run(
            words, *readable, "--chdir", folder,
            writable=("/build", "/opt/cli-tuner", "/python"), env={**environ, **step_environ},
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    ran([f"{sys.base_prefix}/bin/python3", "-m", "venv", "/python"], {}, "/")
    for step in build:
        if step.name == "COPY":
            *sources, target = step.rest.split()
            copy(sources, made.at(step.folder) / target)
        elif step.name == "RUN":
            ran(["sh", "-c", step.rest], step.environ, step.folder)
    return made


def copy(sources, target):
    for source in sources:
        path = ROOT / source
        if path.is_dir():
            shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, target)


def inside(image, script):
    """Run in the second stage as its user: nothing writable but the volume and /tmp, no network."""
    last = stages()[-1]
    environ = last[-1].environ
    uid, gid = the(last, "USER")[0].rest.split(":")
    options = ["--unshare-user", "--uid", uid, "--gid", gid, "--unshare-net", "--clearenv"]
    given = {"HOME": "/home/cli-tuner", **environ}
    given["PATH"] = environ["PATH"].replace("$PATH", os.defpath)
    for name, value in given.items():
        options += ["--setenv", name, value]
    (volume,) = [step.rest for step in the(last, "VOLUME")]
    options += ["--dir", "/home/cli-tuner", "--remount-ro", "/"]
    return image.run(["sh", "-euc", script], *options, writable=(volume,))


@needs_bwrap
@pytest.mark.exhaustive
def test_the_image_has_the_program_and_everything_that_a_service_needs(image):
    done = inside(
        image,
        """
        cli-tuner --version
        cli-tuner check 'ls -la'
        cli-tuner check 'rm -rf /etc' || test $? = 11
        cli-tuner release status
        cli-tuner watch report --since 7d --out /data/reports
        cli-tuner watch drift --since 7d
        python -c 'import cryptography, opentelemetry.sdk.trace, uvicorn, xllamacpp'
        test "$(id -u)" = 10001
        ! touch /opt/cli-tuner/x && ! touch /etc/x && ! touch /x && touch /data/x
        """,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "safe" in done.stdout


@needs_bwrap
@pytest.mark.exhaustive
def test_the_image_refuses_to_start_without_a_key_and_is_healthy_with_one(image):
    last = stages()[-1]
    (entry,) = [json.loads(step.rest) for step in the(last, "ENTRYPOINT")]
    (command,) = [json.loads(step.rest) for step in the(last, "CMD")]
    (health,) = [json.loads(step.rest.partition(" CMD ")[2]) for step in the(last, "HEALTHCHECK")]
    serve = shlex.join([*entry, *command])
    ask = (
        "import json, sys, urllib.request as r;"
        "q = r.Request('http://127.0.0.1:8080/v1/check', b'{\"command\": \"rm -rf /etc\"}',"
        " {'Content-Type': 'application/json', 'Authorization': 'Bearer ' + sys.argv[1]});"
        "print(json.load(r.urlopen(q))['level'])"
    )
    done = inside(
        image,
        f"""
        {serve} && exit 90 || test $? = 2
        KEY=$({shlex.join(entry)} keys create me)
        {serve} & service=$!
        for _ in $(seq 600); do {shlex.join(health)} 2>/dev/null && break; sleep 0.1; done
        {shlex.join(health)}
        python -c {shlex.quote(ask)} "$KEY"
        kill -TERM $service
        wait $service
        """,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dangerous" in done.stdout
    assert "no API key" in done.stderr
