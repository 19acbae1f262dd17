"""Programs that run another program: how many words are theirs, and where the other one starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call
from cli_tuner.shell.machine import SHELLS
from cli_tuner.shell.persistence import graded
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value, concatenated, known
from cli_tuner.shell.variables import PROGRAM_VARIABLES, assigned
from cli_tuner.shell.words import Field


@dataclass(frozen=True, slots=True)
class Wrapper:
    """Which options take a word, how many operands come first, and what else is special."""

    values: frozenset[str] = frozenset()
    operands: int = 0
    root: bool = False
    assignments: bool = False


def _wrapper(
    values: str = "", operands: int = 0, *, root: bool = False, env: bool = False
) -> Wrapper:
    return Wrapper(frozenset(values.split()), operands, root, env)


WRAPPERS: Mapping[str, Wrapper] = MappingProxyType(
    {
        "sudo": _wrapper(
            "-u -g -h -p -C -r -t -T -U -D -R -a --user --group --host --prompt --chdir "
            "--close-from --role --type --chroot --command-timeout --other-user",
            root=True,
            env=True,
        ),
        "doas": _wrapper("-u -C -a", root=True, env=True),
        "pkexec": _wrapper("--user -u", root=True),
        "run0": _wrapper("-u -g -D --user --group --chdir --unit --property", root=True),
        "gksudo": _wrapper("-u -m", root=True),
        "env": _wrapper("-u --unset -C --chdir", env=True),
        "command": _wrapper(),
        "builtin": _wrapper(),
        "exec": _wrapper("-a"),
        "nohup": _wrapper(),
        "setsid": _wrapper(),
        "nice": _wrapper("-n --adjustment"),
        "ionice": _wrapper("-c -n --class --classdata"),
        "chrt": _wrapper("-T -P -D", 1),
        "taskset": _wrapper("", 1),
        "numactl": _wrapper("-C -N -m -i"),
        "timeout": _wrapper("-s -k --signal --kill-after", 1),
        "gtimeout": _wrapper("-s -k", 1),
        "stdbuf": _wrapper("-i -o -e --input --output --error"),
        "time": _wrapper("-f -o --format --output"),
        "gtime": _wrapper("-f -o"),
        "strace": _wrapper("-o -e -p -s -u -a -E -O -S"),
        "ltrace": _wrapper("-o -e -p -s -u -n -a"),
        "unbuffer": _wrapper(),
        "chronic": _wrapper(),
        "caffeinate": _wrapper("-t -w"),
        "setarch": _wrapper("", 1),
        "linux32": _wrapper(),
        "linux64": _wrapper(),
        "ld.so": _wrapper("--library-path --preload --argv0 --inhibit-rpath --audit"),
        "firejail": _wrapper(),
        "torsocks": _wrapper(),
        "torify": _wrapper(),
        "proxychains": _wrapper("-f"),
        "proxychains4": _wrapper("-f"),
        "dbus-run-session": _wrapper(),
        "dbus-launch": _wrapper(),
        "xvfb-run": _wrapper("-n -s -e -f -w"),
        "fakeroot": _wrapper("-l -s -i"),
        "sshpass": _wrapper("-p -f -d -P"),
        "rlwrap": _wrapper(),
        "ts": _wrapper(),
        "noglob": _wrapper(),
        "nocorrect": _wrapper(),
        "systemd-inhibit": _wrapper("--what --who --why --mode"),
        "cgexec": _wrapper("-g"),
        "prlimit": _wrapper("-p -o"),
        "setpriv": _wrapper("--reuid --regid --groups"),
        "capsh": _wrapper(),
        "unshare": _wrapper("-S -G --setuid --setgid -R --root -w --wd"),
        "nsenter": _wrapper("-t --target -S -G -r -w --setuid --setgid"),
        "chroot": _wrapper("--userspec --groups", 1),
        "systemd-run": _wrapper("-u -p -M -H -E --unit --property --slice --uid --gid --setenv"),
        "flock": _wrapper("-w -E --timeout --wait --conflict-exit-code", 1),
        "watch": _wrapper("-n --interval"),
        "entr": _wrapper(),
        "daemonize": _wrapper("-p -l -u -o -e -c"),
        "start-stop-daemon": _wrapper("-p -x -a -u -n -d -c --pidfile --exec --user --name"),
    }
)

_ROOTLESS_USER = ("root", "0", "#0", "")


def run_wrapped(call: Call) -> Value:
    """Run what a wrapper of the table runs."""
    wrapper = WRAPPERS[call.name]
    rest, options = _skip_options(call.args, wrapper)
    rest = rest[wrapper.operands :]
    if wrapper.assignments:
        rest = _take_assignments(call, rest)
    _isolation(call, options)
    if not rest:
        return _nothing_to_run(call, options)
    _on_a_clock(call, options, rest)
    if call.name == "command" and {"-v", "-V"} & options.keys():
        return known(f"/usr/bin/{rest[0].text}\n")
    if call.name == "env" and ("-S" in options or "--split-string" in options):
        return call.run_text(_spaced(call.args[1:]))
    if (call.name in ("watch", "flock") and len(rest) == 1) or (
        call.name == "flock" and "-c" in options
    ):
        return call.run_text(rest[-1].value)
    if call.name == "flock" and len(rest) > 1 and rest[0].text in ("-c", "--command"):
        return call.run_text(rest[1].value)
    if call.name in _ARRANGES:
        return _ARRANGES[call.name](call, rest, options)
    user = options.get("-u") or options.get("--user") or ""
    root = wrapper.root and (user in _ROOTLESS_USER)
    if wrapper.root and re.match(r"#(?:-1|4294967295)$", user):
        # An id of -1 is none: sudo before 1.8.28 took it for 0, past a rule that forbids root.
        call.effect(EffectKind.PRIVILEGE, "root", "setuid")
    if call.name == "systemd-run":
        root = not {"--user", "--scope"} & options.keys() and options.get("--uid", "0") in (
            "0",
            "root",
        )
    if call.name in ("sudo",) and ("-e" in options or "--edit" in options):
        for where in rest:
            call.writes(where, UNKNOWN, "edit")
        return EMPTY
    stdin = _after_password(call, rest) if {"-S", "--stdin"} & options.keys() else call.stdin
    with call.shell.rooted(root):
        return call.run(rest, stdin=stdin)


def _capabilities(call: Call, rest: list[Field], _: Mapping[str, str]) -> Value:
    """`capsh -- -c text`: what follows is for a shell."""
    words = [Field(known("bash"), call.shell.span, "bash")] if rest[0].text[:1] == "-" else []
    return call.run([*words, *rest])


def _on_change(call: Call, rest: list[Field], options: Mapping[str, str]) -> Value:
    return call.run_text(rest[0].value, stdin=EMPTY) if "-s" in options else call.run(rest)


def _daemon(call: Call, rest: list[Field], options: Mapping[str, str]) -> Value:
    """start-stop-daemon -S -x program -- arguments."""
    program = options.get("-x") or options.get("--exec") or options.get("-a", "")
    words = [Field(known(program), call.shell.span, program)] if program else []
    return call.run([*words, *rest])


_ARRANGES = {"capsh": _capabilities, "entr": _on_change, "start-stop-daemon": _daemon}


def _after_password(call: Call, rest: list[Field]) -> Value:
    """`sudo -S`: the first line is the password, written down; the rest is the command's."""
    if call.name != "sudo" or not call.stdin.known:
        return call.stdin
    if rest[0].text.rpartition("/")[2] in ("su", *SHELLS) and not call.has("-c"):
        call.effect(EffectKind.PRIVILEGE, "root", "escape")
    return replace(call.stdin, texts=(call.stdin.text.partition("\n")[2],))


