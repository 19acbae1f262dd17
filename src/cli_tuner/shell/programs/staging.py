"""Secrets that are put under version control, and leave with the next push.

    git add -f .env && git commit -m x && git push      everybody with the repository has them

A file is one by its name (`.env`, keys, states with passwords in them), or by what this text wrote
into it. Examples and encrypted files are none. Not covered: files that an earlier command added.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.paths import place_of, resolved
from cli_tuner.shell.values import UNKNOWN, Value
from cli_tuner.shell.words import Field

_HARMLESS = re.compile(
    r"\.(?:example|sample|template|tmpl|tpl|dist|defaults?|schema|enc|gpg|age|sops|pub|md|vault|"
    r"test|ci|d\.ts|tsx?|jsx?|py|go|rb|java|php|html|css|rs|c|h|cc|txt)$|[.-]?(?:example|sample|"
    r"template)s?\b|sealed|encrypted",
    re.I,
)
_KEYS = re.compile(
    r"(?:^|/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|master\.key|.*\.(?:kdbx|p12|pfx|jks|keystore|ppk)|"
    r"service[-_]?account[\w-]*\.json|\.(?:netrc|pgpass|my\.cnf|git-credentials|htpasswd))$"
)
_ADDS = frozenset({"add", "stage", "update-index"})
_FORCED = ("-f", "--force", "-Af", "-fA", "-fv", "-vf")


def staged(call: Call, words: list[str]) -> None:
    """Remember what `add` takes into the next commit, and say if that is a secret."""
    verb = next((index for index, word in enumerate(words[:5]) if word in _ADDS), None)
    if verb is None or call.has("-n", "--dry-run", "--help"):
        return
    forced = call.has(*_FORCED)
    for where in call.args[verb + 1 :]:
        if where.text[:1] == "-" and where.text not in ("-A", "--all"):
            continue
        for path in _paths(call, where):
            if _is_secret(call, path, forced):
                call.effect(EffectKind.SECRET, path, "recorded")
                call.shell.staged.append(path)


def published(call: Call) -> None:
    """Say that what was added before leaves with a push."""
    for path in call.shell.staged[:4]:
        call.effect(EffectKind.NETWORK_OUT, path, "push", "carries:secret")


def _paths(call: Call, where: Field) -> list[str]:
    """The files that an operand names; a folder stands for what the text wrote into it."""
    folder = resolved(where.text, call.shell.cwd) if where.text[:1] != "-" else "."
    below = [path for path in call.shell.files if _lies_below(path, folder)]
    return [folder, *below]


def _lies_below(path: str, folder: str) -> bool:
    if folder == ".":
        return place_of(path) == "project"
    return path.startswith(folder.rstrip("/") + "/")


def _is_secret(call: Call, path: str, forced: bool) -> bool:
    content = call.shell.files.get(path)
    if content is not None and content.texts != ("",):
        written = content.taints & {"secret", "dump"} or content.source == "the environment"
        if written:
            return True
    if _HARMLESS.search(path):
        return False
    labels = labels_of(path)
    if _KEYS.search(path) or labels & {"secret", "dotenv"}:
        return True
    # Whoever forces it in names what the project has set aside.
    return forced and "sensitive" in labels


_SVN_DELETES = frozenset({"delete", "del", "remove", "rm"})


def _other(call: Call) -> Value:
    """Mercurial, Subversion and Jujutsu; their other sub-commands are facts."""
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    words = [arg.text for arg in call.args]
    staged(call, words)
    if {"push", "commit", "ci"} & set(words[:2]) and (call.name == "svn" or "push" in words[:2]):
        published(call)
    if call.name == "svn" and words[:1] and words[0] in _SVN_DELETES:
        for where in call.args[1:]:
            if re.match(r"\^/|[a-z+]+://", where.text):  # in the repository, with no commit to come
                call.effect(EffectKind.REMOTE_STATE, where.text, "delete")
    facts = facts_of(f"{call.name}-commands")
    return apply_facts(call, facts) if facts else UNKNOWN


HANDLERS: dict[str, Handler] = dict.fromkeys(("hg", "svn"), _other)
