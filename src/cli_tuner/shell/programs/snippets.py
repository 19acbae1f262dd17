"""One-liners of other languages, as far as their text shows what they do.

Covered: literal commands given to `os.system`, `subprocess`, `exec`, backquotes and their like;
literal paths given to functions that delete, open for writing or change modes; downloaded code
that is evaluated; a socket joined to a shell; endless forking. Not covered: anything computed.
"""

from __future__ import annotations

import re

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call
from cli_tuner.shell.programs.code_stores import loses_stored
from cli_tuner.shell.programs.constants import with_constants
from cli_tuner.shell.programs.exhaustion import exhaustion
from cli_tuner.shell.programs.languages import powershell, tcl
from cli_tuner.shell.programs.source import read_calls, readable, unaliased, without_comments
from cli_tuner.shell.programs.walkers import walked
from cli_tuner.shell.values import EMPTY, HOLE, HOME, STAR, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

_STRING = r"""[rbfuRBFU]{0,2}(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|q[qx]?\{([^}]*)\})"""
_COMMAND = re.compile(
    r"(?:\bos\.(?:system|popen)|\bsubprocess\.\w+|\bPopen|\bcheck_output|\bgetoutput|\bsystem|"
    r"\bexec(?:Sync|File|FileSync)?|\bspawn(?:Sync)?|\bshell_exec|\bpassthru|\bproc_open|\bpopen|"
    r"\bos\.execute|\bio\.popen|\bpty\.spawn|do (?:shell )?script|%x|\bqx)\s*[(\[{]*\s*" + _STRING
)
_LIST = re.compile(
    r"(?:subprocess\.\w+|Popen|check_output|os\.exec\w+|spawn(?:Sync)?|execFile(?:Sync)?|"
    r"system|exec)\s*\(?\s*(?:" + _STRING + r"\s*,\s*)?\[([^\]]*)\]"
)
_ARGUMENTS = re.compile(
    r"\b(?:system|exec)\s*\(?\s*((?:" + _STRING + r"\s*,\s*)+(?:" + _STRING + r"|\$\w+))"
)
_EACH_OF = re.compile(r"\bglob\s*\(?\s*['\"]([^'\"]+)['\"]|<(/[^<>\s]+)>")
_BACKQUOTE = re.compile(r"`([^`]+)`")
# %x(...) of Ruby, qx{...} of Perl, with any delimiter.
_QUOTED_COMMAND = re.compile(
    r"(?:%x|\bqx)\s*(?:\(([^)]*)\)|\{([^}]*)\}|\[([^\]]*)\]|<([^>]*)>|([/!|#~^])(.*?)\5)"
)
# $`...` of Bun, zx, execa and dax, as a statement or a value of its own.
_TAGGED = re.compile(
    r"(?:^|[=(\[,;{}\n>]|\b(?:await|return|yield))\s*\$(?:\.\w+|\([^()]*\))?`((?:[^`\\]|\\.)*)`",
    re.M,
)
_HOLE_IN_TEXT = re.compile(r"\$\{[^}]*\}")
_DELETE = re.compile(
    r"\b(?:os\.(?:remove|unlink|rmdir|removedirs)|shutil\.rmtree|rmtree|remove_tree|unlink|"
    r"rmSync|rmdirSync|unlinkSync|FileUtils\.(?:rm_rf|rm_r|rm|remove_dir|remove_entry)|rm_rf|"
    r"File\.(?:delete|unlink)|Dir\.rmdir|fs\.rm|fs\.unlink|os\.remove|rmdir)\s*\(?\s*"
    r"(?:os\.path\.expanduser\s*\(\s*)?(?:Path\s*\(\s*)?" + _STRING
)
_PATH_DELETE = re.compile(r"Path\s*\(\s*" + _STRING + r"\s*\)\.(?:unlink|rmdir)")
_WRITE = re.compile(
    r"""\b(?:open|fopen|File\.open|File\.write|writeFileSync|writeFile|appendFileSync|"""
    r"""file_put_contents|IO\.write)\s*\(?\s*(?:\w+\s*,\s*)?(?:["']\+?>+["']?\s*,\s*)?"""
    + _STRING
    + r"""(\s*,\s*(?:mode\s*=\s*)?["'][rbt]*[wax+][^"']*["'])?"""
)
_TRUNCATE = re.compile(
    r"\b(?:os\.truncate|truncate(?:Sync)?|File\.truncate|ftruncate)\s*\(?\s*" + _STRING
)
_MODE = re.compile(r"\b(?:os\.)?(chmod|chown|setuid)\w*\s*\(?([^;)\n]*)")
_READ = re.compile(
    r"\b(?:open|readFileSync|file_get_contents|File\.read|fopen|read_text)\s*\(?\s*"
    r"(?:(?:File|os\.path|path)\.expand\w*\s*\(?\s*)?" + _STRING
)
_DOWNLOAD = re.compile(
    r"urlopen|requests\.get|urllib|http\.get|https\.get|open-uri|URI\.open|LWP|HTTP::Tiny|"
    r"require\(\s*['\"]https?['\"]\s*\)\s*\.(?:get|request)|\bget\s*\(?\s*['\"]https?:|"
    r"\bURI(?:\.parse)?\(\s*['\"]https?:[^)]*\)\.(?:read|open)|"
    r"Net::HTTP\.get|open\(\s*['\"]https?:|DownloadString|Invoke-WebRequest|iwr |fetch\(|"
    r"\bnew\s+URL\s*\(\s*['\"]https?:|:httpc\.request|(?:Req|HTTPoison|Tesla)\.get|http\.request\(|"
    r"file_get_contents\s*\(\s*['\"]https?:|Downloads\.download|\bdownload\s*\(\s*['\"]https?:|"
    r"(?:readLines|source|url|include|include_once|require|require_once|import|load|do|slurp)\s*\(?\s*"
    r"['\"]https?:"
)
_UPLOAD = re.compile(
    r"method\s*:\s*['\"](?:POST|PUT)|post_form|->post|\.post\(|CURLOPT_POSTFIELDS|"
    r"https?://[^'\"\s]*\?[^'\"\s]*=['\"]\s*(?:\.|\+|,)|"
    r"requests\.(?:post|put)|http\.request|urlopen\([^)]*data=|Net::HTTP\.post"
)
_ENVIRONMENT = re.compile(r"%ENV|process\.env\b(?!\.)|\bENV\.(?:to_h|inspect)|\$_ENV|getenv\(\)")
_TREE = re.compile(
    r"array_map\(\s*['\"]unlink['\"]\s*,\s*glob\(\s*['\"]([^'\"]+)|"
    r"unlink\s*\(?\s*(?:glob\s*\(?\s*['\"]([^'\"]+)|<([^>]+)>)|"
    r"Dir(?:\.glob\(|\[)\s*['\"]([^'\"]+)['\"][\])].*(?:delete|unlink|rm_rf)"
)
_EVALUATES = re.compile(
    r"\b(?:source|include|require|import|load|do|include_once|require_once)\s*\(?\s*['\"]https?:|"
    r"\binclude\s*\(\s*\w|\binclude_string\b|load-string|"
    r"\bevaluate\s*\(|GroovyShell|Code\.eval\w*|\bload_?string\b|\bload\s*\(|runIn\w*Context|"
    r"\bexec\s*\(|\beval\b|\bIEX\b|Invoke-Expression|os\.system\s*\(|new Function"
)
_DECODES = re.compile(
    r"b64decode|fromhex|unhexlify|Buffer\.from\([^)]*base64|base64_decode|atob|unpack\s*\(|"
    r"decode_base64|gzinflate|zlib\.decompress|codecs\.decode|marshal\.loads|__import__\(['\"]base64"
)
_SOCKET = re.compile(
    r"socketConnection|using Sockets|"
    r"\bnet\.Dial\b|\bsocket\b|\bSocket\b|TCPSocket|fsockopen|net\.(?:connect|createConnection|Socket)|"
    r"require\(\s*['\"](?:net|tls|dgram)['\"]\s*\)|IO::Socket|createConnection|new net|Net\.Sockets"
)
_JOINS = re.compile(
    r"dup2|[`\"'](?:/bin/)?(?:ba|z|da)?sh[`\"']|system\s*\(\s*readLines|pty\.spawn|/bin/(?:ba|z|da)?sh|cmd\.exe|\bsubprocess\b|child_process|\bexec\b|"
    r"STDIN->fdopen|open\s*\(?\s*STDIN|fdopen|os\.execute|proc_open|IO\.popen|spawn\(?\s*['\"]\w*sh\b"
)
_SERVES = re.compile(r"\.bind\(|listen\(|TCPServer")
_SHELL_SPAWN = re.compile(r"(?:pty\.spawn|os\.exec\w+|\b(?:pcntl_)?exec)\s*\(?\s*['\"](/bin/\w*sh)")
_SETUID = re.compile(r"setuid\s*\(\s*0|\$<\s*=\s*0|Process::Sys\.setuid")


