"""A command's skeleton: programs, sub-commands and the sorted set of flags; arguments dropped.

    find . -type f -name '*.c' | xargs grep -l main   ->   find -name -type | xargs | grep -l
    sudo git -C repo remote add origin URL            ->   git remote add -C
    cd /tmp && tar xzf a.tgz > list                   ->   cd ; tar -f -x -z {>}

Two commands with one skeleton differ only in their arguments, so a data set is split by skeletons,
and `utilities_of` says which programs run. What another program runs (`xargs`, `find -exec`,
`sh -c`, `$(...)`) follows after `|`, a list (`;`, `&&`, `||`, `&`) is joined by `;`, and `sudo` is
looked through. The operators of redirections follow at the end; control flow leaves no trace. A
number with a minus is `-#`, whether it is an option or less than something. No Bash is "?".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from cli_tuner.shell.facts import facts_of
from cli_tuner.shell.nodes import (
    Arith,
    Branch,
    CommandSub,
    Function,
    Group,
    Lit,
    Loop,
    Node,
    Opaque,
    Param,
    Part,
    Pipeline,
    ProcessSub,
    Redirect,
    Sequence,
    Simple,
    Word,
)
from cli_tuner.shell.parse import parse
from cli_tuner.shell.programs import HANDLERS
from cli_tuner.shell.values import HOLE, without_marks
from cli_tuner.shell.wrappers import WRAPPERS

NO_BASH = "?"

_NESTING_MAX = 5
_UNKNOWN = HOLE  # a stretch that the text does not decide
ELEVATES = frozenset({"sudo", "doas"})
_SHELLS = frozenset("sh bash dash zsh ksh ash".split())
EXECUTES = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_SUBCOMMAND = re.compile(r"[a-z][a-z0-9]*(?:[-:_][a-z0-9]+)*")
_NUMBER = re.compile(r"-\d+")
_LONG = re.compile(r"--[A-Za-z][^\s=]*(?==|$)")

# Programs whose options are whole words after one dash.
SINGLE_DASH = frozenset(
    "find java javac ffmpeg ffprobe ffplay convert magick mogrify identify openssl gcc g++ clang "
    "xrandr xset terraform qemu-img mplayer nmcli ant go X Xorg iptables".split()
)
_BUNDLES = frozenset({"ar", "ps", "tar"})  # their first word may be options without a dash

# Wrapped programs whose own options take a word; the others are in WRAPPERS.
_TAKES = {
    "xargs": frozenset("-I -n -P -d -L -s -a -E --max-args --max-procs --delimiter".split()),
    "parallel": frozenset("-j -a -I -S -N -n --jobs --colsep".split()),
}
# How many words name what a program does; below those listed, programs that are not known get one.
DEPTHS = {
    name: depth
    for depth, names in (
        (3, "aws az gcloud oci"),
        (
            2,
            "doctl eselect gh glab heroku ibmcloud ip k3d lxc nft nmcli nomad openstack "
            "podman-compose virsh",
        ),
        (
            1,
            "apt apt-get apt-cache apt-mark brew bundle bun cargo composer conda crictl deno dnf "
            "docker docker-compose dotnet firewall-cmd flatpak gem git go gpgconf hg helm "
            "hostnamectl journalctl kubectl launchctl localectl loginctl lvm mamba minikube mix "
            "networkctl nix npm nvm oc openssl pacman pip pip3 pipenv pipx pm2 pnpm podman poetry "
            "pct pulumi pyenv qm rbenv resolvectl rustup skopeo snap svn systemctl systemd-analyze "
            "terraform timedatectl tmux tput ufw update-alternatives uv vagrant vault yarn yum zfs "
            "zpool zypper",
        ),
    )
    for name in names.split()
}
_KUBERNETES = "auth config create delete describe edit explain expose get rollout set top"
_GROUPS = {
    "kubectl": _KUBERNETES,
    "oc": _KUBERNETES,
    "docker": "builder buildx compose config container context image network node plugin secret "
    "service stack swarm system volume",
    "podman": "container image machine network pod secret system volume",
    "git": "bisect bundle lfs notes reflog remote sparse-checkout stash submodule worktree",
    "helm": "get plugin registry repo search show",
    "npm": "access audit cache config pkg token",
    "pip": "cache config",
    "poetry": "cache config env self source",
    "rustup": "component default override self show target toolchain",
    "conda": "config env",
    "cargo": "generate-lockfile",
    "terraform": "state workspace",
    "go": "mod tool work",
    "snap": "get set",
    "uv": "cache pip python tool",
}
# Options before the sub-command that take a word.
_VALUES = {
    "docker": "-H -c -l --config --context --host --log-level",
    "git": "-C -c --git-dir --namespace --work-tree",
    "helm": "-n --kube-context --namespace",
    "kubectl": "-n -s --cluster --context --kubeconfig --namespace --server --user",
    "npm": "--prefix",
    "systemctl": "-H -M -t -p --host --machine --property --type",
    "tmux": "-L -S -f",
}
PROGRAMS_WITHOUT = frozenset(
    ". [ alias awk basename bzip2 cat cd chgrp chmod chown cksum cmp comm cp crontab curl cut "
    "date dd declare df diff dig dirname du echo egrep env eval exit export expr false fgrep file "
    "fold free grep groups gunzip gzip head history host hostname id ifconfig jobs join kill "
    "killall less let ln local locate ls lsof md5sum mkdir mkfifo mktemp more mount mv nc netstat "
    "nl od paste pgrep ping pkill printenv printf ps pstree pwd read readlink realpath rename "
    "return rev rm rmdir rsync scp screen sed seq set sha256sum shuf sleep sort source split ssh "
    "stat strings sudo sum tac tail tar tee test time top touch tr tree true type ulimit umount "
    "uname uniq unlink unset unzip uptime w wait wc wget whereis which who whoami xxd yes zcat "
    "zip".split()
)


def template_of(command: str) -> str:
    """The skeleton of a command text."""
    walk = _walked(command)
    return walk.shown() if walk.skeletons and not walk.broken else NO_BASH


def utilities_of(command: str) -> tuple[str, ...]:
    """The programs and builtins that a command text runs, in order, as often as it names them."""
    return tuple(one.name for one in _walked(command).skeletons)


@dataclass(frozen=True, slots=True)
class _Skeleton:
    """One program as it is called, and what joins it to the one before."""

    joint: str
    name: str
    subcommands: tuple[str, ...]
    flags: frozenset[str]

    def shown(self) -> str:
        name = " ".join(self.name.replace(_UNKNOWN, "$").split()) or "$"
        return " ".join([name, *self.subcommands, *sorted(self.flags)])


@lru_cache(maxsize=256)
def _walked(command: str) -> _Walk:
    walk = _Walk()
    walk.node(parse(without_marks(command)), ";")
    return walk


class _Walk:
    """Collects the skeletons of a tree, in the order of the text."""

    def __init__(self) -> None:
        self.skeletons: list[_Skeleton] = []
        self.redirections: set[str] = set()
        self.broken = False
        self._nesting = 0

    def shown(self) -> str:
        first, *others = self.skeletons
        shown = first.shown() + "".join(f" {one.joint} {one.shown()}" for one in others)
        return f"{shown} {{{' '.join(sorted(self.redirections))}}}" if self.redirections else shown

    def node(self, node: Node, joint: str) -> None:
        """Walk one node; `joint` is what joins it to what came before."""
        match node:
            case Simple():
                self._simple(node, joint)
            case Pipeline():
                for index, stage in enumerate(node.stages):
                    self.node(stage, "|" if index else joint)
            case Sequence():
                for index, item in enumerate(node.items):
                    self.node(item, ";" if index else joint)
            case Group():
                self.node(node.body, joint)
                self._redirected(node.redirects)
            case Function():
                self.node(node.body, joint)
            case Branch():
                self._compound(node.words, *node.bodies)
            case Loop():
                self._compound(node.words or (), node.condition, node.body)
            case Opaque():
                self.broken = self.broken or not self._nesting

    def _compound(self, words: Iterable[Word], *bodies: Node | None) -> None:
        self._words(words)
        for body in bodies:
            if body is not None:
                self.node(body, ";")

    def _simple(self, node: Simple, joint: str) -> None:
        if node.words:
            self._command([_text(word) for word in node.words], joint)
        self._words(word for assignment in node.assignments for word in assignment.words)
        self._words(node.words)
        self._redirected(node.redirects)

    def _redirected(self, redirects: Iterable[Redirect]) -> None:
        for redirect in redirects:
            self.redirections.add(redirect.operator)
            self._words((redirect.target,))

    def _command(self, words: list[str], joint: str) -> None:
        """A program with its arguments, and after it the program that it runs."""
        name, args = words[0].rpartition("/")[2] or words[0], words[1:]
        inner, own = inner_command(name, args)
        if name in ELEVATES and inner:
            self._command(inner, joint)
            return
        subcommands = subcommands_of(name, own)
        self.skeletons.append(_Skeleton(joint, name, subcommands, frozenset(_flags(name, own))))
        if len(inner) == 1 and " " in inner[0]:
            self._code(inner)  # `watch 'ls -l'`
        elif inner:
            self._command(inner, "|")
        if name == "find":
            for run in _executed(args):
                self._command(run, "|")
        if name in _SHELLS and "-c" in args:
            self._code(args[args.index("-c") + 1 :])

    def _code(self, following: list[str]) -> None:
        if following and self._nesting < _NESTING_MAX:
            self._nesting += 1
            self.node(parse(following[0].replace(_UNKNOWN, "x")), "|")
            self._nesting -= 1

    def _words(self, words: Iterable[Word]) -> None:
        for word in words:
            for part in word.parts:
                self._part(part)

    def _part(self, part: Part) -> None:
        match part:
            case CommandSub() | ProcessSub():
                self.node(part.body, "|")
            case Param(word=Word() as word) | Arith(inner=Word() as word):
                self._words((word,))
            case _:
                pass


def _text(word: Word) -> str:
    return "".join(part.text if isinstance(part, Lit) else _UNKNOWN for part in word.parts)


def inner_command(name: str, args: list[str]) -> tuple[list[str], list[str]]:
    """The command that a wrapper runs, and the words that are the wrapper's own."""
    wrapper = WRAPPERS.get(name)
    if wrapper is None and name not in _TAKES:
        return [], args
    takes = wrapper.values if wrapper else _TAKES[name]
    index = 0
    while index < len(args) and args[index].startswith("-") and args[index] != "-":
        index += 2 if args[index] in takes else 1
    index += wrapper.operands if wrapper else 0
    while wrapper and wrapper.assignments and index < len(args) and _is_assignment(args[index]):
        index += 1
    return args[index:], args[:index]


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def _executed(args: list[str]) -> Iterator[list[str]]:
    """The commands of find's -exec and its kin."""
    start = None
    for index, word in enumerate(args):
        if word in EXECUTES:
            start = index + 1
        elif start is not None and (word == ";" or (word == "+" and args[index - 1] == "{}")):
            if index > start:
                yield args[start:index]
            start = None


