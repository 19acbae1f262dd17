"""Backup programs: what takes copies away, and whether it takes all of them.

    borg delete repo::monday    one of many        borg delete repo    all of them

What is lost is there for the day when the rest is gone; nobody notices until then. Not covered:
rotation that a configuration file decides.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.programs.wholesale import WHOLE, listed
from cli_tuner.shell.values import HOLE, UNKNOWN, Value

_SOME = re.compile(
    r"^(?:(?:restic|rustic) .*?\b(?:forget|prune)\b|(?:borg|attic) .*?\b(?:delete|prune)\b"
    r"|kopia (?:snapshot (?:delete|expire)|repository destroy|policy remove|maintenance run)"
    r"|duplicity (?=.*--force).*?\b(?:remove-\S+|cleanup)\b|rdiff-backup (?=.*--force).*\bremove\b"
    r"|snapper .*?\b(?:delete|rm|rollback|undochange)\b|timeshift .*--(?:delete|restore)"
    r"|pgbackrest .*?\b(?:stanza-delete|expire)\b|wal-[ge]\S* (?:.* )?delete\b.*--confirm"
    r"|barman (?:.* )?delete\b|tarsnap .*?(?:--nuke|-d\b)|bup (?:rm|gc|prune-older)\b"
    r"|proxmox-backup-client (?:snapshot )?forget\b"
    r"|duplicacy prune\b)"
)
_ALL = re.compile(
    r"^(?:(?:restic|rustic) .*(?:--unsafe-allow-remove-all|--keep-last[= ]0\b)"
    r"|(?:borg|attic) (?!.*::)(?!.*(?:-a|--glob-archives|--prefix|-P|--first|--last)\b).*\bdelete\b"
    r"|(?:borg|attic) .*\bprune\b.*--keep-last[= ]0\b"
    r"|kopia (?:repository destroy|snapshot delete .*--all-snapshots-for-source)"
    r"|(?:duplicity|rdiff-backup) .*(?:remove-all-but-n-full|older-than)[= ](?:0+[a-zA-Z]?|now)\b"
    # From the first on, and more than a handful.
    r"|(?:snapper|duplicacy) .*\b1-\d{2,}\b|timeshift .*--delete-all"
    r"|pgbackrest .*stanza-delete.*--force|wal-[ge]\S* (?:.* )?delete everything\b"
    r"|barman (?:.* )?delete \S+ all\b|tarsnap .*--nuke|duplicacy prune .*-exclusive.*-all)"
)

_LISTS = frozenset({"list", "ls", "snapshots", "list-backup", "list-backups", "list-backup-names"})


def _backup(call: Call) -> Value:
    if call.has("-n", "--dry-run", "--help", "-h", "--version", "--list", "--test"):
        return UNKNOWN
    line = " ".join([call.name, *(arg.text for arg in call.args[:16])])
    if _SOME.search(line):
        whole = (WHOLE,) if _ALL.search(line) or listed(call.args) else ()
        call.effect(EffectKind.REMOTE_STATE, "copies of a backup", "backup", "delete", *whole)
    lists = _LISTS & {arg.text for arg in call.args}
    return Value((HOLE,), frozenset({"many"}), "the list of backups") if lists else UNKNOWN


HANDLERS: dict[str, Handler] = dict.fromkeys(
    "restic rustic borg attic kopia duplicity rdiff-backup snapper timeshift pgbackrest wal-g "
    "wal-e barman tarsnap bup proxmox-backup-client duplicacy".split(),
    _backup,
)