def _on_a_clock(call: Call, options: Mapping[str, str], rest: list[Field]) -> None:
    """systemd-run --on-calendar and its like start the command later, and again."""
    if call.name == "systemd-run" and any(option.startswith("--on-") for option in options):
        grade = graded(call.shell, call.name, _spaced(rest))
        call.effect(EffectKind.PERSIST, "a timer", "later", grade)


def _isolation(call: Call, options: Mapping[str, str]) -> None:
    if call.name == "nsenter" and (
        "1" in (options.get("-t"), options.get("--target"))
        or any("/proc/1/" in value for value in options.values())
    ):
        call.effect(EffectKind.CONTAINER, "host namespaces", "escape")
    if call.name == "capsh" and any(
        re.match(r"--(?:uid|gid)=0|--user=root|--caps=\S*\+e?i?p", arg.text) for arg in call.args
    ):
        call.effect(EffectKind.PRIVILEGE, "root", "setuid")
    if call.name == "chroot":
        where = next((arg for arg in call.args if not arg.text.startswith("-")), None)
        if where is not None and where.text.startswith(("/host", "/mnt", "/proc/1")):
            call.effect(EffectKind.CONTAINER, where.text, "chroot")


def _nothing_to_run(call: Call, options: Mapping[str, str]) -> Value:
    if call.name == "env":
        return Value((HOLE,), frozenset({"sensitive"}), "the environment")
    interactive = {"-i", "-s", "--login", "--shell", "-is"} & options.keys()
    if call.name in ("sudo", "doas", "pkexec") and interactive:
        if call.stdin.texts != ("",):
            with call.shell.rooted():
                return call.run_text(call.stdin, stdin=EMPTY)
        call.effect(EffectKind.PRIVILEGE, "root", "interactive")
    if call.name in ("unshare", "nsenter", "chroot") or (call.name == "capsh" and call.has("--")):
        call.effect(EffectKind.PRIVILEGE, "a shell", "interactive")
    return EMPTY


