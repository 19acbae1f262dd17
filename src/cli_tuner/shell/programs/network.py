"""Programs that fetch, send and connect."""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler, Parsed
from cli_tuner.shell.facts import Facts
from cli_tuner.shell.programs.leaks import leaked_variables, steals_identity
from cli_tuner.shell.programs.web_stores import (
    deletes_by_query,
    empties_everything,
    loses_everything,
)
from cli_tuner.shell.programs.wholesale import WHOLE
from cli_tuner.shell.values import EMPTY, HOLE, HOME, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

_CARRIED = frozenset({"secret", "sensitive", "dump"})

_CURL = Facts(
    flags={"-O": "named", "--remote-name": "named", "-J": "named", "-I": "head", "--head": "head",
           "-k": "insecure"},
    values=frozenset(
        "-H --header -A --user-agent -u --user -e --referer -m --max-time -w --write-out -x "
        "--proxy --connect-timeout --retry --retry-delay -E --cert --key --cacert -c --cookie-jar "
        "-b --cookie -r --range -C --continue-at --limit-rate --resolve -D --dump-header "
        "--interface --max-redirs "
        "--ciphers --output-dir -z --unix-socket --socks5 --socks5-hostname -y -Y --trace-ascii "
        "--oauth2-bearer --capath --dns-servers --proto --tls-max".split()
    ),
    options={"-o": "write", "--output": "write", "-d": "skip", "--data": "skip", "-F": "skip",
             "--data-binary": "skip", "--data-raw": "skip", "--data-urlencode": "skip",
             "--form": "skip", "-T": "skip", "--upload-file": "skip", "-X": "skip",
             "--request": "skip", "-K": "skip", "--config": "skip", "--json": "skip",
             "--data-ascii": "skip", "--url": "skip", "--form-string": "skip"},
)  # fmt: skip
_BODY = ("-d", "--data", "--data-binary", "--data-raw", "--data-urlencode", "-F", "--form",
         "-T", "--upload-file", "--json", "--data-ascii")  # fmt: skip


def _curl(call: Call) -> Value:
    """curl: what it fetches, where that goes, and what it sends."""
    if call.has("--version", "-V", "--help"):
        return UNKNOWN
    parsed = call.parsed(_CURL)
    urls = [u for u in parsed.operands if u.text]
    for option, value in parsed.arguments:
        if option == "--url":
            urls.append(value)
        elif option in _BODY:
            _sends(call, option, value, urls)
    _argument_leak(call, urls)
    if steals_identity([url.text for url in urls]):
        call.effect(EffectKind.SECRET, _name(urls), "instance-credentials")
        return Value((HOLE,), frozenset({"secret", "downloaded"}), _name(urls))
    method = parsed.argument("-X", "--request")
    if method is not None and method.text.upper() in ("DELETE", "PUT", "PATCH"):
        _changes_state(call, method.text.upper(), urls)
    _statements(call, [v.text for o, v in parsed.arguments if o in _BODY], urls)
    source = _name(urls)
    local = next((u for u in urls if u.text.startswith("file://")), None)
    if local is not None:
        fetched = call.reads(Field(known(local.text[7:]), local.span, local.raw))
    else:
        fetched = Value((HOLE,), frozenset({"downloaded"}), source)
        call.effect(EffectKind.NETWORK_IN, source)
    target = parsed.argument("-o", "--output")
    if "named" in parsed.attributes:
        for url in urls:
            name = url.text.split("?")[0].rstrip("/").rpartition("/")[2] or "index.html"
            call.writes(Field(known(name), url.span, name), fetched, "download")
        return EMPTY
    if target is not None and target.text not in ("-", "/dev/stdout"):
        call.writes(target, fetched, "download")
        return EMPTY
    return Value((HOLE,)) if "head" in parsed.attributes else fetched


_OWN_MACHINE = re.compile(
    r"(?:https?://)?(?:localhost|127(?:\.\d+){3}|\[::1\])(?::(\d+))?(?:[/?]|$)"
)
# Where stores, clusters and runtimes answer; on other ports of this machine runs what one develops.
_STORE_PORTS = frozenset(
    "2375 2376 2379 5984 6333 6443 7474 8001 8086 8123 8200 8500 8983 9200 9201 10250".split()
)


def _changes_state(call: Call, method: str, urls: list[Field]) -> None:
    """A request that deletes or replaces something, unless it goes to a program of one's own."""
    texts = [url.text for url in urls]
    ports = [match[1] for text in texts if (match := _OWN_MACHINE.match(text))]
    if texts and len(ports) == len(texts) and not _STORE_PORTS & set(ports):
        return
    every = method == "DELETE" and loses_everything(texts)
    whole = (WHOLE,) if every else ()
    call.effect(EffectKind.REMOTE_STATE, _name(urls), method.lower(), *whole)


