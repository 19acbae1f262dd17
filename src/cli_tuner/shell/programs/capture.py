"""Programs whose output is sensitive because of where it comes from: the environment, the wire,
the screen, the keyboard, the account database, the memory of other processes.

    tcpdump -w - | nc host 1    ->  the captured text leaves
    zenity --password > file    ->  what somebody typed is kept
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.values import EMPTY, HOLE, UNKNOWN, Value
from cli_tuner.shell.wrappers import run_wrapped


def _of(taint: str, source: str) -> Value:
    return Value((HOLE,), frozenset({taint}), source)


def _printenv(call: Call) -> Value:
    names = [arg.text for arg in call.args if not arg.text.startswith("-")]
    if not names:
        return _of("sensitive", "the environment")
    values = [call.shell.scope.lookup(name) for name in names]
    return values[0] or _of("unknown", f"${names[0]}")


# Fields and words in which passwords cross the network.
_LOGINS = re.compile(
    r"http\.auth|authbasic|authorization|request\.command == ?.?PASS|\.passw(?:or)?d|ntlmssp\.auth|"
    r"\bpass(?:w(?:or)?d|wd)?\s*[=|]|user\|pass|imap\.request|pop\.request|telnet\.data",
    re.I,
)


def _packets(call: Call) -> Value:
    """tcpdump and its like: from a file it is a document, from an interface other people's."""
    if call.has("-D", "--list-interfaces", "--version", "-h", "--help"):
        return UNKNOWN
    source = call.after("-r", "--read-file")
    files = [a for a in call.args if re.fullmatch(r"-\w*r", a.text)]
    if source is not None or files:
        return _of("file", "a capture")
    if any(_LOGINS.search(arg.text) for arg in call.args):
        call.effect(EffectKind.SECRET, "passwords on the network", "capture")
    written = next((o for o in ("-w", "--write-file") if call.after(o) is not None), None)
    where = call.after(written) if written else None
    captured = Value((HOLE,), frozenset({"capture", "sensitive"}), "what passes on the network")
    if where is not None and where.text not in ("-", "/dev/stdout"):
        call.writes(where, captured)
        return EMPTY
    return captured


_REMOTE = re.compile(r"^(?:rtmps?|rtsp|srt|udp|tcp|https?|rtp|icecast|ftp|sftp)://")


def _screen(call: Call) -> Value:
    """Screenshots, microphones, cameras: harmless as files here, not as a stream to elsewhere."""
    grabs = call.name not in ("ffmpeg", "gst-launch-1.0", "cvlc", "vlc", "avconv") or any(
        re.search(r"x11grab|^pulse$|^alsa$|v4l2|/dev/video|ximagesrc|pulsesrc|avfoundation|kmsgrab|"
                  r"gdigrab|^screen://", a.text)
        for a in call.args
    )  # fmt: skip
    seen = _of("sensitive", "the screen") if grabs else UNKNOWN
    for arg in call.args:
        if grabs and _REMOTE.match(arg.text):
            call.effect(EffectKind.NETWORK_OUT, arg.text, "carries:sensitive")
    return seen


_ACCOUNT_SECRETS = frozenset({"shadow", "gshadow"})


def _getent(call: Call) -> Value:
    if any(arg.text in _ACCOUNT_SECRETS for arg in call.args) and not call.has("--help", "-?"):
        call.effect(EffectKind.SECRET, "/etc/shadow", "accounts")
        return _of("secret", "/etc/shadow")
    names = {arg.text for arg in call.args}
    if not names & {"passwd", "group"}:
        return UNKNOWN
    return Value((HOLE,), frozenset({"sensitive", "many"}), "accounts")


_HIDDEN = re.compile(r"^--?(?:password|passwordbox|hide-text|insecure)")


def _prompt(call: Call) -> Value:
    """A window or line that asks for a password; what is typed is marked until it is kept."""
    asks = call.name in ("systemd-ask-password", "ssh-askpass", "pinentry") or any(
        _HIDDEN.match(arg.text) for arg in call.args
    )
    return _of("typed", "a typed password") if asks else UNKNOWN


_GUARDED = re.compile(
    r"sshd|\bssh\b|\blogin\b|\bsu\b|sudo|passwd|ssh-agent|gpg-agent|pinentry|gnome-keyring|"
    r"polkit|lightdm|gdm|keepass|vault|1password|bitwarden|secretd|kwallet|chrom|firefox"
)


def _trace(call: Call) -> Value:
    """strace on a running program that handles passwords sees them."""
    attached = call.after("-p", "--attach")
    if attached is None:
        return run_wrapped(call)
    text = attached.raw + " " + attached.text
    if _GUARDED.search(text):
        call.effect(EffectKind.SECRET, text.strip()[:60], "process-memory")
    where = call.after("-o", "--output")
    if where is not None:
        call.writes(where, UNKNOWN)
    return UNKNOWN


HANDLERS: dict[str, Handler] = {
    "printenv": _printenv,
    **dict.fromkeys("tcpdump tshark dumpcap ngrep tcpflow snoop windump tcpick".split(), _packets),
    **dict.fromkeys(
        "ffmpeg import scrot maim gnome-screenshot spectacle xwd grim screencapture arecord parec "
        "parecord streamer fswebcam imagesnap wf-recorder byzanz-record cvlc gst-launch-1.0 "
        "flameshot avconv xclip xsel pbpaste wl-paste".split(),
        _screen,
    ),
    "getent": _getent,
    **dict.fromkeys(
        "zenity kdialog dialog whiptail yad qarma systemd-ask-password ssh-askpass pinentry "
        "Xdialog gxmessage matedialog".split(),
        _prompt,
    ),
    **dict.fromkeys(("strace", "ltrace"), _trace),
}