def _skip_options(args: list[Field], wrapper: Wrapper) -> tuple[list[Field], dict[str, str]]:
    """The words after the wrapper's own options, and those options."""
    options: dict[str, str] = {}
    index = 0
    while index < len(args):
        text = args[index].text
        if text == "--":
            index += 1
            break
        if not text.startswith("-") or text == "-" or text.startswith("-" + HOLE):
            break
        head, equals, rest = text.partition("=")
        options[head] = rest
        index += 1
        if equals:
            continue
        if text in wrapper.values and index < len(args):
            options[text] = args[index].text
            index += 1
        elif not text.startswith("--") and len(text) > 2:
            index += _cluster(text, wrapper, options, args, index)
    return args[index:], options


def _cluster(
    text: str, wrapper: Wrapper, options: dict[str, str], args: list[Field], index: int
) -> int:
    """Split `-nu root`; returns how many further words belong to it."""
    for position, letter in enumerate(text[1:], start=1):
        option = "-" + letter
        options.setdefault(option, "")
        if option in wrapper.values:
            attached = text[position + 1 :]
            if attached:
                options[option] = attached
                return 0
            options[option] = args[index].text if index < len(args) else ""
            return 1
    return 0


def _take_assignments(call: Call, rest: list[Field]) -> list[Field]:
    while rest and "=" in rest[0].text and rest[0].text.partition("=")[0].isidentifier():
        name, _, value = rest[0].text.partition("=")
        if name in ("LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV") and call.name != "env":
            call.effect(EffectKind.PRIVILEGE, name, "preload")
        elif name in PROGRAM_VARIABLES:
            with call.shell.rooted(call.name != "env"):
                call.shell.run_text(known(value), name, EMPTY)
        else:
            assigned(call.shell, name, replace(rest[0].value, texts=(value,)))
        call.shell.scope.variables[name] = replace(rest[0].value, texts=(value,))
        rest = rest[1:]
    return rest


def _spaced(fields: list[Field]) -> Value:
    values: list[Value] = []
    for index, item in enumerate(fields):
        values += [known(" "), item.value] if index else [item.value]
    return concatenated(values) if values else EMPTY


# --- wrappers that take a text, or build arguments


def run_su(call: Call) -> Value:
    """`su [-] [user] [-c text]` and `runuser`."""
    code = call.after("-c", "--command")
    cluster = next(
        (
            i
            for i, a in enumerate(call.args)
            if a.text[:1] == "-" and a.text[1:2] != "-" and a.text.endswith("c")
        ),
        None,
    )
    if code is None and cluster is not None and cluster + 1 < len(call.args):
        code = call.args[cluster + 1]
    if call.name == "runuser" and code is None:
        rest, _ = _skip_options(call.args, _wrapper("-u -g"))
        return call.run(rest) if rest else EMPTY
    if code is None:
        if call.stdin.texts != ("",):
            with call.shell.rooted():
                return call.run_text(call.stdin, stdin=EMPTY)
        call.effect(EffectKind.PRIVILEGE, "another user", "interactive")
        return EMPTY
    names = [a.text for a in call.args if not a.text.startswith("-") and a is not code]
    with call.shell.rooted(not names or names[0] == "root"):
        return call.run_text(code.value)


_SSH = _wrapper("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w -B")


# A host on the internet without a name: a back-up goes to one that has a name.
_NAMELESS = re.compile(
    r"(?:^|@)(?!10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)\d+\.\d+\.\d+\.\d+$"
)


def run_ssh(call: Call) -> Value:
    """`ssh host command`: runs elsewhere; what it does there is judged as if it were here."""
    # autossh's own -M takes a port; in ssh it is a flag.
    own = replace(_SSH, values=_SSH.values | {"-M"}) if call.name == "autossh" else _SSH
    rest, options = _skip_options(call.args, own)
    after, more = _skip_options(rest[1:], own)  # ssh reads options after the host too
    rest, options = [*rest[:1], *after], {**options, **more}
    if "-R" in options or "-w" in options:
        call.effect(EffectKind.REMOTE_SHELL, options.get("-R") or "tunnel", "tunnel", "reverse")
    elif "-D" in options:
        call.effect(EffectKind.NETWORK_OUT, options.get("-D"), "proxy")
    if "ProxyCommand" in "".join(arg.text for arg in call.args):
        command = next(a.text for a in call.args if "ProxyCommand" in a.text)
        call.run_text(known(command.partition("=")[2] or command.partition(" ")[2]))
    if not rest:
        return EMPTY
    host = rest[0].text
    carried = call.stdin.taints & {"secret", "sensitive"}
    if _NAMELESS.search(host):
        carried |= call.stdin.taints & {"dump"}
    if carried:
        call.effect(EffectKind.NETWORK_OUT, host, *("carries:" + t for t in sorted(carried)))
    if len(rest) == 1:
        if call.stdin.texts != ("",) and "-N" not in options:
            return call.run_text(call.stdin, stdin=EMPTY)
        return EMPTY
    with call.shell.subshell():
        call.shell.cwd = "~"
        printed = call.run_text(_spaced(rest[1:]))
    # What comes back is another machine's text, whatever made it there.
    return Value(printed.texts, printed.taints | {"downloaded"}, host)


def run_busybox(call: Call) -> Value:
    """The applet is the first operand."""
    return call.run(call.args) if call.args and call.args[0].text[:1] != "-" else EMPTY