# Code that does nothing but write one text.
_PRINTS = re.compile(
    r"\s*(?:print|puts|say|echo|p|console\.log|process\.stdout\.write|STDOUT\.puts|\$stdout\.puts)"
    r"\s*\(?\s*(?:\"((?:[^\"\\$#]|\\.)*)\"|'([^']*)')\s*\)?\s*;?\s*"
)


def run_snippet(call: Call, code: str) -> None:
    """Emit what a text in another language would do."""
    if call.name not in ("python", "pypy"):
        from cli_tuner.shell.programs.folding import folded

        code = folded(without_comments(readable(call, code), call.name), call.name)
        written_out = with_constants(code, call.name)
        code = folded(written_out, call.name) if written_out != code else code
        code = unaliased(code) if call.name in _TAGS else code
        if match := _PRINTS.fullmatch(code):
            call.prints = (match[1] or match[2] or "") + "\n"
        _other_syntax(call, code)
    if not (call.name in ("python", "pypy") and _read_as_python(call, code)):
        _commands(call, code)
        _file_changes(call, code)
    if _SOCKET.search(code) and _JOINS.search(code):
        kind = "bind" if _SERVES.search(code) else "reverse"
        call.effect(EffectKind.REMOTE_SHELL, "a socket", kind)
    if _ENVIRONMENT.search(code) and _UPLOAD.search(code):
        call.effect(EffectKind.NETWORK_OUT, "a server", "carries:sensitive")
    for pattern in _texts(_TREE, code):
        where = _field(call, pattern.replace("*", STAR))
        call.on_path(EffectKind.DELETE, where)
    if _EVALUATES.search(code) and _DOWNLOAD.search(code):
        call.effect(EffectKind.EXECUTE, "what it downloads", "downloaded")
    elif re.search(r"\bexec\b|\beval\b|os\.system", code) and _DECODES.search(code):
        call.effect(EffectKind.EXECUTE, "what it decodes", "decoded")
    loses_stored(call, code)
    exhaustion(call, code)
    if _SETUID.search(code) or ("setuid" in code and _SHELL_SPAWN.search(code)):
        call.effect(EffectKind.PRIVILEGE, "root", "setuid")
    elif _SHELL_SPAWN.search(code) and call.shell.as_root:
        call.effect(EffectKind.PRIVILEGE, "root", "escape")


