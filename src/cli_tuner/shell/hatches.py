"""Ways out of a program: options, settings and variables whose value is run as a command.

Under `sudo` they turn the right to run one program into the right to run any; without it they
hide a command inside another. Covered: the options below, of programs that are often allowed by
a sudo rule, settings of ssh, git, apt and rsync, and variables that name a program. What runs is
judged as any other command. Not covered: programs that ask for the command on the terminal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.config_lines import BOOT_ARGUMENTS
from cli_tuner.shell.paths import resolved
from cli_tuner.shell.programs.sharing import STORES, store_opened
from cli_tuner.shell.values import EMPTY, Value, known

if TYPE_CHECKING:
    from cli_tuner.shell.call import Call

# Options whose argument is a command line, by program.
_RUNS = {
    "zip": "-TT --unzip-command",
    "man": "-P --pager -H --html",
    "tcpdump": "-z",
    "rsync": "-e --rsh --rsync-path",
    "scp": "-S",
    "sftp": "-S",
    "split": "--filter",
    "sort": "--compress-program",
    "openvpn": "--up --down --tls-verify --route-up --ipchange",
    "pppd": "connect disconnect pty",
    "dhclient": "-sf",
    "udhcpc": "-s --script",
    "xterm": "-e",
    "gnome-terminal": "-e",
    "konsole": "-e",
    "rpm": "--pipe",
    "restic": "--password-command",
    "borg": "--rsh",
    "rclone": "--password-command",
    "x11vnc": "-afteraccept -gone -accept",
    "tar": "-I --use-compress-program --to-command --info-script --new-volume-script --rsh-command"
    " --rmt-command",
    "bsdtar": "--use-compress-program",
    "gem": "-e",
    "fzf": "--preview",
    "rg": "--pre",
    "vagrant": "-c --command",
    "gcloud": "--command",
    "doctl": "--ssh-command",
    "cf": "-c --command",
    "az": "--scripts --exec-command",
    "aws": "--command",
    "flyctl": "-C --command",
    "fly": "-C --command",
}
# A setting inside an argument: `-o Name=command`, `APT::...::=command`, `Name command`.
_SETTING = re.compile(
    r"^-?(?:o|c)?\s*(?:ProxyCommand|LocalCommand|KnownHostsCommand|PKCS11Provider|Proxy_?command|"
    r"APT::(?:Update|NoDownload)?(?:::)?(?:Pre|Post)-Invoke(?:-Success)?(?:::)?|"
    r"DPkg::(?:Pre|Post)-(?:Invoke|Install-Pkgs)(?:::)?|Dir::Bin::\w+|"
    r"core\.(?:pager|editor|sshCommand|fsmonitor|hooksPath|askPass|gitProxy)|sequence\.editor|"
    r"diff\.external|diff\.\w+\.(?:textconv|command)|merge\.\w+\.driver|filter\.\w+\.\w+|"
    r"credential\.helper|gpg\.program|uploadpack\.packObjectsHook|pager\.\w+)"
    r"(?:\s*=\s*|\s+)(?P<command>\S.*)$",
    re.I | re.S,
)
_SETTING_PROGRAMS = frozenset(
    "ssh scp sftp autossh sshfs apt apt-get aptitude dpkg git rsync sshpass".split()
)
# Programs that give a shell when `!/bin/sh` is typed, or piped in.
_PAGERS = frozenset(
    "less more man git journalctl systemctl ftp ed vi vim view nano mail mailx psql mysql gdb "
    "sqlite3 lftp aws dpkg rpm yum apt apt-get ul pg most crontab timedatectl hostnamectl "
    "loginctl dmesg service info pinfo telnet sftp cobc byebug irb pry".split()
)
_BANG = re.compile(r"(?:^|\n)\s*\+?[:\\]?!\s*(?P<command>\S[^\n]*)")
_EXPLOIT = re.compile(
    r"dirty[-_]?(?:cow|pipe|cred|sock)|pwnkit|cve[-_]\d{4}[-_]\d{3,}|baron[-_]?samedit|"
    r"sudo[-_]?(?:edit[-_])?(?:exploit|pwn|hax)|overlayfs[-_]?(?:exploit|poc)|getroot|"
    r"looney[-_]?tunables|priv(?:ilege)?[-_]?esc(?:alation)?|local[-_]?root|rootshell|"
    r"gameover[-_]?lay|polkit[-_]?(?:exploit|pwn)|ptrace[-_]?exploit|stackrot|\bexploit(?:\.\w+)?$|"
    r"rootkit",
    re.I,
)
_FLOODS = frozenset({"ping", "ping6", "hping3", "nping"})
_DEFENDER = re.compile(
    r"(?:Set|Add)-MpPreference\b(?=.*(?:-Disable|-Exclusion|Default))|Uninstall-WindowsFeature.*Def|"
    r"Set-NetFirewallProfile\b.*-Enabled\s+(?:False|0)|Stop-Service.*(?:WinDefend|mpssvc|Sense)|"
    r"Set-Service.*(?:WinDefend|mpssvc).*Disabled|Remove-MpThreat|Disable-WindowsOptionalFeature.*D"
    r"efender|netsh\s+advfirewall\s+set\b.*\boff|DisableAntiSpyware|vssadmin\S*\s+delete",
    re.I | re.S,
)
_EVENT_LOG = re.compile(
    r"Clear-EventLog|Remove-EventLog|wevtutil\S*\s+cl\b|Clear-History|HistorySave"
    r"Style\s+SaveNothing",
    re.I,
)
_FETCHED_AND_RUN = re.compile(
    r"(?:\biwr\b|\birm\b|Invoke-WebRequest|Invoke-RestMethod|DownloadString|\bcurl\b|\bwget\b).*"
    r"\|\s*(?:iex\b|Invoke-Expression)|\b(?:iex|Invoke-Expression)\b.*(?:\biwr\b|\birm\b|Download"
    r"String|Invoke-WebRequest|Invoke-RestMethod)",
    re.I | re.S,
)
_POWERSHELL = frozenset({"pwsh", "powershell", "cmd"})
# What a cloud or the kernel's command line uses to watch and to protect.
_WATCHERS = {
    "aws": re.compile(
        r"guardduty (?:delete|disassociate|stop|update-detector.*--no-enable)\S*|"
        r"cloudtrail (?:stop-logging|delete-trail)|securityhub (?:disable|delete)\S*|"
        r"configservice (?:stop|delete)-\S*|ec2 delete-flow-logs|inspector2 disable|"
        r"accessanalyzer delete-\S*|macie2 disable\S*|cloudtrail update-trail.*--no-\S+|"
        r"cloudtrail put-event-selectors.*(?:None|Events\W+false)|"
        r"logs delete-log-\S+.*(?:cloudtrail|audit|flow|vpc)|"
        r"logs put-retention-policy.*retention-in-days[= ]1\b|"
        r"s3api put-bucket-logging.*logging-status \{\}"
    ),
    "gcloud": re.compile(r"logging (?:sinks|logs) delete|scc \S+ (?:delete|disable)"),
    "az": re.compile(
        r"monitor (?:diagnostic-settings|log-profiles|log-analytics workspace) delete|"
        r"security \S+ delete"
    ),
    **dict.fromkeys(("grubby", "kernelstub", "rpm-ostree"), BOOT_ARGUMENTS),
}
_AGENTS = (
    r"falco|fluentd?|fluent-bit|filebeat|datadog|wazuh|crowdstrike|sysdig|tetragon|promtail|"
    r"gatekeeper|kyverno|trivy-operator|sentinel\w*|osquery|twistlock|aqua|neuvector|audit\w*"
)
_WATCHERS |= {
    "auditctl": re.compile(r"-[aA]\s+(?:never|exclude)|-b\s+0\b|-f\s+0\b"),
    "kubectl": re.compile(
        rf"\bdelete\b.*\b(?:{_AGENTS})\b|\bdelete (?:netpol|networkpolic\w+)\b.*(?:--all\b|-A\b)|"
        r"\bscale\b.*\b(?:falco|gatekeeper|kyverno)\b.*=0"
    ),
    "helm": re.compile(rf"^(?:uninstall|delete|del|un)\b.*\b(?:{_AGENTS})\b"),
    "calicoctl": re.compile(r"\bdelete (?:gnp|np|globalnetworkpolic\w+|networkpolic\w+)"),
}
_RIGHTS = {
    "aws": re.compile(r"iam (?:attach|put)-(?:user|role|group)-policy.*Admin"),
    "gcloud": re.compile(r"add-iam-policy-binding.*roles/(?:owner|editor|iam\.securityAdmin)"),
    "az": re.compile(r"role assignment create.*(?:Owner|Administrator)"),
    "kubectl": re.compile(r"create (?:cluster)?rolebinding.*cluster-admin"),
}
_COMPILERS = frozenset({"gcc", "cc", "g++", "clang", "tcc", "musl-gcc"})
_NAMED = frozenset(
    {
        "curl",
        "wget",
        "sudoedit",
        *_WATCHERS,
        *_RIGHTS,
        *STORES,
        "nmap",
        *_FLOODS,
        *_POWERSHELL,
        *_COMPILERS,
        *_RUNS,
        *_SETTING_PROGRAMS,
        *_PAGERS,
    }
)


def noticed(call: Call) -> None:
    """Run what the arguments make the program run; called before the program itself is judged."""
    name = call.name
    if name not in _NAMED:
        return
    if name in ("curl", "wget"):
        from cli_tuner.shell.programs.containers import socket_request
        from cli_tuner.shell.programs.escapes import api_request

        socket_request(call)
        api_request(call)
    for option in _RUNS.get(name, "").split():
        where = call.after(option)
        if where is not None and not call.has("--help"):
            _run(call, where.value)
    if name in _SETTING_PROGRAMS:
        _settings(call)
    if name in _PAGERS and call.shell.as_root and (match := _BANG.search(call.stdin.text)):
        _run(call, known(match["command"]))
    if name in _COMPILERS:
        _compiled(call)
    if name in _FLOODS and (call.has("--flood", "-f") or (name == "nping" and call.has("--rate"))):
        call.effect(EffectKind.FIREWALL, "the network", "attack")
    if name in _POWERSHELL:
        _windows(call)
    watched = _WATCHERS.get(name)
    if watched is not None and (match := watched.search(" ".join(a.text for a in call.args))):
        call.effect(EffectKind.FIREWALL, match[0], "disable")
    _gains(call)
    if name == "sudoedit" and call.has("-s") and any(a.text.endswith("\\") for a in call.args):
        # The overflow of CVE-2021-3156 needs a lone backslash at the end of an argument.
        call.effect(EffectKind.PRIVILEGE, "root", "exploit")


def _gains(call: Call) -> None:
    """Administrators of a cloud, and scripts that a scanner runs as root."""
    name = call.name
    if name in STORES:
        store_opened(call)
    rights = _RIGHTS.get(name)
    if rights and rights.search(" ".join(a.text for a in call.args)) and not call.has("--dry-run"):
        call.effect(EffectKind.ACCOUNT, "the cloud's administrators", "admin-group")
    if name == "nmap" and call.shell.as_root and (where := call.after("--script")) is not None:
        path = where.text
        if "/tmp/" in path or resolved(path, call.shell.cwd) in call.shell.files:  # noqa: S108
            call.effect(EffectKind.PRIVILEGE, "root", "escape")


def _settings(call: Call) -> None:
    for arg in call.args:
        match = _SETTING.match(arg.text)
        if match is not None:
            _run(call, known(match["command"].strip().strip('"').lstrip("!; ")))


def _run(call: Call, code: Value) -> None:
    if call.shell.as_root and re.match(r"/(?:tmp|var/tmp|dev/shm)/", code.text):
        call.effect(EffectKind.PRIVILEGE, code.text, "escape")
    # Not by the program's own name: `sudo ssh host sh` is honest, its ProxyCommand is not.
    call.shell.run_text(code, f"{call.name} option", EMPTY)


def _compiled(call: Call) -> None:
    source = next((arg.text for arg in call.args if _EXPLOIT.search(arg.text)), None)
    if source is not None and not call.has("--help"):
        call.effect(EffectKind.PRIVILEGE, source, "exploit")


def _windows(call: Call) -> None:
    """What PowerShell is told to do with Windows' protection and its records."""
    text = " ".join(arg.text for arg in call.args)
    if _DEFENDER.search(text):
        call.effect(EffectKind.FIREWALL, "Windows' protection", "disable")
    if _FETCHED_AND_RUN.search(text):
        call.effect(EffectKind.EXECUTE, "what it downloads", "downloaded")
    elif re.search(r"(?:^|\s)-(?:e|ec|enc|encodedcommand)\s+[\w+/=]{16,}", text, re.I):
        call.effect(EffectKind.EXECUTE, "an encoded command", "decoded")
    if _EVENT_LOG.search(text):
        call.effect(EffectKind.LOG, "the event log", "clear")


def is_exploit(name: str) -> bool:
    """Whether a program is named after a known way to become root."""
    return _EXPLOIT.search(name) is not None


_GIT_RUNS = re.compile(
    r"^(?:core\.(?:sshCommand|fsmonitor|hooksPath|pager|editor|askPass|gitProxy)|"
    r"init\.templateDir|credential(?:\..*)?\.helper|diff\.external|pager\.\w+|gpg\.program|"
    r"filter\..*\.(?:clean|smudge|process)|alias\.\w+)$",
    re.I,
)
_HIDDEN = re.compile(
    r"/(?:tmp|var/tmp|dev/shm)/|/\.(?:cache|local/share)/|/\.(?!git|hook|config)[\w-]+$|\b(?:curl|wget|nc|base64)\b|/dev/tcp/"
)


def configured(call: Call, key: str, value: str) -> None:
    """git config: a value that git runs on each later call, from a place nobody looks at."""
    if _GIT_RUNS.match(key) and _HIDDEN.search(value):
        call.effect(EffectKind.PERSIST, key, "suspect")
    if key.lower().endswith("sslverify") and value.lower() in ("false", "0", "no", "off"):
        call.effect(EffectKind.FIREWALL, "whom git trusts", "network")
