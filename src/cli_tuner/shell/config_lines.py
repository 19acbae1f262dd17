"""Which commands a settings file holds, by its format, and which of its lines turn something off.

    udev rules      ACTION=="add", RUN+="/var/tmp/x"       ->  /var/tmp/x
    apt.conf        APT::Update::Pre-Invoke {"curl x|sh";} ->  curl x|sh
    journald.conf   Storage=none                           ->  the journal is off

Formats are those of the programs' manual pages (udev(7), apt.conf(5), logrotate(8), ssh_config(5),
interfaces(5), modprobe.d(5), aliases(5), journald.conf(5), kernel-command-line(7)). Lines that set
something else mean nothing here. Not covered: formats that include other files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from cli_tuner.records.verdict import EffectKind

if TYPE_CHECKING:
    from cli_tuner.shell.effects import Interpreter

# A file's place -> where its format has a command line.
_COMMANDS = tuple(
    (re.compile(where), re.compile(what, re.M))
    for where, what in (
        (r"/udev/rules\.d/", r'\b(?:RUN|PROGRAM|IMPORT)(?:\{\w+\})?\s*\+?=\s*"([^"]+)"'),
        (
            r"/apt/apt\.conf(?:\.d/|$)",
            r'(?:Pre|Post)-(?:Invoke(?:-\w+)?|Install-Pkgs)\s*(?:::)?\s*\{?\s*"([^"]+)"',
        ),
        (
            r"^/etc/(?:environment$|environment\.d/)|/environment\.d/|/\.pam_environment$",
            r"^\s*(?:export\s+)?(?:BASH_ENV|ENV|PROMPT_COMMAND|LD_PRELOAD|LD_AUDIT)"
            r"(?:\s+(?:DEFAULT|OVERRIDE))?=\s*[\"']?([/~$][^\"'\n]*)",
        ),
        (
            r"/logrotate\.(?:d/|conf$)",
            r"(?:pre|post|first|last)(?:rotate|action)\s+((?:(?!endscript)[^\n])+)",
        ),
        (
            r"/ssh/ssh_config|/\.ssh/config$",
            r"^\s*(?:ProxyCommand|LocalCommand|KnownHostsCommand)[ \t=]+(?!none\b)(.+)$",
        ),
        (
            r"/\.?tmux\.conf$",
            r"\b(?:run-shell|run|if-shell|if)\s+(?:-b\s+)?[\"']?([^\"'\n]+)",
        ),
        (
            r"^/etc/network/interfaces",
            r"^\s*(?:(?:pre|post)-)?(?:up|down)\s+(\S.*)$",
        ),
        (r"^/etc/(?:mail/|postfix/)?aliases$|/\.forward$", r"\|\s*([^\"\n,]+)"),
        (
            r"/\.(?:g?vimrc|exrc)$|/(?:vim|nvim)/.*vim",
            r"(?:^|[\s:|])!\s*(\S.*)$|\bsystem\(['\"]([^'\"]+)",
        ),
        (r"/modprobe\.d/", r"^\s*(?:install|remove)\s+\S+\s+(\S.*)$"),
        (r"/\.npmrc$", r"^\s*(?:script-shell|shell|git|editor|node-options)\s*=\s*(\S.*)$"),
    )
)


def commands_in(path: str, text: str) -> list[str] | None:
    """The command lines that a file of this format would run; None if its format has no settings.

    A shell's start-up file, a crontab or a unit is such a file: all of it is about what runs.
    """
    for where, what in _COMMANDS:
        if where.search(path):
            return [next(g for g in m.groups() if g) for m in what.finditer(text)]
    return None


# What the kernel is told at boot that takes a protection away, or starts something else.
BOOT_ARGUMENTS = re.compile(
    r"(?<![\w.])(?:r?d?init=/|rd\.break\b|selinux=0|enforcing=0|apparmor=0|audit=0|"
    r"security=none|mitigations=off|nokaslr|nosmep|nosmap|nopti|lockdown=none|"
    r"module\.sig_enforce=0|ima_appraise=off|systemd\.debug.shell|"
    r"systemd\.unit=\"?(?:rescue|emergency|poweroff|reboot))"
)
_AUDIT_RULES = r"^/etc/audit/(?:rules\.d/|audit\.rules$)"
# Where, a line that does it, what that is: an effect, its target, its attributes.
_Line: TypeAlias = tuple[re.Pattern[str], re.Pattern[str], EffectKind, str, tuple[str, ...]]
_TURNS_OFF: tuple[_Line, ...] = (
    (
        re.compile(r"^/etc/default/grub|^/etc/kernel/cmdline|^/boot/(?:loader|grub|cmdline|efi)|"
                   r"^/etc/(?:grub\.d|dracut\.conf)"),
        BOOT_ARGUMENTS, EffectKind.BOOT, "the kernel's command line", ("arguments",),
    ),
    (
        re.compile(r"/systemd/journald(?:@\w+)?\.conf"),
        re.compile(r"^\s*(?:Storage\s*=\s*none|Forward\w+\s*=\s*(?:no|false|0)|"
                   r"(?:System|Runtime)MaxUse\s*=\s*\d{1,3}[KkBb]?\s*$|MaxRetentionSec\s*=\s*\d{1,2}s?\s*$|"
                   r"MaxLevelStore\s*=\s*(?:emerg|alert|crit)|Audit\s*=\s*(?:no|false|0))", re.M),
        EffectKind.LOG, "the journal", ("off",),
    ),
    (
        re.compile(r"/logrotate\.(?:d/|conf)"),
        re.compile(r"\brotate\s+0\b(?![\s\S]*\bapp\b)|\bshred\b", re.M),
        EffectKind.LOG, "the rotated logs", ("off",),
    ),
    (
        re.compile(_AUDIT_RULES), re.compile(r"^\s*-(?:D\b|e\s+0)", re.M),
        EffectKind.LOG, "the audit rules", ("off",),
    ),
    (
        re.compile(r"/modprobe\.d/|/modules-load\.d/"),
        re.compile(r"^\s*(?:blacklist|install)\s+(?:ext4|xfs|btrfs|nvme\w*|ahci|libahci|sd_mod|"
                   r"virtio\w*|dm_\w+|overlay|vfat|i2c_hid|xhci_\w+|usbhid|e1000e?|igb|ixgbe)\b",
                   re.M),
        EffectKind.BOOT, "a module that the machine needs", ("modules",),
    ),
    (
        re.compile(r"^/etc/docker/daemon\.json$"),
        re.compile(r"tcp://(?:0\.0\.0\.0|\[::\]|:)|\"(?:userns-remap|icc)\"\s*:\s*(?:\"host\"|true)"),
        EffectKind.CONTAINER, "the container runtime", ("socket",),
    ),
    (
        re.compile(r"^/etc/apt/sources\.list"), re.compile(r"\[[^\]]*trusted=yes[^\]]*\]"),
        EffectKind.PERSIST, "unsigned packages", ("suspect",),
    ),
    (
        re.compile(r"^/etc/apt/apt\.conf"),
        re.compile(r"AllowUnauthenticated\W+(?:true|1)|AllowInsecureRepositories\W+(?:true|1)|"
                   r"Verify-Peer\W+false", re.I),
        EffectKind.FIREWALL, "the check of packages", ("disable",),
    ),
)  # fmt: skip


def lines_that_turn_off(shell: Interpreter, utility: str, path: str, text: str) -> None:
    """Emit what lines in the settings file at `path` turn off."""
    for where, what, kind, target, attributes in _TURNS_OFF:
        if where.search(path) and what.search(text.replace("\\/", "/")):
            shell.emit(kind, utility, target, attributes)