def subcommands_of(name: str, args: list[str]) -> tuple[str, ...]:
    """The words that say what a program is to do: `git remote add`, `kubectl get pods`."""
    depth = _depth(name)
    found: list[str] = []
    for word in _after_options(name, args) if depth else []:
        if len(found) == depth or not _SUBCOMMAND.fullmatch(word):
            break
        found.append(word)
        if len(found) == 1 and word in _GROUPS.get(name, "").split():
            depth = max(depth, 2)
    return tuple(found)


def _after_options(name: str, args: list[str]) -> list[str]:
    """The arguments from the first that is no option, as in `git -C folder status`.

    None where it is not known whether a word belongs to the option before it.
    """
    facts = facts_of(name)
    takes = _VALUES.get(name, "").split()
    index = 0
    while index < len(args) and args[index].startswith("-"):
        if name not in DEPTHS and facts is None:
            return []
        skips = args[index] in takes or (facts is not None and facts.takes_argument(args[index]))
        index += 2 if skips else 1
    return args[index:]


@lru_cache(maxsize=4096)
def _depth(name: str) -> int:
    if name in DEPTHS:
        return DEPTHS[name]
    if name in PROGRAMS_WITHOUT or name in WRAPPERS or name in _TAKES or name == _UNKNOWN:
        return 0
    facts = facts_of(name)
    if facts is not None and facts.sub:
        return 1
    # A program that nothing is known of: its first word, if it looks like one, is a sub-command.
    return 0 if facts is not None or name in HANDLERS else 1


def _flags(name: str, args: list[str]) -> Iterator[str]:
    """The options among the arguments, without their values; `-9` and `-20` are `-#`."""
    facts = facts_of(name)
    whole = name in SINGLE_DASH or (facts is not None and facts.single_dash)
    inside = False
    if name in _BUNDLES and args and args[0].isalpha():
        args = [f"-{args[0]}", *args[1:]]
    for word in args:
        inside = (inside or word in EXECUTES) and word not in (";", "+")
        if inside and word not in EXECUTES:
            continue
        if word == "--":
            return
        if word.startswith("--"):
            yield from _LONG.findall(word)
        elif _NUMBER.match(word):
            yield "-#"
        elif whole and re.match("-[A-Za-z]", word):
            yield re.split(r"[=\s]", word)[0]
        elif word.startswith("-"):
            yield from _letters(word, name)


def _letters(word: str, name: str) -> Iterator[str]:
    """The options of a cluster: `-xzf`; what follows one that takes an argument is the argument."""
    facts = facts_of(name)
    for letter in word[1:]:
        if not letter.isalpha():
            return
        yield f"-{letter}"
        if facts is not None and facts.takes_argument(f"-{letter}"):
            return