def _statements(call: Call, bodies: list[str], urls: list[Field]) -> None:
    """A database that takes its statements from a request, or deletes what a query finds."""
    from cli_tuner.shell.programs.databases import loses_all

    if any("drop" in body.lower() and loses_all(body) for body in bodies):
        call.effect(EffectKind.REMOTE_STATE, _name(urls), "database", "delete", WHOLE)
    elif deletes_by_query(url.text for url in urls):
        whole = (WHOLE,) if empties_everything(url.text for url in urls) else ()
        call.effect(EffectKind.REMOTE_STATE, _name(urls), "delete", *whole)


def _name(urls: list[Field]) -> str:
    return urls[0].raw.strip("'\"") if urls else "the network"


def _sends(call: Call, option: str, value: Field, urls: list[Field]) -> None:
    text = value.text
    path = ""
    if option in ("-T", "--upload-file"):
        path = text
    elif option in ("-F", "--form") and (match := re.search(r"=[@<]([^;]+)", text)):
        path = match.group(1)
    elif text.startswith("@") and option != "--data-raw":
        path = text[1:]
    elif option == "--data-urlencode" and "@" in text:
        path = text.partition("@")[2]
    carried = set(value.value.taints & _CARRIED)
    if path in ("-", "."):
        carried |= call.stdin.taints & _CARRIED
        carried.add("input")
        for name in leaked_variables([Field(call.stdin, value.span, "")], _name(urls)):
            call.effect(EffectKind.NETWORK_OUT, f"${name}", "carries:secret")
    elif path:
        carried |= call.reads(Field(known(path), value.span, path)).taints & _CARRIED
        carried.add("file")
    attributes = ("carries:" + taint for taint in sorted(carried))
    call.effect(EffectKind.NETWORK_OUT, _name(urls), *attributes)


_NAMED_HOST = re.compile(r"^[\"']?https://(?!\d+\.\d+\.\d+\.\d+)")
_CREDENTIAL_HEADER = re.compile(
    r"^(?:Authorization|Private-Token|X-\w*-?(?:Key|Token)|api-?key)\s*:", re.I
)


def _presented(call: Call, index: int, hosts: list[Field]) -> bool:
    """Whether a stored credential is shown to a host as what it is, and not as data."""
    arg = call.args[index]
    before = call.args[index - 1].text if index else ""
    credential = before in ("-u", "--user", "--oauth2-bearer") or (
        before in ("-H", "--header") and _CREDENTIAL_HEADER.match(arg.text)
    )
    named = bool(hosts) and _NAMED_HOST.match(hosts[0].raw) is not None
    return bool(credential) and named and "shown" in arg.value.taints


def _argument_leak(call: Call, hosts: list[Field]) -> None:
    """Secrets inside an address or a header leave with the request."""
    for name in leaked_variables(call.args, _name(hosts)):
        call.effect(EffectKind.NETWORK_OUT, f"${name}", "carries:secret")
    for index, arg in enumerate(call.args):
        carried = arg.value.taints & _CARRIED
        if carried and not _presented(call, index, hosts):
            found = ("carries:" + taint for taint in sorted(carried))
            call.effect(EffectKind.NETWORK_OUT, _name(hosts), *found)


_WGET = Facts(
    flags={"--spider": "head"},
    values=frozenset(
        "-U --user-agent --header -t --tries -T --timeout -w --wait -l --level -A -R -D -e -I -X "
        "--limit-rate --user --password --referer -a -B --base -Q --accept --reject "
        "--ca-certificate -N --no-check-certificate".split()
    )
    - {"-N", "--no-check-certificate"},
    options={"-O": "write", "--output-document": "write", "-P": "skip", "-i": "read", "-o": "write",
             "--directory-prefix": "skip", "--post-file": "skip", "--body-file": "skip",
             "--post-data": "skip", "--body-data": "skip", "--use-askpass": "skip"},
)  # fmt: skip