_HOME_ITEMS = re.compile(
    r"delete\s+(?:every\s+(?:item|file|folder)|(?:the\s+)?(?:entire\s+contents|items))\s+(?:of|in)\s+"
    r"(?:the\s+)?(?:home|startup disk|folder \"(?:Documents|Users))",
    re.I,
)


_BANGED = re.compile(r'"([^"\n]+)"\s*\.?\s*!{1,2}(?![=\w"])')


def _other_syntax(call: Call, code: str) -> None:
    if call.name in ("tclsh", "wish", "expect"):
        tcl(call, code)
    elif call.name in ("pwsh", "powershell"):
        powershell(call, code)
    else:
        read_calls(call, code)
    if call.name == "scala":
        for text in _BANGED.findall(code):
            call.run_text(known(text), stdin=EMPTY)
    if call.name == "osascript" and _HOME_ITEMS.search(code):
        call.on_path(EffectKind.DELETE, _field(call, "~"), "recursive")


def _read_as_python(call: Call, code: str) -> bool:
    from cli_tuner.shell.programs.python_code import run_python

    return run_python(call, code)


def _texts(pattern: re.Pattern[str], code: str) -> list[str]:
    found: list[str] = []
    for match in pattern.finditer(code):
        text = next((group for group in match.groups() if group is not None), "")
        found.append(text.replace('\\"', '"').replace("\\'", "'").replace("\\\\", "\\"))
    return found


