"""Programs that carry files to somewhere else: object stores, file drops, shares, pastes.

A local path among the sources is read, and what is known about it travels with the effect
`network_out`. Which service receives it does not matter.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.programs.languages import banged
from cli_tuner.shell.programs.wholesale import WHOLE, disposable
from cli_tuner.shell.values import EMPTY, HOLE, HOME, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

CARRIED = frozenset({"secret", "sensitive", "dump"})
_STORE = re.compile(
    r"^(?:s3|gs|gcs|b2|az|oss|cos|wasb|swift|r2|abfss?|hdfs|ipfs|sftp|ftps?|https?)://"
)
_COPIES = frozenset(
    "cp mv sync copy upload put mirror rsync copyto moveto move rcat pipe upload-file upload-batch "
    "upload_file upload-object create send add put-object bisync copyurl cat".split()
)
_UPLOADING = ("--file", "-f", "--source", "-s", "--body", "--source-file", "--content")
_VALUES = frozenset(
    "--profile --region --acl --storage-class --exclude --include --account-name --account-key "
    "--container-name -c -n --name -d --destination --config --transfers --endpoint-url "
    "--bucket --key -P -N -A -U --parallel --remote --desc -desc".split()
)


def sent(call: Call, target: str, taints: frozenset[str] | set[str], *more: str) -> None:
    """Say that something leaves for `target`, with what is known about it."""
    carried = ("carries:" + taint for taint in sorted(taints & CARRIED))
    call.effect(EffectKind.NETWORK_OUT, target, *more, *carried)


def _remote(call: Call, text: str) -> bool:
    """Whether an operand names something that is not on this machine."""
    if _STORE.match(text):
        return True
    if call.name not in ("rclone", "mc", "mcli") or text.startswith(("/", ".", HOME)):
        return False
    return bool(re.match(r"^(?:[\w-]+[:/]|:\w+[,:])", text))


# A folder with nothing in it, by its name or because it was just made.
_EMPTY = re.compile(r"(?:^|/)\.?empty(?:[-_]?(?:dir|folder))?/*$|/tmp\.X+/*$")


def cloud_copy(call: Call) -> Value | None:
    """`aws s3 cp a s3://b` and its like in other clients; None if this is no copy."""
    operands = call.parsed(Facts(values=_VALUES)).operands
    verb = next((i for i, o in enumerate(operands[:4]) if o.text in _COPIES), None)
    options = [value for option in _UPLOADING if (value := call.after(option)) is not None]
    if verb is None:
        return None
    paths = operands[verb + 1 :]
    remote = [path for path in paths if _remote(call, path.text)]
    uploads = "upload" in operands[verb].text or operands[verb].text in ("put-object", "create")
    if not remote and not uploads:
        return None
    mirrors = call.has("--delete", "--delete-removed", "-d", "--remove") or (
        call.name == "rclone" and operands[verb].text in ("sync", "bisync")
    )
    if paths and paths[0] in remote and not uploads:
        return _down(call, paths, mirrors=mirrors)
    taints: set[str] = set()
    for where in [*(p for p in paths if p not in remote), *options]:
        taints |= call.stdin.taints if where.text == "-" else call.reads(where).taints
    if operands[verb].text in ("rcat", "pipe"):
        taints |= call.stdin.taints
    public = any(re.search(r"public-read|allUsers|--public", arg.text) for arg in call.args)
    sent(call, remote[-1].text if remote else call.name, taints, *(("public",) if public else ()))
    if mirrors:
        local = [path.text for path in paths if path not in remote]
        empty = bool(local) and all(_EMPTY.search(text) for text in local)
        whole = (WHOLE,) if empty and remote and not disposable([remote[-1].text]) else ()
        where_to = remote[-1].text if remote else None
        call.effect(EffectKind.REMOTE_STATE, where_to, "cloud", "delete", *whole)
    if operands[verb].text in ("mv", "move", "moveto"):
        for where in paths[:1]:
            call.on_path(EffectKind.MOVE, where)
    return EMPTY


def _down(call: Call, paths: list[Field], *, mirrors: bool) -> Value:
    """A copy from a store: printed, written to the last path, or to another place of a store.

    One that mirrors deletes what the source does not have.
    """
    fetched = Value((HOLE,), frozenset({"downloaded"}), paths[0].text)
    call.effect(EffectKind.NETWORK_IN, paths[0].text)
    if len(paths) < 2 or paths[-1].text in ("-", "/dev/stdout"):
        return fetched
    target = paths[-1]
    if _remote(call, target.text):
        if mirrors:
            call.effect(EffectKind.REMOTE_STATE, target.text, "cloud", "delete")
        return EMPTY
    if mirrors and call.name != "rclone":  # which has said so
        call.on_path(EffectKind.DELETE, target, "recursive", "mirror")
    text = target.text
    if text.endswith("/") or text in (".", ".."):
        text = text.rstrip("/") + "/" + paths[0].text.rstrip("/").rpartition("/")[2]
    call.writes(Field(known(text), target.span, target.raw), fetched, "download")
    return EMPTY


# A remote, or one bucket of it.
_STORE_TOP = re.compile(r"[\w-]+:/?[\w.-]*/?$")
_SELECTS = ("--include", "--exclude", "--filter", "--min-age", "--max-age", "--filter-from")


def _rclone(call: Call) -> Value:
    if call.has("-n", "--dry-run", "--help"):
        return UNKNOWN
    operands = call.parsed(Facts(values=_VALUES)).operands
    verb = operands[0].text if operands else ""
    if verb in ("delete", "purge", "deletefile", "rmdirs", "sync", "move") and len(operands) > 1:
        gone = operands[1] if verb == "move" else operands[-1]
        if gone.text[:1] in ("/", ".", HOME):  # a folder here, not a remote
            call.on_path(EffectKind.DELETE, gone, "recursive", "mirror")
    copied = cloud_copy(call)
    if copied is not None:
        return copied
    words = [o.text for o in call.parsed(Facts(values=_VALUES)).operands]
    if words[:2] in (["config", "show"], ["config", "dump"]):
        return Value((HOLE,), frozenset({"secret", "shown"}), "the keys of the remotes")
    if words[:1] and words[0] in ("delete", "purge", "deletefile", "cleanup", "rmdir", "rmdirs"):
        every = (
            words[0] in ("delete", "purge")
            and _STORE_TOP.match(words[-1])
            and not call.has(*_SELECTS)
        )
        whole = (WHOLE,) if every and not disposable(words) else ()
        call.effect(EffectKind.REMOTE_STATE, words[-1], "cloud", "delete", *whole)
    if words[:1] == ["serve"]:
        call.effect(EffectKind.NETWORK_OUT, words[-1], "server")
    return Value((HOLE,), frozenset({"downloaded"}), words[-1]) if words[:1] == ["cat"] else UNKNOWN


_PUTS = re.compile(
    r"(?:^|[;\n])\s*m?(?:put|send|binary;\s*put|mirror\s+-R)\s+(?:-\S+\s+)*([^\s;]+)"
)
_GETS = re.compile(r"(?:^|[;\n])\s*m?get\s+(?:-\S+\s+)*([^\s;]+)(?:[ \t]+([^\s;]+))?")


def _session(call: Call) -> Value:
    """ftp, sftp, tftp, smbclient: `put` and `get` in a text given by option or standard input."""
    scripts = [v.value for o in ("-c", "-e", "-b") if (v := call.after(o)) is not None]
    plain = [a for a in call.args if a.text[:1] != "-"]
    scripts.append(call.stdin)
    if call.name == "tftp":
        scripts.append(known(" ".join(a.text for a in call.args if a.text[:1] != "-")))
    host = plain[0].text if plain else call.name
    span = call.shell.span
    call.effect(EffectKind.NETWORK_IN, host)
    for script in scripts:
        if "secret" in script.taints:
            sent(call, host, script.taints)
        for text in script.texts:
            banged(call, text)
            if call.name == "lftp":
                _mirrored(call, text)
            for match in _PUTS.finditer(text):
                path = re.sub(r"^~(?=/|$)", HOME, match.group(1))
                sent(call, host, call.reads(Field(known(path), span, match.group(1))).taints)
            for match in _GETS.finditer(text):
                where = match.group(2) or match.group(1).rpartition("/")[2]
                fetched = Value((HOLE,), frozenset({"downloaded"}), host)
                call.writes(Field(known(where), span, where), fetched, "download")
    return UNKNOWN


_MIRROR = re.compile(r"(?:^|[;\n])\s*mirror\s+([^;\n]+)")
_REMOVES = re.compile(r"(?:^|[;\n])\s*(?:m?rm|glob\s+-a\s+rm|rmdir)\s+([^;\n]+)")


def _mirrored(call: Call, text: str) -> None:
    """lftp: mirror with --delete takes away what the source has not; `!` runs a command."""
    for match in _MIRROR.finditer(text):
        words = match[1].split()
        paths = [word for word in words if word[:1] != "-"]
        if "--delete" in words or "--Remove-source-dirs" in words or "-e" in words:
            path = re.sub(r"^~", HOME, paths[-1] if paths else ".")
            gone = Field(known(path), call.shell.span, path)
            call.on_path(EffectKind.DELETE, gone, "recursive", "mirror")
    for match in _REMOVES.finditer(text):
        call.effect(EffectKind.REMOTE_STATE, match[1].split()[-1], "delete")
    for match in re.finditer(r"(?:^|[;\n])\s*!\s*([^\n]+)", text):
        call.run_text(known(match[1]), stdin=EMPTY)


_DROP_VALUES = frozenset("--code -c --relay --pass --expires -t --title -f --format -n -l".split())


def _drop(call: Call) -> Value:
    """croc, wormhole, pastebinit: operands and standard input go to whoever has the link."""
    if call.has("--help", "--version"):
        return UNKNOWN
    taints = set(call.stdin.taints)
    operands = call.parsed(Facts(values=_DROP_VALUES)).operands
    if [o.text for o in operands[:2]] in (["repo", "gc"], ["pin", "rm"], ["files", "rm"]):  # ipfs
        call.effect(EffectKind.REMOTE_STATE, operands[-1].text, "delete")
        return EMPTY
    if operands and operands[0].text in ("receive", "download", "get"):
        return Value((HOLE,), frozenset({"downloaded"}), call.name)
    for where in operands:
        if where.text not in ("send", "upload", "add", "create", "new", "share"):
            taints |= call.reads(where).taints | where.value.taints
    sent(call, call.name, taints)
    return EMPTY


def _swift(call: Call) -> Value:
    """OpenStack's store, or the compiler of the same name."""
    if call.args and call.args[0].text == "delete":
        containers = call.parsed(Facts(values=_VALUES)).operands[1:]
        whole = (WHOLE,) if call.has("-a", "--all") else ()
        target = containers[0].text if containers else "every container of the account"
        call.effect(EffectKind.REMOTE_STATE, target, "cloud", "delete", *whole)
        return EMPTY
    from cli_tuner.shell.programs.interpreters import HANDLERS as LANGUAGES

    return LANGUAGES["swift"](call)