def _wget(call: Call) -> Value:
    if call.has("--version", "--help"):
        return UNKNOWN
    parsed = call.parsed(_WGET)
    urls = parsed.operands
    posted = parsed.argument("--post-file", "--body-file")
    if posted is not None:
        _sends(call, "-T", posted, urls)
    _argument_leak(call, urls)
    askpass = parsed.argument("--use-askpass")
    if askpass is not None:
        call.run_text(askpass.value)
    fetched = Value((HOLE,), frozenset({"downloaded"}), _name(urls))
    call.effect(EffectKind.NETWORK_IN, _name(urls))
    if steals_identity([url.text for url in urls]):
        call.effect(EffectKind.SECRET, _name(urls), "instance-credentials")
    if "head" in parsed.attributes:
        return EMPTY
    target = parsed.argument("-O", "--output-document")
    if target is not None:
        if target.text in ("-", "/dev/stdout"):
            return fetched
        call.writes(target, fetched, "download")
        return EMPTY
    prefix = parsed.argument("-P", "--directory-prefix")
    for url in urls:
        name = url.text.split("?")[0].rstrip("/").rpartition("/")[2] or "index.html"
        where = f"{prefix.text.rstrip('/')}/{name}" if prefix is not None else name
        call.writes(Field(known(where), url.span, where), fetched, "download")
    return EMPTY


# HTTPie: `name@file` sends a file, `name=@file` and `name:=@file` its text.
_FORMS = frozenset({"http", "https", "httpie", "xh"})
_FORM_FILE = re.compile(r"[\w.\[\]-]*(?::?=)?@(.+)$")


def _fetch(call: Call) -> Value:
    """Other downloaders that print, or write with -o."""
    operands = [a for a in call.args if not a.text.startswith("-")]
    target = call.after("-o", "-O", "--out", "--output")
    fetched = Value((HOLE,), frozenset({"downloaded"}), _name(operands))
    carried = call.stdin.taints & _CARRIED
    for operand in operands if call.name in _FORMS else ():
        if match := _FORM_FILE.match(operand.text):
            path = HOME + match[1][1:] if match[1][:1] == "~" else match[1]
            where = Field(known(path), operand.span, match[1])
            carried |= call.reads(where).taints & _CARRIED
    if carried:
        call.effect(
            EffectKind.NETWORK_OUT, _name(operands), *("carries:" + t for t in sorted(carried))
        )
    _argument_leak(call, operands)
    call.effect(EffectKind.NETWORK_IN, _name(operands))
    if steals_identity([operand.text for operand in operands]):
        call.effect(EffectKind.SECRET, _name(operands), "instance-credentials")
    if target is not None and target.text != "-":
        call.writes(target, fetched, "download")
        return EMPTY
    if call.name in ("aria2c", "axel"):
        for url in operands:
            name = url.text.rstrip("/").rpartition("/")[2]
            call.writes(Field(known(name), url.span, name), fetched, "download")
    return fetched


def open_connection(call: Call, target: str | None) -> Value:
    """A plain connection: what goes in is sent, what comes out is from the network."""
    carried = call.stdin.taints & (_CARRIED | {"shell"})
    if any(taint.startswith("env:") for taint in call.stdin.taints):
        carried |= {"secret"}
    if "shell" in carried:
        call.effect(EffectKind.REMOTE_SHELL, target, "piped")
    elif carried:
        call.effect(EffectKind.NETWORK_OUT, target, *("carries:" + t for t in sorted(carried)))
    elif call.stdin.taints & {"file", "input"}:
        call.effect(EffectKind.NETWORK_OUT, target, "carries:file")
    _argument_leak(call, [])
    return Value((HOLE,), frozenset({"downloaded", "network"}), target or "the network")


_NC = Facts(
    flags={"-l": "listen", "--listen": "listen", "-z": "scan", "-k": "keep", "-h": "help"},
    values=frozenset("-p -s -w -i -q -X -x -I -O -T -m -g -G --source-port --wait".split()),
    options={
        "-e": "skip",
        "-c": "skip",
        "--exec": "skip",
        "--sh-exec": "skip",
        "--lua-exec": "skip",
    },
)


def _netcat(call: Call) -> Value:
    parsed = call.parsed(_NC)
    runs = parsed.argument("-e", "-c", "--exec", "--sh-exec", "--lua-exec")
    host = _host(parsed)
    if runs is not None:
        kind = "bind" if "listen" in parsed.attributes else "reverse"
        call.effect(EffectKind.REMOTE_SHELL, host, kind)
        return EMPTY
    if "scan" in parsed.attributes or "help" in parsed.attributes:
        return UNKNOWN
    if _EMPTIES.match(call.stdin.text):
        call.effect(EffectKind.REMOTE_STATE, host, "database", "delete", WHOLE)
    return open_connection(call, host)


# What redis and memcached take as plain lines.
_EMPTIES = re.compile(r"\s*(?:\*1\r?\n\$\d+\r?\n)?(?:flushall|flushdb|flush_all)\b", re.I)


