"""Packet filters and interfaces: what a rule does to traffic, not only that there is one.

A rule that accepts or drops everything, a default policy, a flush, an address or a route that is
taken away, and traffic sent to a stranger are told from the ordinary rule for one port. Covered:
the iptables family, nft, ufw, firewall-cmd, ip, ifconfig, route, nmcli, tc.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.values import EMPTY, HOLE, STAR, UNKNOWN, Value
from cli_tuner.shell.words import Field

_MATCHING = frozenset(
    "-s --source --src -d --destination --dst --dport --dports --destination-port --sport "
    "--sports --source-port -m --match -o --out-interface --icmp-type --ctstate --state "
    "--uid-owner --mac-source --string --tcp-flags --syn -f --limit --match-set".split()
)
_ANYWHERE = re.compile(r"^(?:0\.0\.0\.0/0|::/0|0/0|any(?:where)?|Anywhere|0?1?[:-]65535)$")
_PRIVATE = re.compile(
    r"^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|\[?(?:::1|f[cd]|fe80)|:|\d+$)"
)
_SSH = frozenset({"22", "ssh", "OpenSSH", "22/tcp", "ssh/tcp"})
_OUTWARD = _SSH | frozenset({"53", "80", "443", "514", "6514", "domain", "http", "https", "dns"})
_DROPS = frozenset({"DROP", "REJECT", "TARPIT"})
_PHYSICAL = re.compile(r"^(?:eth|en|wl|bond|br-?ex|ib|ens|eno|enp)\w*\d")


def public_address(text: str) -> bool:
    """Whether an address, perhaps with a port, is outside the usual private networks."""
    return bool(re.match(r"^\d+\.\d+\.\d+\.\d+", text)) and not _PRIVATE.match(text)


def _any_of_many(call: Call) -> bool:
    """Whether an argument is any of a list, such as every interface there is."""
    return any(_one_of_many(arg) for arg in call.args)


def _one_of_many(arg: Field) -> bool:
    undecided = HOLE in arg.text or STAR in arg.text
    return undecided and ("many" in arg.value.taints or STAR in arg.text)


def _changes(call: Call, *attributes: str, target: str = "the firewall") -> Value:
    call.effect(EffectKind.FIREWALL, target, *attributes)
    return EMPTY


def _iptables(call: Call) -> Value:
    texts = [arg.text for arg in call.args]
    command = next((t for t in texts if re.match(r"-[AIDRFXPLSZNEC]|--\w", t)), "")
    word = command[:2] if command[1:2] != "-" else command
    if (
        call.has(
            "-L", "-S", "--list", "--list-rules", "-C", "--check", "-h", "--help", "-V", "--version"
        )
        or any(re.fullmatch(r"-[nvxw]*[LS][nvxw]*", t) for t in texts)
        or (word in ("-L", "-S", "-C", "") or re.match(r"-\w*[LS]\w*$", command))
    ):
        return UNKNOWN
    if word in ("-F", "--flush", "-X", "--delete-chain"):
        return _changes(call, "flush")
    if word in ("-P", "--policy"):
        return _changes(call, "rule", "policy")
    if word in ("-Z", "--zero", "-N", "--new-chain"):
        return _changes(call, "rule")
    if word in ("-A", "-I", "--append", "--insert", "-R", "--replace"):
        position = texts.index(command)
        chain = command[2:] if len(command) > 2 and command[1] != "-" else texts[position + 1]
        return _changes(call, "rule", *_reach_of(call, texts, chain))
    if word in ("-D", "--delete"):
        return _changes(call, "rule", *_taken_away(call))
    return _changes(call, "rule")


def _taken_away(call: Call) -> list[str]:
    """What a rule that is deleted by its text stood for."""
    jump = call.after("-j", "--jump")
    target = jump.text if jump is not None else ""
    port = call.after("--dport", "--dports", "--destination-port")
    if target in _DROPS and port is None:
        return ["disable"]
    lets_in = target == "ACCEPT" and port is not None and port.text in _SSH
    return ["cut-off"] if lets_in and call.after("-s", "--source") is None else []


def _reach_of(call: Call, texts: list[str], chain: str) -> list[str]:
    """How much traffic one rule of iptables decides about."""
    jump = call.after("-j", "--jump", "-g", "--goto")
    target = jump.text if jump is not None else ""
    where = call.after("--to-destination", "--to", "--gateway")
    if target in ("DNAT", "TEE", "SNAT", "NETMAP") and where is not None:
        stranger = public_address(where.text) and target != "SNAT"
        return ["redirect"] if stranger else []
    matches = [
        text
        for index, text in enumerate(texts[:-1])
        if text.partition("=")[0] in _MATCHING and not _ANYWHERE.match(texts[index + 1])
    ]
    matches = [m for m in matches if m not in ("-m", "--match")] or [
        texts[i + 1]
        for i, text in enumerate(texts[:-1])
        if text in ("-m", "--match") and texts[i + 1] not in ("tcp", "udp", "multiport", "comment")
    ]
    interface = call.after("-i", "--in-interface", "-o", "--out-interface")
    if interface is not None and not _PHYSICAL.match(interface.text):
        return []
    outward = chain == "OUTPUT"
    port = call.after("--dport", "--dports", "--destination-port")
    ports = set(port.text.split(",")) if port is not None else set()
    if target in _DROPS:
        local = [m for m in matches if m not in ("--dport", "--dports", "--destination-port")]
        known_port = ports & (_OUTWARD if outward else _SSH)
        return ["cut-off"] if not matches or (known_port and not local) else []
    if target == "ACCEPT" and not matches and not outward:
        return ["open-all"]
    return []


def _restore(call: Call) -> Value:
    """iptables-restore, nft -f, pfctl -f: a whole set of rules at once."""
    if call.has("-t", "--test", "--help"):
        return UNKNOWN
    text, source = call.stdin.text, call.stdin.source
    bare = re.search(r":INPUT (?:ACCEPT|DROP)", text) and "-A " not in text
    if source == "/dev/null" or bare or "/dev/null" in [arg.text for arg in call.args]:
        return _changes(call, "flush")
    if "ruleset" in call.stdin.taints and text.strip() == HOLE:
        return _changes(call, "disable")  # the rules there are, without some of them
    return _changes(call, "rule")


def _saved(call: Call) -> Value:
    """iptables-save prints the rules there are; a filter leaves only the taint."""
    where = call.after("-f", "--file")
    if where is not None:
        call.writes(where, UNKNOWN)
        return EMPTY
    return Value((f"# the rules\n{HOLE}",), frozenset({"ruleset"}), "the firewall's rules")


_NFT_NARROW = re.compile(
    r"\b(?:dport|sport|saddr|daddr|state|iif|iifname|oif|oifname|type|mark|l4proto|protocol|limit)\b"
)


def _nft(call: Call) -> Value:
    words = [arg.text for arg in call.args if arg.text not in ("-e", "-a", "-n", "-j", "-s")]
    text = " ".join(words)
    if call.has("-c", "--check", "--help", "-h", "-v"):
        return UNKNOWN
    if words[:1] in (["-f"], ["--file"]):
        text = call.stdin.text if words[1:2] in (["-"], ["/dev/stdin"]) else ""
        return _changes(call, "flush" if re.match(r"\s*flush ruleset\s*$", text) else "rule")
    if re.match(r"(?:list|monitor|describe|export|get)\b", text) or not text:
        return UNKNOWN
    if re.match(r"(?:flush|delete|destroy|reset)\b", text):
        return _changes(call, "flush" if not text.startswith("reset") else "rule")
    if re.search(r"\bpolicy\s+(?:accept|drop)", text):
        return _changes(call, "rule", "policy")
    if re.search(r"\bdnat\b.*\bto\s+(\S+)", text):
        address = re.findall(r"\bto\s+:?([\d.]+)", text)
        return _changes(call, "rule", *(["redirect"] if any(map(public_address, address)) else []))
    if re.match(r"(?:add|insert|replace)\s+rule\b", text) and not _NFT_NARROW.search(text):
        if re.search(r"\b(?:accept)\b", text) and "output" not in text:
            return _changes(call, "rule", "open-all")
        if re.search(r"\b(?:drop|reject)\b", text):
            return _changes(call, "rule", "cut-off")
    return _changes(call, "rule")


def _ufw(call: Call) -> Value:
    words = [a.text for a in call.args if not a.text.startswith("-")]
    if call.has("--dry-run", "--help", "-h") or words[:1] in (
        [],
        ["status"],
        ["show"],
        ["version"],
        ["app"],
    ):
        return UNKNOWN
    verb, rest = words[0], words[1:]
    if verb in ("disable", "reset") or words[:2] == ["logging", "off"]:
        return _changes(call, "disable")
    if verb == "default":
        opens = "allow" in rest and not {"outgoing", "routed"} & set(rest)
        cuts = {"deny", "reject"} & set(rest) and "outgoing" in rest
        return _changes(call, "rule", *(["open-all"] if opens else ["cut-off"] if cuts else []))
    if verb in ("insert", "prepend", "route"):
        rest = rest[1:] if verb == "insert" else rest
        verb, rest = (rest[:1] or [""])[0], rest[1:]
    specific = [
        w for w in rest if w not in ("from", "to", "any", "in", "out", "proto", "tcp", "udp", "on",
                                     "log", "port", "comment") and not _ANYWHERE.match(w)
        and not re.match(r"0?1?:65535(?:/\w+)?$", w)
    ]  # fmt: skip
    if verb == "allow" and not specific and "out" not in rest and rest:
        return _changes(call, "rule", "open-all")
    if verb in ("deny", "reject") and rest:
        cut = (set(specific) & (_OUTWARD if "out" in rest else _SSH)) or not specific
        narrowed = len(specific) > 1
        return _changes(call, "rule", *(["cut-off"] if cut and not narrowed else []))
    return _changes(call, "rule")


_WIDE_PORTS = re.compile(r"--add-port=0?1?-65535")


def _firewalld(call: Call) -> Value:
    text = " ".join(arg.text for arg in call.args)
    if call.has("--panic-on", "--reset-to-defaults") or re.search(
        r"--set-default-zone[= ]trusted|--zone[= ]trusted --(?:add|change)|--set-target[= ]ACCEPT|"
        r"--remove-lockdown|--lockdown-off|--set-log-denied[= ]off", text
    ):  # fmt: skip
        return _changes(call, "disable")
    if _WIDE_PORTS.search(text) or re.search(
        r"0\.0\.0\.0/0.*accept(?!.*port)|--add-source=0\.0\.0\.0/0.*trusted", text
    ):
        return _changes(call, "rule", "open-all")
    if re.search(
        r"--remove-service[= ]ssh|--set-target[= ](?:DROP|REJECT)|--set-default-zone[= ]drop|"
        r"--remove-port[= ]22/", text
    ):  # fmt: skip
        return _changes(call, "rule", "cut-off")
    address = re.search(r"toaddr=([\d.]+)", text)
    if address and public_address(address[1]):
        return _changes(call, "rule", "redirect")
    if re.search(
        r"--(?:add|remove|change|set|new|delete|reload|complete|runtime-to|direct|panic-off)", text
    ):
        return _changes(call, "rule")
    return UNKNOWN


_BLACKHOLE = re.compile(r"\b(?:blackhole|unreachable|prohibit) (?:default|0\.0\.0\.0/0|0/0|::/0)")


def _ip(call: Call) -> Value:
    """ip: links, addresses and routes."""
    words = [a.text for a in call.args if not re.match(r"-(?:\d|s|c|br|j|p|o|d|all|brief)", a.text)]
    if words[:1] in (["-n"], ["-netns"]):
        return UNKNOWN
    kind = (words[:1] or [""])[0]
    verb = next((w for w in words[1:] if w not in ("dev",)), "")
    rest = words[2:]
    name = next((w for w in rest if _PHYSICAL.match(w)), None) or (rest[-1:] or [kind])[0]
    if verb in ("", "show", "list", "ls", "get", "help", "save", "monitor", "sh", "lst"):
        return Value((HOLE,), frozenset({"many"}), "all interfaces")
    if kind.startswith(("a", "ro", "r")) and kind[:2] != "ru" and verb.startswith("f"):
        return _changes(call, "network", "cut-off", target=name)
    if kind.startswith("r") and kind[:2] != "ru" and verb.startswith("d") and "default" in rest:
        return _changes(call, "network", "cut-off", target="the default route")
    if kind.startswith("r") and kind[:2] != "ru" and _BLACKHOLE.search(" ".join(rest)):
        return _changes(call, "network", "cut-off", target="every route")
    down = verb.startswith("s") and "down" in words
    many = _any_of_many(call)
    if kind.startswith("l") and (verb.startswith("d") or down) and (_PHYSICAL.match(name) or many):
        return _changes(call, "network", "cut-off", target=name)
    if kind.startswith(("l", "a", "r", "n", "x", "tun", "mac", "tu", "vrf")):
        if kind in ("netns", "vrf") and verb in ("add", "exec", "identify"):
            if verb == "exec" and len(call.args) > 3:
                index = next(i for i, a in enumerate(call.args) if a.text == "exec")
                return call.run(call.args[index + 2 :])
            return UNKNOWN
        return _changes(call, "network", target=name)
    return UNKNOWN


def _ifconfig(call: Call) -> Value:
    words = [arg.text for arg in call.args]
    if len(words) < 2 or words[0].startswith("-"):
        return UNKNOWN
    down = "down" in words and (_PHYSICAL.match(words[0]) or _any_of_many(call))
    cut = words[1] in ("0.0.0.0", "delete", "0") or down  # noqa: S104  an address, not a bind
    return _changes(call, "network", *(["cut-off"] if cut else []), target=words[0])


def _route(call: Call) -> Value:
    words = [arg.text for arg in call.args if not re.match(r"-(?:n|4|6|v|e|ee)$", arg.text)]
    verb = (words[:1] or [""])[0]
    if verb not in ("add", "del", "delete", "flush", "change", "-f"):
        return UNKNOWN
    cut = verb in ("flush", "-f") or (
        verb in ("del", "delete") and {"default", "0.0.0.0"} & set(words)  # noqa: S104  the default route
    )
    return _changes(call, "network", *(["cut-off"] if cut else []), target="the routes")


_NMCLI_CUTS = re.compile(
    r"^(?:n(?:et\w*)? off|networking off|radio (?:all|wifi) off|r(?:adio)? a\w* off|"
    r"con\w* (?:down|delete)|c (?:down|delete)|dev\w* (?:disconnect|delete)|d (?:dis\w*|del\w*))\b"
)


def _nmcli(call: Call) -> Value:
    text = " ".join(a.text for a in call.args if not a.text.startswith("-"))
    if _NMCLI_CUTS.match(text):
        whole = re.match(r"(?:n\w* off|networking off|r\w* a\w* off)", text) or _any_of_many(call)
        return _changes(call, "network", *(["cut-off"] if whole else []), target="the network")
    if re.match(r"(?:con\w*|c|dev\w*|d|g\w*) (?:mod\w*|add|set|up|hostname)\b", text):
        resolver = re.search(r"ipv[46]\.dns\s+(\S+)", text)
        stranger = resolver is not None and _strange_resolver(resolver[1])
        return _changes(call, "network", *(["redirect"] if stranger else []), target="the network")
    if _NMCLI_SECRET.search(" ".join(a.text for a in call.args)):
        return Value((HOLE,), frozenset({"secret", "shown"}), "the network's password")
    return Value((HOLE,), frozenset({"many"}), "all connections")


_NMCLI_SECRET = re.compile(
    r"(?:^|\s)(?:-s|--show-secrets)\s(?=.*\bcon?\w*\b|.*\bdev\w*\b)|\bshow-password\b|wifi show"
)


def _strange_resolver(text: str) -> bool:
    from cli_tuner.shell.settings import KNOWN_RESOLVERS

    return any(public_address(a) and a not in KNOWN_RESOLVERS for a in re.split(r"[,\s]+", text))


def _resolvers(call: Call) -> Value:
    """resolvectl dns LINK SERVER..., resolvconf -a: who answers for names."""
    words = [arg.text for arg in call.args]
    sets = words[:1] == ["dns"] and len(words) > 2
    sets = sets or (call.name == "resolvconf" and "-a" in words)
    if not sets:
        return UNKNOWN
    named = " ".join(words[2:]) + " " + " ".join(re.findall(r"nameserver\s+(\S+)", call.stdin.text))
    stranger = _strange_resolver(named)
    return _changes(call, "network", *(["redirect"] if stranger else []), target="the resolver")


def _tc(call: Call) -> Value:
    text = " ".join(arg.text for arg in call.args)
    if not re.search(r"\b(?:add|replace|change|del|delete)\b", text):
        return UNKNOWN
    loss = re.search(r"\b(?:loss|corrupt|duplicate)\s+(?:random\s+)?(\d+)", text)
    delay = re.search(r"\bdelay\s+(\d+)(m?s|us)?", text)
    rate = re.search(r"\brate\s+(\d+)(?:bit|bps|kbit)\b", text)
    cut = loss is not None and int(loss[1]) >= 50
    if delay is not None and delay[2] != "us":
        cut = cut or int(delay[1]) * (1000 if delay[2] == "s" else 1) >= 5_000
    cut = cut or bool(rate and int(rate[1]) <= 8)
    cut = cut or bool(re.search(r"\baction\s+drop\b|\bmirred\b", text))
    return _changes(call, "network", *(["cut-off"] if cut else []), target="the network")


def _arp(call: Call) -> Value:
    if call.has("-s", "-d", "-f"):
        return _changes(call, "network", target="the neighbour table")
    return UNKNOWN


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(
        "iptables ip6tables ebtables arptables iptables-legacy iptables-nft ip6tables-legacy "
        "ip6tables-nft".split(), _iptables
    ),
    **dict.fromkeys(
        "iptables-restore ip6tables-restore iptables-legacy-restore iptables-nft-restore".split(),
        _restore,
    ),
    **dict.fromkeys(
        "iptables-save ip6tables-save iptables-legacy-save iptables-nft-save".split(), _saved
    ),
    **dict.fromkeys(("resolvectl", "resolvconf", "systemd-resolve"), _resolvers),
    "nft": _nft,
    "ufw": _ufw,
    **dict.fromkeys(("firewall-cmd", "firewall-offline-cmd"), _firewalld),
    "ip": _ip,
    "ifconfig": _ifconfig,
    "route": _route,
    "nmcli": _nmcli,
    "tc": _tc,
    "arp": _arp,
}  # fmt: skip
