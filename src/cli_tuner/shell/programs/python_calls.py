"""What calls of Python's library do: commands, files, codecs, the network.

Functions are known by their full names (`os.system`), whatever they were imported as.
"""

from __future__ import annotations

import base64
import binascii
import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cli_tuner.records.verdict import EffectKind
from cli_tuner.shell.call import Call
from cli_tuner.shell.programs.folding import inflated
from cli_tuner.shell.programs.leaks import steals_identity
from cli_tuner.shell.values import CWD, HOLE, HOME, STAR, UNKNOWN, Value, concatenated, known
from cli_tuner.shell.words import Field


@dataclass(frozen=True, slots=True)
class Ref:
    """Something with a name in a library, or a method of `owner`."""

    name: str
    owner: Value | None = None
    items: object = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list or tuple."""

    values: tuple[Value | Ref | Items, ...]


Thing: TypeAlias = Value | Ref | Items

_TEXT_COMMANDS = frozenset(
    "os.system os.popen subprocess.getoutput subprocess.getstatusoutput commands.getoutput "
    "popen2.popen2 asyncio.create_subprocess_shell".split()
)
_DELETES = frozenset(
    "os.remove os.unlink os.rmdir os.removedirs shutil.rmtree path.unlink path.rmdir "
    "send2trash.send2trash".split()
)
_COPIES = frozenset(f"shutil.{n}" for n in ("copy", "copy2", "copyfile", "copytree", "move"))
_LISTS = frozenset(
    "os.listdir os.scandir os.walk glob.glob glob.iglob path.glob path.rglob path.iterdir "
    "path.walk".split()
)
_DECODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "base64.b64decode": lambda b: base64.b64decode(b + b"=="),
    "base64.decodebytes": base64.b64decode,
    "base64.urlsafe_b64decode": lambda b: base64.urlsafe_b64decode(b + b"=="),
    "base64.b32decode": base64.b32decode,
    "base64.b16decode": lambda b: base64.b16decode(b, casefold=True),
    "base64.b85decode": base64.b85decode,
    "base64.a85decode": base64.a85decode,
    "binascii.unhexlify": binascii.unhexlify,
    "binascii.a2b_base64": binascii.a2b_base64,
    "bytes.fromhex": lambda b: bytes.fromhex(b.decode("latin-1")),
    "bytearray.fromhex": lambda b: bytes.fromhex(b.decode("latin-1")),
}
_OPAQUE_DECODERS = frozenset({"zlib.decompress", "gzip.decompress", "bz2.decompress",
                              "lzma.decompress", "marshal.loads", "pickle.loads"})  # fmt: skip
_SAME_TEXT = frozenset(
    "os.path.join os.path.expanduser os.path.expandvars os.path.abspath os.path.realpath "
    "os.path.normpath os.fspath pathlib.Path pathlib.PurePath pathlib.PosixPath str bytes "
    "bytearray list tuple sorted set reversed iter map filter dict repr json.dumps os.fsencode "
    "os.fsdecode shlex.split compile io.StringIO io.BytesIO urllib.parse.quote "
    "urllib.parse.urlencode base64.b64encode urllib.request.Request requests.Session".split()
)
_GETS = ("urllib.request.", "requests.", "httpx.", "urllib3.", "urllib.urlopen", "urllib2.",
         "http.client.", "aiohttp.", "wget.download")  # fmt: skip
_SECRETS = ("keyring.get_", "secretstorage.", "browser_cookie3.", "browsercookie.", "win32crypt.",
            "spwd.", "rookiepy.")  # fmt: skip


class Caller:
    """Carries out calls, and remembers those whose combination matters."""

    def __init__(self, call: Call, nested: Callable[[str], None]) -> None:
        self.call = call
        self.nested = nested
        self.names: set[str] = set()
        self.endless = 0
        self.printed: list[Value] = []  # by the code itself, not by what it starts

    # --- what things are

    def as_text(self, thing: Thing) -> Value:
        """A thing as one text; a list is its items one after the other."""
        if isinstance(thing, Value):
            return thing
        if isinstance(thing, Items):
            taints = frozenset[str]().union(*(self.as_text(v).taints for v in thing.values))
            return Value((HOLE,), taints)
        return self.item(thing, None)

    def attribute(self, ref: Ref) -> Thing:
        """Attributes that are values."""
        constants: dict[str, Thing] = {"sys.executable": known("python3"), "os.sep": known("/")}
        return constants.get(ref.name, ref)

    def item(self, ref: Ref, index: object) -> Value:
        """`os.environ[...]`, `sys.argv[...]` and the like."""
        if ref.name.startswith("os.environ"):
            if index == "HOME":
                return known(HOME)
            return Value((HOLE,), frozenset({"sensitive"}), "the environment")
        taints = ref.owner.taints if ref.owner is not None else UNKNOWN.taints
        return Value((HOLE,), taints, ref.name)

    def _field(self, value: Value) -> Field:
        texts = tuple(HOME + t[1:] if t[:1] == "~" else t for t in value.texts)
        shown = value.source or value.text
        return Field(Value(texts, value.taints, value.source), self.call.shell.span, shown)

    # --- calls

    def called(
        self, function: Ref, arguments: Sequence[Thing], options: Mapping[str, Thing]
    ) -> Thing:
        """Emit what a call does; the result is what it returns."""
        name = function.name.removeprefix("builtins.").removeprefix("__builtins__.")
        if function.owner is not None:
            return self._method(function, arguments, options)
        self.names.add(name)
        texts = [self.as_text(argument) for argument in arguments]
        first = texts[0] if texts else UNKNOWN
        if name in ("__import__", "importlib.import_module"):
            return Ref(first.text)
        if name == "getattr" and arguments and isinstance(arguments[0], Ref) and len(texts) > 1:
            return Ref(f"{arguments[0].name}.{texts[1].text}", arguments[0].owner)
        if name in ("exec", "eval", "runpy.run_path", "execfile"):
            return self._evaluates(first)
        if name in ("print", "sys.stdout.write"):
            end = [known("\n")] if name == "print" and "end" not in options else []
            parts = [v for text in texts for v in (known(" "), text)][1:]
            self.printed.append(concatenated([*parts, *end] or [known("")]))
        if name in _TEXT_COMMANDS:
            return self.call.run_text(first)
        if name.startswith(("subprocess.", "os.exec", "os.spawn", "os.posix_spawn", "pty.spawn")):
            return self._runs(name, arguments, options)
        if name in _DELETES:
            recursive = ("recursive",) if name == "shutil.rmtree" else ()
            self.call.on_path(EffectKind.DELETE, self._field(first), *recursive)
            return UNKNOWN
        if name in _DECODERS or name in _OPAQUE_DECODERS or name == "codecs.decode":
            return self._decodes(name, first, texts)
        if name.startswith(_GETS):
            return self._requests(name, texts, options)
        if name.startswith(_SECRETS):
            self.call.effect(EffectKind.SECRET, name, "keyring")
            return Value((HOLE,), frozenset({"secret"}), name)
        return self._files(name, arguments, texts, options)

    def _files(
        self,
        name: str,
        arguments: Sequence[Thing],
        texts: list[Value],
        options: Mapping[str, Thing],
    ) -> Thing:
        first = texts[0] if texts else UNKNOWN
        if name == "os.open":
            flags = arguments[1] if len(arguments) > 1 else Ref("os.O_RDONLY")
            mode = "r" if isinstance(flags, Ref) and flags.name == "os.O_RDONLY" else "r+"
            return self._opens([first, known(mode)], {})
        if name in ("open", "io.open", "codecs.open"):
            return self._opens(texts, options)
        if name in _COPIES and len(texts) > 1:
            content = self.call.reads(self._field(first))
            if name == "shutil.move":
                self.call.on_path(EffectKind.MOVE, self._field(first))
            self.call.writes(self._field(texts[1]), content)
        elif name in ("os.rename", "os.replace") and len(texts) > 1:
            self.call.on_path(EffectKind.MOVE, self._field(first))
            self.call.writes(self._field(texts[1]), UNKNOWN)
        elif name == "os.truncate":
            self.call.writes(self._field(first), known(""), "truncate")
        elif name in ("os.chmod", "os.chown", "os.lchown") and len(texts) > 1:
            self._permission(name, first, texts[1])
        elif name in ("os.setuid", "os.setreuid", "os.setresuid") and first.text == "0":
            self.call.effect(EffectKind.PRIVILEGE, "root", "setuid")
        elif name == "os.fork" and self.endless:
            self.call.effect(EffectKind.RESOURCE, "python", "fork", "recursive")
        elif name in ("os.kill", "os.killpg"):
            pids = [Field(t, self.call.shell.span, t.text) for t in texts[:1]]
            self.call.run([self._field(known("kill")), *pids])
        else:
            return self._returned(name, arguments, texts)
        return UNKNOWN

    def _returned(self, name: str, arguments: Sequence[Thing], texts: list[Value]) -> Thing:
        """Calls that matter for what they return."""
        first = texts[0] if texts else UNKNOWN
        if name in _LISTS:
            return self._listed(name, texts)
        if name in ("pathlib.Path.home", "Path.home", "os.getcwd", "pathlib.Path.cwd"):
            return known(HOME if name.endswith("home") else CWD)
        if name in ("os.getenv", "os.environ.get"):
            return self.item(Ref("os.environ"), first.text)
        if name == "getpass.getpass":
            return Value((HOLE,), frozenset({"typed"}), "a typed password")
        if name in ("chr",) and first.text.isdigit():
            return known(chr(int(first.text) % 0x110000))
        if name.startswith("tempfile."):
            return known("/tmp/tmp.python")  # noqa: S108  what the module returns
        if name in _SAME_TEXT:
            return self._same(name, arguments, texts)
        taints = frozenset[str]().union(*(t.taints for t in texts)) if texts else frozenset()
        return Value((HOLE,), taints | UNKNOWN.taints, name)

    def _same(self, name: str, arguments: Sequence[Thing], texts: list[Value]) -> Thing:
        if name == "os.path.join" or (name.startswith("pathlib.") and len(texts) > 1):
            parts = [v for t in texts for v in (known("/"), t)][1:]
            return concatenated(parts) if parts else UNKNOWN
        if name in ("list", "tuple", "sorted", "set", "reversed", "iter") and arguments:
            return arguments[0]
        if name in ("bytes", "bytearray") and arguments and isinstance(arguments[0], Items):
            codes = [self.as_text(item).text for item in arguments[0].values]
            if all(code.isdigit() for code in codes):
                return known("".join(chr(int(code) % 256) for code in codes))
        if name in ("map", "filter") and len(arguments) > 1:
            if isinstance(arguments[0], Ref):
                inner = arguments[1]
                each = inner.values[:8] if isinstance(inner, Items) else (inner,)
                results = [self.called(arguments[0], [item], {}) for item in each]
                return Items(tuple(results)) if name == "map" else arguments[1]
            return arguments[1]
        return texts[0] if texts else UNKNOWN

    def _evaluates(self, code: Value) -> Value:
        hidden = tuple(sorted(code.taints & {"downloaded", "decoded"}))
        if hidden and (not code.known or "downloaded" in hidden):
            self.call.effect(EffectKind.EXECUTE, code.source or None, *hidden)
        elif not code.known and code.text.strip() == HOLE:
            self.call.effect(EffectKind.OPAQUE, code.source or "exec", "code")
        else:
            self.nested(code.text)
        return UNKNOWN

    def _runs(self, name: str, arguments: Sequence[Thing], options: Mapping[str, Thing]) -> Value:
        if name.startswith("subprocess.") and name.rpartition(".")[2] not in (
            "run", "call", "check_call", "check_output", "Popen", "getoutput"
        ):  # fmt: skip
            return UNKNOWN
        start = 1 if name.startswith("os.spawn") else 0
        command = arguments[start] if len(arguments) > start else options.get("args", UNKNOWN)
        if name.startswith(("os.exec", "os.spawn", "os.posix")):
            listed = arguments[start + 1] if len(arguments) > start + 1 else UNKNOWN
            rest = listed.values[1:] if isinstance(listed, Items) else tuple(arguments[start + 2 :])
            command = Items((command, *rest))
        if isinstance(command, Items):
            return self.call.run([self._field(self.as_text(word)) for word in command.values])
        text = self.as_text(command)
        shell = options.get("shell")
        if name.startswith("subprocess.") and shell is None and text.known:
            return self.call.run([self._field(text)]) if " " not in text.text else UNKNOWN
        return self.call.run_text(text)

    def _decodes(self, name: str, first: Value, texts: list[Value]) -> Value:
        taints = first.taints | {"decoded"}
        if not first.known or name in _OPAQUE_DECODERS:
            if name == "zlib.decompress" and first.known:
                return Value((inflated(first.text),), taints, first.source)
            return Value((HOLE,), taints, first.source)
        try:
            if name == "codecs.decode":
                how = texts[1].text if len(texts) > 1 else "utf-8"
                hexed = "rot" not in how
                shown = (
                    bytes.fromhex(first.text).decode("latin-1")
                    if hexed
                    else codecs.decode(first.text, "rot13")
                )
            else:
                shown = _DECODERS[name](first.text.encode("latin-1", "replace")).decode("latin-1")
        except (ValueError, LookupError, binascii.Error):
            return Value((HOLE,), taints, first.source)
        return Value((shown,), taints, first.source)

    def _requests(self, name: str, texts: list[Value], options: Mapping[str, Thing]) -> Value:
        given = [*texts, *(self.as_text(value) for value in options.values())]
        carried = frozenset[str]().union(*(v.taints for v in given)) if given else frozenset()
        where = texts[0].text if texts and texts[0].known else name
        if carried & {"secret", "sensitive"}:
            found = ("carries:" + t for t in sorted(carried & {"secret", "sensitive"}))
            self.call.effect(EffectKind.NETWORK_OUT, where, *found)
        if steals_identity([text.text for text in texts[:1]]):
            self.call.effect(EffectKind.SECRET, where, "instance-credentials")
        self.call.effect(EffectKind.NETWORK_IN, where)
        return Value((HOLE,), frozenset({"downloaded"}), where)

    def _opens(self, texts: list[Value], options: Mapping[str, Thing]) -> Value:
        if not texts:
            return UNKNOWN
        given = options.get("mode")
        mode = texts[1].text if len(texts) > 1 else self.as_text(given).text if given else "r"
        where = self._field(texts[0])
        if any(letter in mode for letter in "wax+"):
            how = "append" if "a" in mode or "+" in mode else "truncate"
            self.call.writes(where, UNKNOWN, how)
            return Value(texts[0].texts, frozenset({"opened"}), texts[0].source)
        content = self.call.reads(where)
        return Value((HOLE,), content.taints, where.raw)

    def _permission(self, name: str, where: Value, mode: Value) -> None:
        kind = EffectKind.PERMISSION if name == "os.chmod" else EffectKind.OWNER
        digits = int(mode.text) if mode.text.isdigit() else 0
        attributes = ["world-write"] if digits & 0o002 else []
        attributes += ["setuid"] if digits & 0o4000 else []
        self.call.on_path(kind, self._field(where), *attributes)

    def _listed(self, name: str, texts: list[Value]) -> Value:
        """Names in a folder: of a listing the bare names, of a glob the paths."""
        folder = texts[0] if texts else known(".")
        many = folder.taints | {"many"}
        if name.startswith("glob."):
            texts_ = tuple(text.replace("*", STAR) for text in folder.texts)
            return Value(texts_, many, folder.source)
        if name.startswith("os.listdir"):
            return Value((STAR,), many, folder.source)
        below = tuple(text.rstrip("/") + "/" + STAR for text in folder.texts)
        return Value(below, many, folder.source)

    # --- methods

    def _method(
        self, function: Ref, arguments: Sequence[Thing], options: Mapping[str, Thing]
    ) -> Thing:
        owner = function.owner or UNKNOWN
        method = function.name.rpartition(".")[2]
        texts = [self.as_text(argument) for argument in arguments]
        if method in ("unlink", "rmdir") and owner.text:
            self.call.on_path(EffectKind.DELETE, self._field(owner))
            return UNKNOWN
        opened = "opened" in owner.taints
        if method in (
            ("write", "writelines") if opened else ("write_text", "write_bytes", "touch")
        ):
            how = "append" if opened else "truncate"
            self.call.writes(self._field(owner), texts[0] if texts else UNKNOWN, how)
            return UNKNOWN
        if method in ("read_text", "read_bytes"):
            return self.call.reads(self._field(owner))
        if method in ("glob", "rglob", "iterdir") and owner.known:
            every = method != "iterdir" and texts and texts[0].text.strip("*") != ""
            extra = {"many", "filtered"} if every else {"many"}
            return Value((owner.text.rstrip("/") + "/" + STAR,), frozenset(extra), owner.source)
        if method == "chmod" and texts:
            self._permission("os.chmod", owner, texts[0])
            return UNKNOWN
        if method == "expanduser":
            return owner
        if method in ("joinpath",):
            return concatenated([owner, *(v for t in texts for v in (known("/"), t))])
        return self._text_method(method, owner, function, arguments, texts)

    def _text_method(
        self, method: str, owner: Value, function: Ref, arguments: Sequence[Thing],
        texts: list[Value],
    ) -> Thing:  # fmt: skip
        if method == "join" and arguments and isinstance(arguments[0], Items) and owner.known:
            parts = [v for i in arguments[0].values for v in (owner, self.as_text(i))][1:]
            return concatenated(parts) if parts else known("")
        if method == "split" and owner.known and all(t.known for t in texts):
            pieces = owner.text.split(texts[0].text or None) if texts else owner.text.split()
            return Items(tuple(known(piece) for piece in pieces[:64]))
        if method in ("decode", "encode", "strip", "rstrip", "lstrip", "format"):
            if method == "format" and texts and all(t.known for t in texts) and owner.known:
                return known(_formatted(owner.text, [t.text for t in texts]))
            return owner
        if method == "replace" and owner.known and len(texts) > 1 and all(t.known for t in texts):
            return Value((owner.text.replace(texts[0].text, texts[1].text),), owner.taints)
        if method in ("lower", "upper", "swapcase", "title") and owner.known:
            return Value((str(getattr(owner.text, method)()),), owner.taints)
        taints = owner.taints.union(*(t.taints for t in texts)) - {"opened"}
        return Value((HOLE,), taints, owner.source)

    def finish(self) -> None:
        """A socket joined to a program."""
        sockets = any(name.startswith("socket.") for name in self.names)
        joined = {"os.dup2", "pty.spawn"} & self.names
        if sockets and joined:
            serves = any(name.endswith((".bind", ".listen")) for name in self.names)
            kind = "bind" if serves else "reverse"
            self.call.effect(EffectKind.REMOTE_SHELL, "a socket", kind)


def _formatted(template: str, texts: list[str]) -> str:
    for text in texts:
        template = template.replace("{}", text, 1)
    return template
