"""Runtimes below docker: ctr, crictl, runc, crun and systemd-nspawn.

What they give a container of the host, and what runs in it, is judged as in `containers`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.programs.containers import DOCKER_VALUES, Volumes, granted, inside, volume
from cli_tuner.shell.values import UNKNOWN, Value
from cli_tuner.shell.wrappers import _skip_options, _wrapper

_LOW_LEVEL_VALUES = (
    "--address -a -n --namespace -r --runtime-endpoint -i --image-endpoint --root --log -t "
    "--timeout --config -c --exec-id --pid-file -b --bundle --user -u --cwd -e --env -p --process"
)


def _low_level(call: Call) -> Value:
    """ctr, crictl, runc, crun: options, verbs, the container, then the command in it."""
    args = list(call.args)
    volumes: Volumes = []
    for _ in range(3):
        args, _ = _skip_options(args, _wrapper(_LOW_LEVEL_VALUES))
        if not args:
            return UNKNOWN
        verb = args.pop(0).text
        if verb in ("rm", "rmp", "rmi", "stopp", "kill", "delete") and args:
            call.effect(EffectKind.REMOTE_STATE, args[-1].text, "docker")
        if verb in ("exec", "run", "create", "exec-sync"):
            break
    else:
        return UNKNOWN
    volumes = granted(call, args)
    # After the verb -t and -i are a terminal and standard input.
    own = _wrapper(DOCKER_VALUES + " " + _LOW_LEVEL_VALUES)
    rest, _ = _skip_options(args, replace(own, values=own.values - {"-t", "-i"}))
    # ctr names the image and then the container; the others only the container.
    skip = 2 if call.name == "ctr" and verb == "run" else 1
    return inside(call, rest[skip:], volumes) if rest[skip:] else UNKNOWN


def _nspawn(call: Call) -> Value:
    """systemd-nspawn: a folder as a system; the folder / is this system."""
    values = "-D --directory -M --machine -i --image -u --user -b --bind --bind-ro --capability -E"
    rest, options = _skip_options(call.args, _wrapper(values))
    folder = options.get("-D") or options.get("--directory") or "."
    place = place_of(resolved(folder, call.shell.cwd))
    if place == "root":
        call.effect(EffectKind.CONTAINER, "/", "host-root")
    bound = options.get("--bind")
    volumes: Volumes = [("", "")] if place == "root" else []
    if bound is not None:
        host, _, there = bound.partition(":")
        volumes += volume(call, f"{host}:{there or host}")
    if re.search(r"\ball\b|SYS_ADMIN|SYS_MODULE", options.get("--capability", "")):
        call.effect(EffectKind.CONTAINER, "the host", "privileged")
    return inside(call, rest, volumes) if rest else UNKNOWN


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("ctr", "crictl", "runc", "crun"), _low_level),
    "systemd-nspawn": _nspawn,
}
