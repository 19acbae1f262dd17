"""Source text of any language: its strings and comments, and calls by name with literal arguments.

    rm("/etc", recursive=true)    (system* "rm" "-rf" "/")    "rm -rf /".execute()    os:cmd("id")

All these are a name with texts beside it, which is what is read here: functions that run, delete,
empty, write, move or copy what their literal arguments name, whatever the syntax around them.
Not covered: variables and anything computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call
from cli_tuner.shell.values import EMPTY, HOME, STAR, UNKNOWN, Value, known
from cli_tuner.shell.words import Field

_STRINGS = r'"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`'
_SINGLE = r"|'(?:[^'\\]|\\.)*'"
# How a comment starts; only what cannot be anything else where a comment may stand.
_COMMENTS = {
    "hash": r"(?<![^\s;{}])\#[^\n]*",
    "slash": r"//[^\n]*|/\*.*?\*/",
    "dash": r"--[^\n]*",
    "semicolon": r";[^\n]*",
    "percent": r"%[^\n]*",
}
_STYLE = {
    **dict.fromkeys("perl ruby awk R Rscript julia raku elixir tclsh crystal".split(), ("hash",)),
    **dict.fromkeys("node deno bun java groovy scala kotlin jshell swift".split(), ("slash",)),
    "php": ("slash", "hash"),
    **dict.fromkeys(("lua", "ghc", "osascript"), ("dash",)),
    **dict.fromkeys("guile racket sbcl clojure bb emacs clisp".split(), ("semicolon",)),
    **dict.fromkeys(("erl", "octave", "swipl"), ("percent",)),
}
# Lisp quotes with one apostrophe.
_LISPS = frozenset("guile racket sbcl clojure bb emacs clisp".split())

_RUNS = frozenset(
    "term ansi-term system system* system2 exec execsync spawn spawnsync popen popen2e shell "
    "shell_exec "
    "passthru os:cmd cmd run run-program sh shell-command shell-command-to-string call-process "
    "start-process call-process-shell-command os.execute sys.command unix.system command "
    "execshellcmd proc_open process.system callcommand callprocess readprocess "
    "readcreateprocess rawsystem pipeline async-shell-command system.cmd system.shell "
    "open_process_in jobstart job_start termopen systemlist sh.exec os/shell os/execute "
    "process.run process.spawn pcntl_exec execute exec_command subprocess.run osexecute "
    "shellout run_command execa execacommand execasync execafile capture2 capture2e capture3 "
    "crossspawn spawnasync shelljs.exec".split()
)
_DELETES = frozenset(
    "rm unlink remove delete file.remove delete-file delete-directory delete-directory/files "
    "rmtree deletefile delete_file removefile removedirectory rmdir rmdir_recursive "
    "removeall os.removeall rm! file.rm rm_f file.delete dir.delete fs.rm unlinksync rmsync "
    "removefile".split()
)
_TREES = frozenset(
    "rm_rf rm_rf! rm_r file.rm_rf file.rm_rf! fileutils.rm_rf fileutils.rm_r deletedir "
    "deleterecursively removedirectoryrecursive removepathforcibly delete-directory/files "
    "delete-directory-tree delete_directory_and_contents remove_tree rmtree removeall "
    "fs.removesync removesync emptydirsync emptydir rimraf rimraf.sync rimrafsync deletesync "
    "del.sync removeitem removedir delete_tree deltree".split()
)
_MOVES = frozenset(
    "rename mv move renamesync renamefile rename-file file.rename os.rename fileutils.mv "
    "fileutils.move renamedirectory fs.rename file.move copy_move".split()
)
_COPIES = frozenset(
    "copy cp copyfile copyfilesync copy-file file.copy fileutils.cp fileutils.copy cpsync "
    "fileutils.copy_file fs.copyfile".split()
)
_WRITES = frozenset(
    "write writefile writefilesync write-file binwrite io.binwrite io.write file.write "
    "file_put_contents createwritestream writetext writelines write_file spit file.write! "
    "write-region outputstream filewriter fileoutputstream printwriter writetextfilesync "
    "appendfile appendfilesync".split()
)
_OPENS = frozenset("open io.open fopen opensync sysopen file file.open file.new fs.open".split())
_MODE = re.compile(r"\+?(?:[rwax]{1,2}b?t?\+?b?|>{1,2}|<|\+[<>]{1,2})(?::\S+)?$")
_WRITING = re.compile(r"[wax+>]")
_WRITE_FLAG = re.compile(r"\bO_(?:WRONLY|RDWR|TRUNC|CREAT)\b|:append\b|:write\b")
_RECURSIVE = re.compile(r"recursive|:force\b|\bTRUE\b|force\s*[:=]|\bT\b|\b(?:t|s|rf)\b[\"')\s]*$")
_OPTION = re.compile(r"-[a-zA-Z]{1,4}|--[a-z-]+")
_TEMPLATE = re.compile(r"\$\{[^}]*\}|#\{[^}]*\}")
_CALLS_MAX = 24
CODE_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Named:
    """A name, the literal texts that belong to it, and the text of the whole call."""

    name: str
    texts: tuple[str, ...]
    around: str


def without_comments(code: str, language: str) -> str:
    """The code with its comments taken out, as far as they cannot be mistaken."""
    styles = _STYLE.get(language, ())
    if not styles:
        return code
    comments = "|".join(_COMMENTS[style] for style in styles)
    single = "" if language in _LISPS else _SINGLE
    pattern = re.compile(f"(?P<text>{_STRINGS}{single})|(?P<comment>{comments})", re.S)
    result: list[str] = []
    end = 0
    for match in pattern.finditer(code):
        if match["comment"] is None:
            continue
        line = code[code.rfind("\n", 0, match.start()) + 1 : match.start()]
        if _in_a_pattern(line, language):
            continue
        result += [code[end : match.start()], " "]
        end = match.end()
    return "".join([*result, code[end:]])


def _in_a_pattern(line: str, language: str) -> bool:
    """Whether a /regular expression/ may be open where the line ends."""
    if language not in ("perl", "ruby", "awk", "node", "raku"):
        return False
    plain = re.sub(_STRINGS + _SINGLE, "", line)
    return plain.replace(r"\/", "").count("/") % 2 == 1


def readable(call: Call, code: str) -> str:
    """The code up to CODE_MAX characters; a longer one is not read to its end, which is said."""
    if len(code) > CODE_MAX:
        call.effect(EffectKind.OPAQUE, "a long text of code", "code")
    return code[:CODE_MAX]


_IMPORTED = re.compile(
    r"\{([^{}]*)\}\s*(?:=\s*(?:await\s+)?(?:require|import)\s*\(|from)\s*"
    r"[\"'](?:node:)?(?:child_process|fs|fs/promises)[\"']"
)
# require("rimraf")("/x"), and require("rimraf").sync("/x")
_REQUIRED = re.compile(r"require\(\s*[\"'](rimraf|del|execa|shelljs/global)[\"']\s*\)(?:\.\w+)?\(")
_RENAMED = re.compile(r"(\w+)\s*(?::|\bas\b)\s*(\w+)")


def unaliased(code: str) -> str:
    """JavaScript with the functions it took under names of its own under their names again."""
    code = _REQUIRED.sub(r"\1(", code)
    for match in _IMPORTED.finditer(code):
        for name, alias in _RENAMED.findall(match[1]):
            code = re.sub(rf"(?<![\w.]){alias}\s*\(", f"{name}(", code)
    return code


def read_calls(call: Call, code: str) -> None:
    """Emit what the calls in the code do."""
    for found in _named(code, call.name):
        name = found.name.lower()
        last = re.split(r"[.:/]+|->", name)[-1] or name
        names = {name, last}
        if names & _RUNS:
            _runs(call, found)
        elif names & (_DELETES | _TREES):
            options = [text for text in found.texts if _OPTION.fullmatch(text)]
            recursive = bool(names & _TREES or _RECURSIVE.search(found.around))
            recursive = recursive or any("r" in option.lower() for option in options)
            for text in (text for text in found.texts if text not in options):
                _path(call, EffectKind.DELETE, text, *(("recursive",) if recursive else ()))
        elif names & _OPENS:
            _opens(call, found)
        elif names & _WRITES and found.texts:
            call.writes(_field(call, found.texts[0]), UNKNOWN, "truncate")
        elif names & (_MOVES | _COPIES) and len(found.texts) > 1:
            if names & _MOVES:
                _path(call, EffectKind.MOVE, found.texts[0])
            content = call.reads(_field(call, found.texts[0]))
            call.writes(_field(call, found.texts[1]), content)


_TOKEN = re.compile(
    r"(?P<text>" + _STRINGS + _SINGLE + r")"
    r"|(?P<name>[A-Za-z_][\w*!?-]*(?:(?:\.|::|:|->|/)[A-Za-z_!][\w*!?-]*)*)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>[;\n])",
    re.S,
)  # fmt: skip


def _named(code: str, language: str) -> Iterator[Named]:
    tokens = list(_TOKEN.finditer(code))[:600]
    found = 0
    for index, token in enumerate(tokens):
        name = token["name"]
        if name is None:
            continue
        short = re.split(r"[.:/]+|->", name.lower())[-1]
        if short not in _ALL and name.lower() not in _ALL:
            continue
        texts, around = _belonging(code, tokens, index)
        found += 1
        if found > _CALLS_MAX:
            return
        if texts:
            yield Named(name, texts, around)


_ALL = _RUNS | _DELETES | _TREES | _MOVES | _COPIES | _WRITES | _OPENS


def _belonging(code: str, tokens: list[re.Match[str]], index: int) -> tuple[tuple[str, ...], str]:
    """Texts up to the end of the call; for `"text".name()` those before it."""
    texts: list[str] = []
    level = 0
    end = len(code)
    for token in tokens[index + 1 :]:
        level += (token["open"] is not None) - (token["close"] is not None)
        if level < 0 or (token["end"] is not None and level == 0):
            end = token.start()
            break
        if token["text"] is not None:
            texts.append(_inner(token["text"]))
        elif token["close"] is not None and level == 0 and not _goes_on(code, token.end()):
            end = token.end()
            break
    around = code[tokens[index].start() : end]
    if texts:
        return tuple(texts), around
    for token in reversed(tokens[max(0, index - 6) : index]):
        if token["end"] is not None:
            break
        if token["text"] is not None and "." in code[token.end() : tokens[index].end()]:
            return (_inner(token["text"]),), around
    return (), around


def _goes_on(code: str, position: int) -> bool:
    """Whether a comma follows: perl and ruby need no parentheses around arguments."""
    return code[position : position + 2].lstrip()[:1] == ","


def _inner(literal: str) -> str:
    text = _TEMPLATE.sub("", literal[1:-1])
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text)


def _runs(call: Call, found: Named) -> None:
    first = found.texts[0]
    if len(found.texts) > 1 and " " not in first.strip():
        fields = [_field(call, text) for text in found.texts if text]
        call.run(fields, stdin=EMPTY)
        return
    call.run_text(known(first), stdin=EMPTY)


def _opens(call: Call, found: Named) -> None:
    modes = [text for text in found.texts if _MODE.fullmatch(text)]
    paths = [text for text in found.texts if not _MODE.fullmatch(text)]
    flagged = _WRITE_FLAG.search(found.around)
    for text in paths[:1]:
        joined = re.match(r"\s*(\+?[<>]{1,2})\s*(\S+)", text)
        mode = joined[1] if joined else "".join(modes)
        path = joined[2] if joined else text
        if _WRITING.search(mode) or flagged:
            emptied = "truncate" if "w" in mode or mode == ">" else "append"
            call.writes(_field(call, path), UNKNOWN, emptied)


def _path(call: Call, kind: EffectKind, text: str, *attributes: str) -> None:
    if text and "\n" not in text:
        call.on_path(kind, _field(call, text), *attributes)


def _field(call: Call, text: str) -> Field:
    path = HOME + text[1:] if text[:1] == "~" else text
    return Field(Value((path.replace("*", STAR),)), call.shell.span, text)