_TAGS = frozenset({"node", "deno", "bun", "zx"})


def _commands(call: Call, code: str) -> None:
    commands = _texts(_COMMAND, code)
    for match in _LIST.finditer(code):
        words = re.findall(_STRING, match.group(match.lastindex or 0))
        commands.append(" ".join(next((w for w in word if w), "''") for word in words))
    for match in _ARGUMENTS.finditer(code):
        words = re.findall(_STRING, match.group(1))
        line = [next((w for w in word if w), "''") for word in words]
        if re.search(r"\$\w+$", match.group(1)):
            each = _EACH_OF.search(code)
            line.append((each[1] or each[2]) if each else HOLE)
        commands.append(" ".join(line))
    if call.name in ("perl", "ruby", "php"):
        commands += _BACKQUOTE.findall(code)
        commands += ["".join(found[:4]) + found[5] for found in _QUOTED_COMMAND.findall(code)]
    elif call.name in _TAGS:
        commands += [_HOLE_IN_TEXT.sub(HOLE, text) for text in _TAGGED.findall(code)]
    for command in dict.fromkeys(commands[:12]):
        call.run_text(Value((command,)))


def _file_changes(call: Call, code: str) -> None:
    recursive = bool(re.search(r"rmtree|rm_rf|rm_r\b|remove_tree|recursive", code))
    for path, act in walked(code):
        if act == "delete":
            call.on_path(EffectKind.DELETE, _field(call, path), "recursive")
        elif act == "empty":
            call.writes(_field(call, path + "/found" + HOLE), EMPTY, "truncate", "recursive")
        else:
            call.on_path(EffectKind.PERMISSION, _field(call, path), "recursive", *act.split())
    for path in _texts(_TRUNCATE, code):
        call.writes(_field(call, path), EMPTY, "truncate")
    for path in [*_texts(_DELETE, code), *_texts(_PATH_DELETE, code)]:
        call.on_path(EffectKind.DELETE, _field(call, path), *(("recursive",) if recursive else ()))
    for match in _WRITE.finditer(code):
        perl_write = re.search(r"['\"]\+?>+", match.group()) is not None
        writer = "open" not in match.group().split("(")[0].lower() or match.group(4) or perl_write
        path = next((group for group in match.groups()[:3] if group is not None), "").lstrip("+>< ")
        if writer and path:
            call.writes(_field(call, path), UNKNOWN)
    for path in _texts(_READ, code):
        content = call.reads(_field(call, path))
        if content.taints & {"secret", "sensitive"} and (
            _UPLOAD.search(code) or _SOCKET.search(code)
        ):
            carried = ("carries:" + t for t in sorted(content.taints & {"secret", "sensitive"}))
            call.effect(EffectKind.NETWORK_OUT, "a server", *carried)
    for match in _MODE.finditer(code):
        if match.group(1) in ("chmod", "chown") and (quoted := re.search(_STRING, match.group(2))):
            path = next(group for group in quoted.groups() if group is not None)
            octal = re.search(r"0o?([0-7]{3,4})", match.group(2))
            attributes = ("world-write",) if octal and octal.group(1)[-1] in "2367" else ()
            call.on_path(EffectKind.PERMISSION, _field(call, path), *attributes)


def _field(call: Call, path: str) -> Field:
    text = HOME + path[1:] if path.startswith("~") else path
    return Field(Value((text,)), call.shell.span, path)
