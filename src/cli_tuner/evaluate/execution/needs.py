"""What a command would need that the sandbox does not have.

Known by name where a program exists for that only, and by what was said on standard error where it
turned out. A command that needs something is undecidable, with the reason; it is never "different".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.shell import is_known_utility
from cli_tuner.shell.template import utilities_of

if TYPE_CHECKING:
    from cli_tuner.evaluate.execution.observed import Observed

_BY_NAME = {
    "needs a network": (
        "curl wget ssh scp sftp ftp ping ping6 traceroute tracepath mtr dig nslookup host whois nc "
        "ncat netcat telnet nmap apt apt-get aptitude dnf yum pacman zypper brew snap flatpak pip "
        "pip3 npm yarn gem aria2c lynx w3m elinks links rclone aws gcloud az kubectl helm ansible "
        "mail mailx sendmail mutt ntpdate arp arping ssh-copy-id autossh mosh tcpdump tshark iftop "
        "nethogs iperf iperf3 speedtest-cli youtube-dl yt-dlp"
    ),
    "needs a daemon": (
        "systemctl service journalctl docker podman docker-compose crontab at atq batch mysql "
        "mysqldump psql pg_dump createdb redis-cli mongo mongosh rabbitmqctl virsh lxc loginctl "
        "hostnamectl timedatectl initctl supervisorctl nmcli bluetoothctl dbus-send notify-send"
    ),
    "needs privileges": (
        "mount umount useradd userdel usermod groupadd groupdel groupmod adduser deluser passwd "
        "chpasswd visudo chroot iptables nft ufw firewall-cmd sysctl modprobe insmod rmmod swapon "
        "swapoff mkswap reboot shutdown halt poweroff init telinit setcap chage vipw losetup "
        "cryptsetup lvcreate lvextend vgcreate pvcreate mdadm zpool zfs setenforce update-grub "
        "update-alternatives dpkg-reconfigure dmesg insserv chkconfig rfkill"
    ),
    "needs hardware": (
        "fdisk parted mkfs mkfs.ext4 mkfs.xfs mkfs.vfat fsck e2fsck lsusb lspci lsblk blkid hdparm "
        "smartctl dmidecode lshw sensors eject xrandr xset amixer pactl alsamixer aplay arecord "
        "iwconfig iwlist iw ethtool acpi upower nvidia-smi lp lpr lpq cdrecord wodim badblocks "
        "tune2fs resize2fs xinput setxkbmap import scrot xdotool xclip xsel pbcopy xdg-open"
    ),
    "needs a person": (
        "vi vim nano emacs pico joe less more most man info top htop atop btop watch screen tmux "
        "read select dialog whiptail gdb su login reset fzf vimdiff mc ranger ncdu"
    ),
}
_OF_PROGRAM = {name: reason for reason, names in _BY_NAME.items() for name in names.split()}
_BATCH = {  # how programs for a person are used without one
    "top": re.compile(r"\btop\b.*\s-\w*b"),
    "vim": re.compile(r"\bvim\b.*\s-(?:es|s|c)\b"),
    "read": re.compile(r"\|\s*(?:while|\{|\()|<|\bwhile\b"),
    "less": re.compile(r"\|\s*less\b|\bless\s+\S"),
    "more": re.compile(r"\|\s*more\b|\bmore\s+\S"),
    "pip": re.compile(r"\bpip\s+(?:list|freeze|--version)"),
    "npm": re.compile(r"\bnpm\s+(?:--version|-v|ls|list|pkg|init)\b"),
}
_REMOTE = re.compile(
    r"\b(?:rsync|git clone|svn|hg)\b.*(?:\w+@[\w.-]+:|\b(?!file)\w+://)"
    r"|/dev/tcp/|/dev/udp/"
)
_DEVICE = re.compile(r"/dev/(?:sd|hd|nvme|vd|cdrom|sr|dvd|video|snd|ttyUSB|ttyS|lp|fb|mapper|st\d)")
_ABSENT = re.compile(r"absent program (\S+)")
_SAID = (
    (re.compile(r"(\S+): command not found"), "needs the absent program {0}"),
    (re.compile(r"exec: \"?(\S+?)\"?: .*not found"), "needs the absent program {0}"),
    (re.compile(r"(?:xargs|env|timeout|nice|nohup|find|time): \W?([\w.+-]+)\W?: "
                r"No such file or directory$", re.MULTILINE), "may need the absent program {0}"),
    (re.compile(r"Could not resolve|name resolution|[Nn]etwork is unreachable|Connection refused"
                r"|Name or service not known"), "needs a network"),
    (re.compile(r"[Oo]peration not permitted|changing (?:ownership|group) of|must be root"
                r"|are you root|superuser|not permitted to|Read-only file system"),
     "needs privileges"),
    (re.compile(r"not a tty|not a terminal|Inappropriate ioctl|TERM environment|terminal type"),
     "needs a person"),
)  # fmt: skip


def need_of(command: str) -> str | None:
    """What a command needs that no sandbox has, as far as its text says; None if nothing."""
    for name in utilities_of(command):
        reason = _OF_PROGRAM.get(name)
        batch = _BATCH.get(name)
        if reason and not (batch and batch.search(command)):
            return f"{reason} ({name})"
    if _REMOTE.search(command):
        return "needs a network"
    if _DEVICE.search(command):
        return "needs hardware"
    return None


def lacks_a_program(need: str | None) -> bool:
    """Whether what a candidate needs is a program that exists, only not on this machine.

    A program that nobody knows was made up, and then the candidate is wrong.
    """
    found = _ABSENT.search(need or "")
    return found is not None and is_known_utility(found[1])


def need_said(done: Observed) -> str | None:
    """What a run turned out to need, or why it has no outcome; None if it has one."""
    if done.stopped:
        return f"was stopped ({done.stopped})"
    if not done.known:
        return "killed its own surroundings"
    if not done.failed:
        return None
    if "Permission denied" in done.stderr and not done.says_something:
        return "needs privileges"
    for pattern, reason in _SAID:
        if found := pattern.search(done.stderr):
            return reason.format(*found.groups())
    return None
