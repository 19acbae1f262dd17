"""Which packages a removal names: ones that the system stands on, or all there are.

Covered: names with version, architecture or category; globs, and the regular expressions that
apt takes; groups such as @system; the package list of the machine as data flow. Not covered:
what else goes because it depends on the named one.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.given_code import content_of
from cli_tuner.shell.values import HOLE, QUERY, STAR, UNKNOWN, Value
from cli_tuner.shell.words import Field

_BASE = tuple(
    "bash dash coreutils busybox toybox util-linux mount login passwd shadow shadow-utils sudo "
    "libc6 libc-bin glibc glibc-common musl libgcc libgcc-s1 libstdc++6 libstdc++ libpam0g "
    "libpam-modules pam libssl3 libcrypto3 openssl-libs zlib zlib1g libselinux libselinux1 "
    "systemd systemd-sysv systemd-libs libsystemd0 udev init sysvinit-core sysvinit openrc runit "
    "s6 upstart initscripts dbus dbus-broker polkit dpkg apt apt-utils libapt-pkg6.0 aptitude rpm "
    "rpm-libs yum dnf dnf5 zypper libzypp pacman apk-tools portage pkg opkg xbps eopkg snapd nix "
    "base base-files base-passwd base-system base-layout baselayout alpine-base alpine-baselayout "
    "aaa_base aaa_glibc-solibs etc filesystem setup debianutils bsdutils findutils grep sed gawk "
    "diffutils hostname procps procps-ng psmisc tar gzip bzip2 xz-utils e2fsprogs lvm2 mdadm "
    "cryptsetup grub2 grub-pc grub-efi-amd64 grub-common grub grub2-common shim shim-signed "
    "syslinux systemd-boot efibootmgr initramfs-tools dracut mkinitcpio kmod linux linux-lts "
    "linux-base linux-firmware linux-generic linux-image-generic linux-image-amd64 linux-image "
    "linux-virtual kernel kernel-core kernel-modules kernel-default kernel-ml raspberrypi-kernel "
    "linux-headers openssh-server openssh network-manager networkmanager netbase iproute2 iproute "
    "ifupdown netplan.io systemd-resolved wpa_supplicant isc-dhcp-client dhcpcd python3 "
    "python3-minimal python python3-base perl perl-base ncurses ncurses-base ncurses-bin readline "
    "ca-certificates openssl tzdata gcc-libs ubuntu-minimal ubuntu-standard ubuntu-server "
    "redhat-release centos-release fedora-release rocky-release freebsd-runtime freebsd-kernel "
    "freebsd-clibs os-core libpam-runtime libcrypt1 libmount1 libblkid1 libuuid1 gpgv "
    "debian-archive-keyring ubuntu-keyring util-linux-core sysvinit-utils init-system-helpers "
    "lsb-base e2fslibs".split()
)
_BASES = frozenset(_BASE)
_GROUPS = frozenset(
    "@system @world @base @core @selected @minimal ~i ?installed ~e ?essential ~prequired "
    "~pimportant core minimal-environment base-devel".split()
)
_FAMILIES = re.compile(
    r"(?:linux-(?:image|modules|lts|zen|hardened)|kernel-(?:core|modules|default|generic)|grub|"
    r"systemd|libc6|glibc|openssh-server|python3(?:\.\d+)?-minimal|freebsd-(?:kernel|runtime))\b"
)
_VERSION = re.compile(r"(?:[=<>].*|:\w+|-\d[\w.+~:-]*)$")
_WILD = re.compile(r"[*?.\[\]^$+|]")
_CHANGES = frozenset({"install", "remove"})


def package_effect(call: Call, where: Field, attributes: tuple[str, ...]) -> None:
    """A package is named: installed, or removed, and then which one matters."""
    if "marked-unused" in attributes:
        _marked(call, where)
        return
    if not _CHANGES & set(attributes) or "query" in attributes or "read-only" in attributes:
        return
    if where.text == "-":  # the names come on standard input
        where = replace(where, value=call.stdin)
    if "install" in attributes:
        _from_stranger(call, where)
    name = where.raw if where.text.startswith(HOLE) else where.text
    if name.endswith("-") and "install" in attributes and call.name.startswith("apt"):
        attributes = (*attributes, "remove")  # apt install foo- removes foo
        name = name[:-1]
    found: tuple[str, ...] = ()
    if "remove" in attributes:
        found = tuple(dict.fromkeys(w for text in where.value.texts for w in _standing(text)))
        if "everything" in where.value.taints:
            found = (*found, "all")
        if "essential" in where.value.taints:
            found = (*found, "base")
    call.effect(EffectKind.PACKAGE, name, *attributes, *found)


# A package that anybody on the way can change, or from a host without a name.
_STRANGER = re.compile(r"https?://\d+\.\d+\.\d+\.\d+|(?:http|ftp)://(?!localhost|127\.)")


def _from_stranger(call: Call, where: Field) -> None:
    """A package file that this text fetched: its scripts run as root."""
    content = content_of(call, where)
    if content is not None and "downloaded" in content.taints and _STRANGER.match(content.source):
        call.effect(EffectKind.EXECUTE, content.source, "downloaded")


def _marked(call: Call, where: Field) -> None:
    """A package is marked as not wanted for itself: the next sweep takes it, or all of them."""
    every = "everything" in where.value.taints or "all" in _standing(where.text)
    kinds = ("remove", "all") if every else ("marked",)
    call.effect(EffectKind.PACKAGE, where.raw or where.text, *kinds)


def _query(call: Call) -> Value:
    """dpkg-query: a list that says which packages are essential is a list of those as well."""
    from cli_tuner.shell.dispatch import apply_facts
    from cli_tuner.shell.facts import facts_of

    facts = facts_of("dpkg")
    listed = apply_facts(call, facts) if facts else UNKNOWN
    if any("Essential" in arg.text or "Priority" in arg.text for arg in call.args):
        listed = replace(listed, taints=listed.taints | {"essential"})
    return listed


def _standing(text: str) -> list[str]:
    """`base` if the name is, or covers, a package of the base system; `all` if it covers all."""
    name = text.replace(STAR, "*").replace(QUERY, "?").lower().rpartition("/")[2].rstrip("-")
    if name in _GROUPS or name.lstrip("@") in _GROUPS or text.lower() in _GROUPS:
        return ["all"]
    if HOLE in name:
        return ["base"] if _FAMILIES.match(name) else []
    plain = _VERSION.sub("", name)
    if plain in _BASES or name in _BASES or _FAMILIES.match(name):
        return ["base"]
    if not _WILD.search(name) or len(name) > 80:
        return []
    if not re.sub(r"[*?.^$+]", "", name):
        return ["all"]
    return ["base"] if _covers(name) else []


def _covers(pattern: str) -> bool:
    globbed = pattern.strip("^$").replace(".*", "*")
    if "*" not in globbed and "?" not in globbed:
        return False
    return any(fnmatch.fnmatchcase(base, globbed) for base in _BASES)


HANDLERS: dict[str, Handler] = {"dpkg-query": _query}
