"""What uses the machine up: forks without end, memory without end, load without limit.

Covered: code of other languages that forks, starts processes or allocates in an endless loop or
by calling itself, and single allocations of gigabytes; stress tests without bounds. Not covered:
an algorithm that happens to need too much.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call, Handler
from cli_tuner.shell.values import HOLE, UNKNOWN, Value

_ENDLESS = re.compile(
    r"while\s*\(?\s*(?:True|1|true|:|!0|!false|!\[\])|for\s*\(\s*[^;()]{0,40};\s*;|\bloop\b|"
    r"fork while|"
    r"\b(?:1|true|undef|0)\s+while\b|\bwhile\s+(?:1|true|fork)\b|until\s*\(?\s*(?:0|false|False)\b|"
    r"iter\(\s*int\s*,\s*1\s*\)|itertools\.(?:count|repeat|cycle)|\(\s*1\.\.\s*(?:nil)?\)|"
    r"\brepeat\b|"
    r"setInterval\s*\(|setImmediate\s*\(|for\s*\(\s*;;|:loop\b|\bredo\b|step\b.*INFINITY|"
    r"range\(\s*(?:10\s*\*\*\s*\d|\d{6,}|int\(1e\d)|goto\s+\w+|forever"
)
_FORK = re.compile(r"\b(?:v?fork|forkpty|Process\.fork|os\.fork|pcntl_fork|clone)\b\s*[(;|}&]?")
_STARTS = re.compile(
    r"\bPopen\s*\(|\bspawn\s*\(|\bfork\s*\(|Process\.spawn|\bspawn\s|os\.spawn\w*|"
    r"multiprocessing\.Process|\bProcess\s*\(|popen\s*\(|system\s*\([^)]*&\s*[\"']|"
    r"(?:threading\.)?Thread(?:\.new|\s*\()|new\s+Worker|exec(?:ute)?\s*\(?[^)]*&\s*[\"']"
)
_HOARDS = re.compile(
    r"\.(?:append|push|extend|concat|add)\s*\(|\bpush\s*\(?\s*@|<<|\+=|\*=|\.=|\[\]\s*=|"
    r"\b(?:malloc|calloc|realloc|mmap|alloc\w*|bytearray|str_repeat|mlock)\s*\(|Buffer\.alloc|"
    r"table\.insert|\w\[[^\]]*\+\+\]\s*=|\$\w+\s*=\s*\$\w+\s*\.\s*\$|\b(\w+)\s*=\s*\1\s*(?:\+|\.\.)?\s*(?:\1\b|[\"'])"
)
_PAUSES = re.compile(
    r"sleep|input\(|readline|accept\(|\bbreak\b|\.recv|\bexit|\bquit|\bprint|gets\b|select\("
)
_IN_BACKGROUND = re.compile(r"\"[^\"\n]*&\s*\"|'[^'\n]*&\s*'")
_AMOUNT = re.compile(
    # Times a text or a list, or given to what allocates; a number alone takes no room.
    r"(?:[\"'\])]\s*(?:[*x]|<<)|\bx\b|"
    r"\b(?:bytes|bytearray|list|\w*[aA]rray|Buffer|\w*[aA]lloc\w*|repeat|rep|str_repeat|zeros|ones|"
    r"empty|full|urandom|randomBytes|read|mmap|fill|[lr]just|zfill|range|new)\s*\((?:[^()]{0,60},)?)"
    r"\s*\(?\s*(?:int\()?\s*(?:10\s*\*\*\s*(?P<power>\d+)|1\s*<<\s*(?P<shift>\d+)|"
    r"2\s*\*\*\s*(?P<two>\d+)|(?P<whole>\d[\d_]{8,})|\d+(?:\.\d+)?[eE](?P<exp>\d+))"
)
_CALLS_ITSELF = re.compile(
    r"function\s+(\w+)\s*\([^)]*\)\s*\{[^}]*\b\1\s*\(|def\s+(\w+)\b[^\n]*[:;\n][^#]*\b\2\b"
)
_OWN_NAME = re.compile(
    r"__filename|__FILE__|sys\.argv(?:\[0\])?|process\.argv(?:\[[01]\])?|process\.execPath|"
    r"sys\.executable|\$0\b|PROGRAM_NAME"
)
_REBOOTS = re.compile(
    r"\.reboot\s*\(|\breboot\s*\(\s*(?:0x|RB_|LINUX_)|syscall\s*\(?\s*(?:169|142|88|SYS_reboot)\b|"
    r"ExitWindowsEx|InitiateSystemShutdown|Stop-Computer|Restart-Computer"
)
_KILLS_ALL = re.compile(
    r"\bkill\s*\(?\s*(?:[\"']?(?:SIG)?(?:KILL|TERM|STOP|HUP|\d+)[\"']?|signal\.\w+|:\w+)\s*,\s*-\s*1\b|"
    r"\bkill\s*\(\s*-\s*1\s*,|kill\s*\(\s*1\s*,|-9\s*=>\s*-1|"
    r"/proc/(?:\[0-9\]|\[\^?\d|\*|\d\*)[\s\S]*\bkill\b|\bkill\b[\s\S]*/proc/(?:\[0-9\]|\*)|"
    r"\bkill\s*\([\s\S]*(?:listdir|scandir|glob|readdir)\w*\(\s*[\"']/proc\b|"
    r"(?:listdir|scandir|readdir)\w*\(\s*[\"']/proc[\"'][\s\S]*\bkill\s*\("
)
_GIGABYTE = 1e9


def endless_code(code: str) -> bool:
    """Whether a text in another language has a loop without end."""
    return bool(_ENDLESS.search(code))


def exhaustion(call: Call, code: str) -> None:
    """Emit what a text in another language does to the machine as a whole."""
    endless = bool(_ENDLESS.search(code))
    itself = bool(_CALLS_ITSELF.search(code))
    forks, starts = bool(_FORK.search(code)), bool(_STARTS.search(code))
    # What a string starts in the background holds nothing up.
    busy = endless and not _PAUSES.search(_IN_BACKGROUND.sub("", code))
    if (forks and (endless or itself)) or (starts and (busy or _OWN_NAME.search(code))):
        call.effect(EffectKind.RESOURCE, call.name, "fork", "recursive")
    elif busy and _HOARDS.search(code):
        call.effect(EffectKind.RESOURCE, call.name, "memory")
    if any(_amount(match) >= _GIGABYTE for match in _AMOUNT.finditer(code)):
        call.effect(EffectKind.RESOURCE, call.name, "memory")
    if _REBOOTS.search(code):
        call.effect(EffectKind.POWER, "the machine")
    if _KILLS_ALL.search(code):
        call.effect(EffectKind.PROCESS, "all processes", "all")


def _amount(match: re.Match[str]) -> float:
    if match["power"]:
        return 10.0 ** min(int(match["power"]), 300)
    if match["shift"] or match["two"]:
        return 2.0 ** min(int(match["shift"] or match["two"]), 900)
    if match["exp"]:
        return 10.0 ** min(int(match["exp"]), 300)
    return float(match["whole"].replace("_", ""))


_WORKERS = ("--fork", "--vm", "--all", "--class", "--clone", "--pthread", "--brk", "--bigheap",
            "--vfork", "--mmap", "--malloc", "--hdd", "-m", "-d", "--spawn")  # fmt: skip


def _stress(call: Call) -> Value:
    """stress and stress-ng: load is one thing, more than there is another."""
    from cli_tuner.shell.programs.files import bytes_of

    if call.has("--help", "--version", "-h"):
        return UNKNOWN
    amounts = [
        (option, value.text) for option in _WORKERS if (value := call.after(option)) is not None
    ]
    size = call.after("--vm-bytes", "--bigheap-bytes", "--hdd-bytes", "--brk-bytes")
    share = float(size.text.rstrip("%") or 0) if size and re.match(r"\d+%$", size.text) else 0
    count = max((int(text) for _, text in amounts if text.isdigit()), default=0)
    total = bytes_of(size.text) * max(count, 1) if size is not None else 0
    unbounded = any(text == "0" for _, text in amounts) or count > 64
    too_much = unbounded or share >= 80 or total >= 64 * 2**30 or call.has("--aggressive")
    too_much = too_much or call.has("--sequential", "--class", "--pathological")
    call.effect(EffectKind.RESOURCE, "the machine", "overload" if too_much else "load")
    return UNKNOWN


_NUMEROUS = 20_000
_UNCOUNTED = 100_000_000


def _seq(call: Call) -> Value:
    """seq and jot: how many numbers there are; more than anybody counts to has no end."""
    numbers = [arg.text for arg in call.args if re.fullmatch(r"-?[\d.]+|inf(?:inity)?", arg.text)]
    amount = numbers[0] if numbers and call.name == "jot" else numbers[-1] if numbers else "0"
    last = float(amount) if re.fullmatch(r"-?\d+(?:\.\d*)?|inf(?:inity)?", amount) else 0.0
    if call.name == "jot" and "inf" in numbers:
        last = float("inf")
    if last >= _UNCOUNTED:
        return Value((HOLE,), frozenset({"endless", "numerous"}), call.name)
    return Value((HOLE,), frozenset({"numerous"} if last >= _NUMEROUS else ()), call.name)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("seq", "gseq", "jot"), _seq),
    **dict.fromkeys(("stress", "stress-ng", "sysbench"), _stress),
}
