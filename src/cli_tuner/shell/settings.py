"""What lines mean that are written to settings of the system: sshd, hosts, resolv.conf, sysctl.

Adding a host name or a resolver is administration; letting root log in without a password,
sending updates nowhere or names to a stranger is tampering. Content that the text does not
decide means nothing here; the rules for the file itself decide then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.config_lines import lines_that_turn_off
from cli_tuner.shell.labels import labels_of
from cli_tuner.shell.values import Value

if TYPE_CHECKING:
    from cli_tuner.shell.effects import Interpreter

_SSHD = re.compile(
    r"\bPermitRootLogin\s+yes|\bPermitEmptyPasswords\s+yes|\bForceCommand\s+\S*/(?:tmp|dev/shm|\.)|"
    # Keys that are not in each user's own home, or come from a program nobody knows.
    r"\bAuthorizedKeysFile[ \t]+(?:\S+[ \t]+)*?(?:/(?!\S*%[uh])\S|\S*/\.(?!ssh/)\w)|"
    r"\bAuthorizedKeysCommand\s+(?!/usr/\S*(?:sss|ldap|eic|ec2|google|userdbctl))/|"
    r"\bStrictModes\s+no|\bUsePAM\s+no|\bPermitUserEnvironment\s+yes|\bHostbasedAuthentication\s+yes"
    r"|\bIgnoreRhosts\s+no|\bLogLevel\s+QUIET|\bTrustedUserCAKeys\s+/(?:tmp|home)",
    re.I,
)
# Settings of the SSH server with which nobody gets in any more.
_SSHD_CLOSED = re.compile(
    r"^[ \t]*(?:Deny(?:Users|Groups)[ \t]+(?:\S+[ \t]+)*\*(?:\s|$)|Allow(?:Users|Groups)[ \t]+"
    r"(?:nobody|none|nogroup)[ \t]*$|ListenAddress[ \t]+(?:127\.|localhost|::1|\[::1\])|"
    r"Max(?:Sessions|Startups|AuthTries)[ \t]+0[ \t]*$)",
    re.I | re.M,
)
_SSHD_NO_WAY = (
    re.compile(r"\bPasswordAuthentication\s+no", re.I),
    re.compile(r"\bPubkeyAuthentication\s+no", re.I),
)
# Hosts from which systems and protection are updated, or that everybody trusts.
_TRUSTED_HOST = re.compile(
    r"\b(?:security|update|updates|download|archive|mirror\w*|packages?|repo|deb|rpm|clamav|"
    r"database\.clamav|ocsp|crl|keyserver|telemetry|falcon|sentinel\w*|defender)\.[\w.-]+|"
    r"\b(?:[\w-]+\.)*(?:github|gitlab|google|pypi|npmjs|docker|ubuntu|debian|redhat|fedoraproject|"
    r"microsoft|windowsupdate|apple|virustotal|crowdstrike|sophos|kaspersky|symantec|mcafee|"
    r"letsencrypt|paypal|amazonaws)\.(?:com|org|io|net)\b",
    re.I,
)
KNOWN_RESOLVERS = frozenset(
    "8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220 "
    "94.140.14.14 94.140.15.15 76.76.2.0 64.6.64.6 4.2.2.1 4.2.2.2 84.200.69.80 77.88.8.8 "
    "114.114.114.114 223.5.5.5 1.1.1.2 1.1.1.3".split()
)
_WEB_SHELL = re.compile(
    r"<[?%].*(?:\b(?:eval|system|exec|shell_exec|passthru|assert|popen|proc_open|create_function|"
    r"preg_replace)\s*\(|`|Runtime\.getRuntime).*(?:\$_(?:GET|POST|REQUEST|COOKIE|SERVER)|"
    r"getParameter|Request\b|base64_decode)|<[?%].*`\s*\$_|Runtime\.getRuntime\(\)\.exec\(request",
    re.S,
)
_WEB_PAGE = re.compile(r"\.(?:php\d?|phtml|phar|jspx?|aspx?|cgi|inc)$", re.I)
# Libraries that all programs load, from where anybody can put them.
_OPEN_FOLDER = re.compile(r"^[ \t]*/(?:tmp|var/tmp|dev/shm|home)\b", re.M)
_REMOTE_LOADER = re.compile(r"\bLD_(?:PRELOAD|AUDIT|LIBRARY_PATH)\s*=\s*\S")


def weigh(shell: Interpreter, utility: str, path: str, content: Value) -> None:
    """Emit what the content, now in the file at `path`, changes."""
    text = content.text
    _loads(shell, utility, path, text)
    lines_that_turn_off(shell, utility, path, text)
    if path.startswith(("/etc/exports", "/etc/samba/")):
        from cli_tuner.shell.programs.sharing import exported

        exported(shell, utility, path, text)
    labels = labels_of(path)
    if not labels & {"network", "kernel", "startup"}:
        return
    if "sshd" in path:
        _sshd(shell, utility, path, text)
    elif path in ("/etc/hosts.deny", "/etc/hosts.allow"):
        if re.search(r"\bALL\b", text, re.I):
            shell.emit(EffectKind.FIREWALL, utility, path, ("cut-off",))
    elif path == "/etc/hosts":
        _hosts(shell, utility, path, text)
    elif path == "/etc/resolv.conf":
        from cli_tuner.shell.programs.firewall import public_address

        servers = re.findall(r"^\s*nameserver\s+(\S+)", text, re.M)
        if any(public_address(s) and s not in KNOWN_RESOLVERS for s in servers):
            shell.emit(EffectKind.FIREWALL, utility, path, ("redirect",))
    elif "sysctl" in path or path.startswith("/proc/sys/"):
        _kernel_settings(shell, utility, path, text)


def _loads(shell: Interpreter, utility: str, path: str, text: str) -> None:
    """Code that a server runs for whoever asks, and libraries that all programs load."""
    if _WEB_PAGE.search(path) and _WEB_SHELL.search(text):
        shell.emit(EffectKind.PERSIST, utility, path, ("suspect", "web-shell"))
    loads = _REMOTE_LOADER.search(text) and "startup" in labels_of(path)
    if loads or (path.startswith("/etc/ld.so.conf") and _OPEN_FOLDER.search(text)):
        shell.emit(EffectKind.PERSIST, utility, path, ("suspect", "startup"))


def _sshd(shell: Interpreter, utility: str, path: str, text: str) -> None:
    if _SSHD.search(text):
        shell.emit(EffectKind.ACCOUNT, utility, path, ("set",))
    elif _nobody_gets_in(text):
        shell.emit(EffectKind.ACCOUNT, utility, path, ("locked-out",))


def _nobody_gets_in(text: str) -> bool:
    """Whether these lines of sshd_config close it to everybody, or to every way of logging in."""
    closed = _SSHD_CLOSED.search(text) is not None
    return closed or all(way.search(text) for way in _SSHD_NO_WAY)


def _hosts(shell: Interpreter, utility: str, path: str, text: str) -> None:
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and any(_TRUSTED_HOST.search(name) for name in words[1:]):
            shell.emit(EffectKind.FIREWALL, utility, path, ("redirect",))


def _kernel_settings(shell: Interpreter, utility: str, path: str, text: str) -> None:
    from cli_tuner.shell.programs.kernel import weakens

    lines = text.splitlines()
    if path.startswith("/proc/sys/"):
        name = path.removeprefix("/proc/sys/").replace("/", ".")
        lines = [f"{name}={text.strip()}"]
    if any(weakens(line) for line in lines if "=" in line and not line.lstrip().startswith("#")):
        shell.emit(EffectKind.KERNEL, utility, path, ("hardening",))
