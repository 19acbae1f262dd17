"""Make src/cli_tuner/shell/options.txt anew: which option names mean the same, per program.

    python benchmarks/option_tables.py cmdfacts.jsonl.zst train.jsonl.zst > options.txt

Two sources of facts. Of programs that are installed here, what they say themselves to `--help`;
of others, the completion specifications of withfig/autocomplete (MIT, Copyright (c) 2021 Hercules
Labs Inc.), as `{"command", "options": [{"names", "args"}]}` lines. A table is called complete (`!`)
if it knows 96 % of the options that commands of a training set use, at least 20 of them: only
then is an option that it does not have called wrong. That is counted with the tables that are
there, so it is run twice. Programs that the set hardly uses are left out.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from typing import Any

import zstandard

from cli_tuner.shell.canonical import calls_in

ASKED = (
    "ls cp mv rm mkdir rmdir sort uniq cut head tail wc cat tac tr tee touch ln df du stat date "
    "chmod chown chgrp grep sed tar gzip bzip2 xz xargs diff cmp comm join paste split ps top "
    "free pgrep pkill mount lsblk curl wget rsync jq zip unzip file rename column rev tree ss "
    "systemctl journalctl make env id who fold nl od seq shuf basename dirname readlink realpath "
    "md5sum sha1sum sha256sum sha512sum base64 base32 cpio dd install mktemp mkfifo expand "
    "unexpand printf truncate timeout watch csplit gpg uname hostname nproc tsort cksum sum pr "
    "fmt ptx factor numfmt stdbuf nohup nice pwd link unlink sync tty users whoami logname "
    "printenv yes sleep expr test shred findmnt umount swapon losetup lscpu dmesg kill killall "
    "pstree uptime w vmstat sysctl pmap slabtop logger script getopt flock ionice renice taskset "
    "useradd usermod userdel groupadd passwd chsh apt-get apt dpkg strings objdump nm readelf"
).split()
FOREIGN = (  # of another system, or of one where the program of this name is another one
    "afplay banner codesign defaults ditto fdisk launchctl mdfind mdls networkQuality networksetup "
    "open osascript pkgutil plutil pmset softwareupdate sips sw_vers tccutil tmutil xcodebuild "
    "xcode-select xcrun caffeinate do elif else for if then until while login aws gcloud heroku "
    "doctl v m n w cd command exec export source time trap unset which where whence"
).split()
Tables = dict[str, dict[tuple[str, ...], str]]
HUGE = 400
WORTH = 10

HEAD = """\
# Option names of one meaning, for each program or sub-command; shell/options.py reads it.
# Made by benchmarks/option_tables.py from what installed programs say to --help (GNU coreutils,
# findutils, grep, sed, tar, diffutils, util-linux, procps and others: facts, not their text) and
# from the completion specifications of withfig/autocomplete (MIT, Copyright (c) 2021 Hercules Labs
# Inc. (Fig)), of which names and arity of options are taken.
"""

_SPEC = re.compile(
    r"^\s{0,12}(-[^\s,]+(?:[ =](?=[\[<A-Z])[^\s,]+)?(?:,?\s-[^\s,]+(?:[ =](?=[\[<A-Z])[^\s,]+)?)*)"
)
_NAME = re.compile(r"(--?[A-Za-z0-9#@?][\w.-]*)(\[=|\[|[ =]\S)?")


def said_by(program: str) -> dict[str, str]:
    """Option -> "names|arity" as the program's own help has it."""
    more = ["all"] if program == "curl" else []
    if shutil.which(program) is None:
        return {}
    ended = subprocess.run(
        [program, "--help", *more], capture_output=True, text=True, timeout=10, check=False
    )
    groups = []
    for line in f"{ended.stdout}\n{ended.stderr}".splitlines():
        found = _SPEC.match(line)
        if not found:
            continue
        spec = re.split(r"\s{2,}(?!-)", found.group(1).strip())[0]
        names, arity = [], ""
        for part in re.split(r",\s*|\s(?=-)", spec):
            one = _NAME.match(part)
            if one is None:
                continue
            names.append(one.group(1))
            follows = one.group(2) or ""
            if re.match(r"[ =][a-z]", follows):
                names = names[:1]  # -p, --indicator-style=slash: one value of another option
                break
            if follows.startswith("["):
                arity = arity or ("" if one.group(1).startswith("--") else "?")
            else:
                arity = arity or ("=" if follows else "")
        if names:
            groups.append((tuple(names), arity))
    return dict(groups)


def is_cluster(name: str, single: set[str]) -> bool:
    """Whether it is two options in one word, such as -am."""
    return len(name) > 2 and name[1] != "-" and all(f"-{letter}" in single for letter in name[1:])


def completions(path: str) -> Tables:
    """The tables of withfig/autocomplete, by program and sub-command."""
    specs = defaultdict(list)
    with zstandard.open(path, "rt") as file:
        for row in map(json.loads, file):
            specs[row["command"].split()[0]].append(row)
    wanted = {name: rows for name, rows in specs.items() if name not in FOREIGN}
    return {
        row["command"]: options_in(row["options"])
        for rows in wanted.values()
        if len(rows) <= HUGE
        for row in rows
    }


def options_in(options: list[dict[str, Any]]) -> dict[tuple[str, ...], str]:
    """Names of one option -> whether it takes an argument."""
    single = {one for option in options for one in option["names"] if len(one) == 2}
    return {
        tuple(option["names"]): "="
        if option["args"] and not option["args"][0].startswith("?")
        else ""
        for option in options
        if all(re.fullmatch(r"-[\w.?#@-]+", one) for one in option["names"])
        and not any(is_cluster(one, single) for one in option["names"])
    }


def find_tests() -> dict[tuple[str, ...], str]:
    """What find says itself; its help is no table."""
    listed = subprocess.run(["find", "--help"], capture_output=True, text=True, check=True).stdout
    words = re.findall(r"(?<![\w-])-[a-zA-Z]\w*(?: (?:\[[-/+]*\])?[A-Z]+)?", listed)
    words += ["-newermt TIME", "-newerct TIME", "-newerat TIME"]
    words += ["-samefile FILE", "-ipath PATTERN", "-version"]  # in its manual, not in its help
    found = {(word.partition(" ")[0],): "=" if " " in word else "" for word in words}
    # What stands behind an operator is the next test and not its argument.
    return found | {(operator,): "" for operator in ("-a", "-and", "-o", "-or", "-not")}


def main() -> None:
    facts, train = sys.argv[1:3]
    tables = completions(facts)
    for name in ASKED:
        own = said_by(name)
        if len(own) >= 2:
            tables[name] = own
    tables["find"] = find_tests()
    known, used, called = Counter(), Counter(), Counter()
    with zstandard.open(train, "rt") as file:
        for call in (call for row in file for call in calls_in(json.loads(row)["bash"])):
            path = " ".join(call.path)
            called[call.name] += 1
            options = {one for group in tables.get(path, ()) for one in group}
            for option in call.options:
                used[path] += 1
                known[path] += option.name in options or option.name in ("--help", "--version")
    print(HEAD, end="")
    for path, groups in sorted(tables.items()):
        complete = used[path] >= 20 and known[path] >= 0.96 * used[path]
        if groups and (path in ASKED or called[path.split()[0]] >= WORTH):
            shown = (f"{','.join(names)}{arity}" for names, arity in sorted(groups.items()))
            print(f"{path}{'!' if complete else ''}:", *shown)


if __name__ == "__main__":
    main()