def _publishes(call: Call) -> Value:
    """mosquitto_pub, kcat and their like: a file or a text for everybody who listens."""
    words = [arg.text for arg in call.args if arg.text[:1] != "-"]
    if call.name == "nats" and {"rm", "purge", "delete", "del"} & set(words[1:2]):
        call.effect(EffectKind.REMOTE_STATE, words[-1], "cloud", "delete")
        return EMPTY
    taints = set(call.taints()) | set(call.stdin.taints)
    for option in ("-f", "--file", "-l", "--stdin-file"):
        where = call.after(option)
        if where is not None:
            taints |= call.reads(where).taints
    host = call.after("-h", "--host", "-b", "-s", "--server")
    if taints & CARRIED:
        sent(call, host.text if host is not None else call.name, taints)
    return EMPTY


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        "mosquitto_pub kcat kafkacat nats amqp-publish mqttx zmqcat kafka-console-producer "
        "kafka-console-producer.sh".split(),
        _publishes,
    ),
    "rclone": _rclone,
    "swift": _swift,
    **dict.fromkeys(
        ("ftp", "sftp", "tftp", "lftp", "smbclient", "ncftpput", "curlftpfs"), _session
    ),
    **dict.fromkeys(
        "croc wormhole magic-wormhole ffsend pastebinit ix sprunge dpaste hastebin pastebin-cli "
        "transfer gist jirafeau onionshare-cli telegram-send slackcat notify-send-remote ntfy "
        "ipfs termbin wgetpaste fpaste nopaste plik catbox megaput dropbox_uploader.sh "
        "gdrive gupload skicka mega-put pushbullet qrcp share-file sendgb".split(),
        _drop,
    ),
}