def _host(parsed: Parsed) -> str | None:
    return " ".join(operand.text for operand in parsed.operands[:2]) or None


_SOCAT_NETWORK = re.compile(
    r"^(?:tcp|udp|openssl|ssl|sctp|vsock|socks|proxy|dccp|dtls|ip\d?|websocket)\w*(?:[-:]|$)", re.I
)
_SOCAT_PROGRAM = re.compile(r"^(?:exec|system|shell)(?:-\w+)?:(.+)", re.I | re.S)
_SOCAT_OPTIONS = re.compile(
    r"(?<=\S),(?:pty|stderr|setsid|sigint|sane|ctty|su|echo|raw|nofork)\b.*", re.S
)
_SOCAT_FILE = re.compile(r"^(?:file|open|creat(?:e)?|gopen):([^,]+)(.*)", re.I)


def _socat(call: Call) -> Value:
    """socat joins two addresses: one of them a program, the other the network, is a shell."""
    words = [arg.text for arg in call.args]
    addresses = [w for w in words if re.match(r"[A-Za-z][\w-]*(?::|$)", w) or w == "-"][-2:]
    network = next((a for a in addresses if _SOCAT_NETWORK.match(a)), None)
    program = next((m for a in addresses if (m := _SOCAT_PROGRAM.match(a))), None)
    if program is not None and network is not None:
        kind = "bind" if re.search(r"listen", network, re.I) else "reverse"
        call.effect(EffectKind.REMOTE_SHELL, addresses[0], kind)
        return EMPTY
    if program is not None:
        code = _SOCAT_OPTIONS.sub("", program[1])
        call.run_text(known(code.strip("'\"")), stdin=EMPTY)
    receives = [not {"-u", "-U"} & set(words) or ("-u" in words) is bool(i) for i in (0, 1)]
    for index, address in enumerate(addresses):
        file = _SOCAT_FILE.match(address)
        if file is None:
            continue
        where = Field(known(file[1]), call.shell.span, file[1])
        if receives[index] and "rdonly" not in file[2] and network is None:
            call.writes(where, UNKNOWN, "raw", "append")
        elif receives[index] and network is not None and "-u" in words:
            call.writes(where, Value((HOLE,), frozenset({"downloaded"}), network))
        elif network is not None:
            carried = call.reads(where).taints & _CARRIED
            if carried:
                found = ("carries:" + taint for taint in sorted(carried))
                call.effect(EffectKind.NETWORK_OUT, network, *found)
    return open_connection(call, network) if network is not None else UNKNOWN


def _lookup(call: Call) -> Value:
    """dig, ping and other small talkers: harmless, unless a secret is in the name."""
    _argument_leak(call, [a for a in call.args if not a.text.startswith("-")])
    carried = call.stdin.taints & {"secret"}
    if carried:
        call.effect(EffectKind.NETWORK_OUT, None, "carries:secret")
    if call.name == "ping" and call.has("-f") and call.shell.as_root:
        call.effect(EffectKind.RESOURCE, "the network", "flood")
    downloaded = call.name in ("dig", "nslookup", "host", "whois", "finger")
    return Value((HOLE,), frozenset({"downloaded"} if downloaded else ()), call.name)


def _mail(call: Call) -> Value:
    carried = set(call.stdin.taints & _CARRIED)
    for option in ("-a", "-A", "--attach"):
        where = call.after(option)
        if where is not None:
            carried |= call.reads(where).taints & _CARRIED
    _argument_leak(call, [])
    operands = [a.text for a in call.args if "@" in a.text]
    call.effect(
        EffectKind.NETWORK_OUT, operands[-1] if operands else None,
        "mail", *("carries:" + t for t in sorted(carried)),
    )  # fmt: skip
    return EMPTY


def _telnet(call: Call) -> Value:
    operands = [a.text for a in call.args if not a.text.startswith("-")]
    return open_connection(call, " ".join(operands[:2]) or None)


HANDLERS: dict[str, Handler] = {
    "curl": _curl,
    "wget": _wget,
    **dict.fromkeys(
        "fetch http https httpie xh lynx w3m links aria2c axel lwp-request GET elinks lwp-download "
        "lwp-mirror".split(),
        _fetch,
    ),
    **dict.fromkeys("nc ncat netcat nc.traditional nc.openbsd netcat-openbsd".split(), _netcat),
    "socat": _socat,
    "telnet": _telnet,
    **dict.fromkeys(
        "dig nslookup host ping ping6 whois traceroute mtr finger hping3 drill".split(), _lookup
    ),
    **dict.fromkeys(("mail", "mailx", "sendmail", "mutt", "swaks", "s-nail"), _mail),
}
