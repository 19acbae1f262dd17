"""A Hub on 127.0.0.1: the few endpoints that publishing and downloading use, and its bad days.

Repositories live in memory: commits with files, tags, and a store of large files by SHA-256. What
it answers was checked against huggingface_hub and datasets, which talk to it in these tests.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".parquet", ".png", ".zst", ".gguf", ".safetensors")
TOKEN = "hf_" + "w" * 34


@dataclass(frozen=True)
class Account:
    name: str
    role: str = "write"
    organizations: tuple[str, ...] = ()

    def owns(self, owner: str) -> bool:
        return owner in (self.name, *self.organizations)


@dataclass(frozen=True)
class Blob:
    data: bytes
    large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def git_sha1(self) -> str:
        stored = self.pointer if self.large else self.data
        return hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()

    @property
    def pointer(self) -> bytes:
        """What git itself holds of a large file."""
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\n"
            f"size {len(self.data)}\n"
        ).encode()


@dataclass(frozen=True)
class Commit:
    id: str
    title: str
    files: Mapping[str, Blob]


@dataclass
class Repo:
    private: bool
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def add(self, title: str, files: Mapping[str, Blob]) -> Commit:
        seed = f"{len(self.commits)} {title} {sorted((p, b.git_sha1) for p, b in files.items())}"
        commit = Commit(hashlib.sha1(seed.encode()).hexdigest(), title, dict(files))
        self.commits.append(commit)
        return commit

    def at(self, revision: str) -> Commit | None:
        if revision == "main":
            return self.commits[-1]
        revision = self.tags.get(revision, revision)
        return next((commit for commit in self.commits if commit.id == revision), None)


@dataclass
class Fault:
    """The next `times` requests like this fail: with a status, cut in the body, or for ever."""

    request: str  # a pattern over "PUT /lfs/..."
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int = -1  # bytes of the body, then the connection is closed
    lose_answer: bool = False  # do the work, then close the connection
    stall: bool = False  # read nothing more until the server ends
    times: int = 1


@dataclass
class Seen:
    """One request: its line, and how many bytes of body arrived."""

    line: str
    authorization: str
    received_bytes: int = 0


@dataclass
class Hub:
    accounts: dict[str, Account] = field(default_factory=lambda: {TOKEN: Account("team")})
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    store: dict[str, bytes] = field(default_factory=dict)
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    xorbs: dict[str, list[bytes]] = field(default_factory=dict)  # the chunks of each
    xet: bool = False  # whether it offers the Xet way of uploading
    part_bytes: int = 0  # more than 0: large files travel in parts of this size
    ignored: tuple[str, ...] = ()  # paths that a .gitignore of the repository ignores
    url: str = ""
    stalled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def dataset(self, name: str) -> Repo:
        return self.repos["dataset", name]

    def create(self, kind: str, name: str, *, private: bool) -> Repo:
        repo = self.repos[kind, name] = Repo(private)
        repo.add("initial commit", {".gitattributes": Blob(b"*.parquet filter=lfs\n", False)})
        return repo

    def lines(self, pattern: str) -> list[str]:
        """The requests so far that match."""
        return [seen.line for seen in self.seen if re.search(pattern, seen.line)]

    def sent_bytes(self) -> int:
        """The bytes of large files that arrived, whether or not they were kept."""
        sending = [seen for seen in self.seen if re.match("PUT |POST /cas/v1/xorbs", seen.line)]
        return sum(seen.received_bytes for seen in sending)

    def fault_for(self, line: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.request, line):
                    fault.times -= 1
                    return fault
        return None


class _Cut(Exception):
    """The connection is to be closed now."""


class _Refusal(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        self.status, self.message, self.code = status, message, code


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: otherwise each answer waits 40 ms
    disable_nagle_algorithm = True
    seen: Seen
    fault: Fault | None

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815  the names that http.server calls

    def _serve(self) -> None:
        line = f"{self.command} {self.path}"
        self.seen = Seen(line, self.headers.get("Authorization", ""))
        self.hub.seen.append(self.seen)
        self.fault = self.hub.fault_for(line)
        try:
            body = self._body()
            if self.fault is not None and self.fault.status:
                raise _Refusal(self.fault.status, self.fault.headers.get("X-Error-Message", ""))
            status, headers, answer = self._route(body)
            if self.fault is not None and self.fault.lose_answer:
                raise _Cut
            self._send(status, headers, answer)
        except _Refusal as refusal:
            headers = {"X-Error-Message": refusal.message, "X-Error-Code": refusal.code}
            if self.fault is not None:
                headers |= self.fault.headers
            error = json.dumps({"error": refusal.message}).encode()
            self._send(refusal.status, {k: v for k, v in headers.items() if v}, error)
        except (_Cut, OSError):
            self.close_connection = True
            self._hang_up()

    def _hang_up(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # What arrives

    def _body(self) -> bytes:
        data = b""
        for chunk in self._chunks():
            data += chunk
            self.seen.received_bytes = len(data)
            if self.fault is not None and self.fault.stall:
                self.hub.stalled.set()
                self.hub.ended.wait()
                raise _Cut
            if self.fault is not None and 0 <= self.fault.cut_after <= len(data):
                raise _Cut
        return data

    def _chunks(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left:
            chunk = self.rfile.read1(min(left, 65536))
            if not chunk:
                raise _Cut
            left -= len(chunk)
            yield chunk

    # Where it goes

    def _route(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), parse_qs(parts.query)
        with self.hub.lock:
            for verb, pattern, answer in _ROUTES:
                found = re.fullmatch(pattern, path)
                if found and self.command in verb.split():
                    return answer(self, found, query, body)
        raise _Refusal(404, f"no route for {self.command} {path}")

    def _account(self) -> Account:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.hub.accounts:
            raise _Refusal(401, "Invalid credentials in Authorization header")
        return self.hub.accounts[token]

    def _readable(self, kind: str, name: str) -> Repo:
        repo = self.hub.repos.get((kind, name))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        account = self.hub.accounts.get(token)
        owner = account is not None and account.owns(name.partition("/")[0])
        if repo is None or (repo.private and not owner):
            raise _Refusal(404 if account else 401, "Repository not found", "RepoNotFound")
        return repo

    def _writable(self, kind: str, name: str) -> Repo:
        account, repo = self._account(), self._readable(kind, name)
        if not account.owns(name.partition("/")[0]) or account.role == "read":
            raise _Refusal(403, f"You don't have write access to {name}")
        return repo

    def _commit(self, repo: Repo, revision: str) -> Commit:
        commit = repo.at(revision)
        if commit is None:
            raise _Refusal(404, "Invalid rev id", "RevisionNotFound")
        return commit


Answer = tuple[int, Mapping[str, str], bytes]


def _json(value: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def whoami(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    account = self._account()
    token = {"displayName": "t", "role": account.role}
    return _json(
        {
            "type": "user",
            "name": account.name,
            "orgs": [{"name": name} for name in account.organizations],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def create(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    account, wanted = self._account(), json.loads(body)
    owner = wanted.get("organization") or account.name
    name, kind = f"{owner}/{wanted['name']}", wanted.get("type", "model")
    if not account.owns(owner) or account.role == "read":
        raise _Refusal(403, f'You don\'t have the rights to create a {kind} under "{owner}"')
    url = f"{self.hub.url}/{'datasets/' if kind == 'dataset' else ''}{name}"
    if (kind, name) in self.hub.repos:
        return _json({"error": "You already created this repo", "url": url}, 409)
    private = wanted.get("visibility", "public") == "private" or wanted.get("private", False)
    self.hub.create(kind, name, private=private)
    return _json({"url": url, "name": name})


def info(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    repo = self._readable(found["kind"], found["name"])
    commit = self._commit(repo, found["revision"] or "main")
    return _json(
        {
            "id": found["name"],
            "author": found["name"].split("/")[0],
            "sha": commit.id,
            "private": repo.private,
            "disabled": False,
            "gated": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": [{"rfilename": path} for path in commit.files],
        }
    )


def _listed(path: str, blob: Blob) -> dict[str, Any]:
    entry = {"type": "file", "path": path, "size": len(blob.data), "oid": blob.git_sha1}
    if blob.large:
        lfs = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": len(blob.pointer)}
        entry["lfs"] = lfs
    return entry


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": "0" * 40, "size": 0}


def tree(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    repo = self._readable(found["kind"], found["name"])
    commit = self._commit(repo, found["revision"])
    prefix = f"{found['path']}/" if found["path"] else ""
    deep = query.get("recursive", ["false"])[0].lower() in ("true", "1")
    entries: dict[str, dict[str, Any]] = {}
    for path, blob in sorted(commit.files.items()):
        if not path.startswith(prefix):
            continue
        steps = path[len(prefix) :].split("/")
        for depth in range(1, len(steps)):
            folder = prefix + "/".join(steps[:depth])
            if deep or depth == 1:
                entries[folder] = _folder(folder)
        if deep or len(steps) == 1:
            entries[path] = _listed(path, blob)
    if prefix and not entries:
        raise _Refusal(404, "Entry not found", "EntryNotFound")
    return _json(list(entries.values()))


def paths_info(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    repo = self._readable(found["kind"], found["name"])
    files = self._commit(repo, found["revision"]).files
    form = self.headers.get("Content-Type", "")
    wanted = json.loads(body) if "json" in form else parse_qs(body.decode())
    entries = []
    for path in wanted.get("paths", []):
        if path in files:
            entries.append(_listed(path, files[path]))
        elif any(name.startswith(f"{path}/") for name in files):
            entries.append(_folder(path))
    return _json(entries)


def refs(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    repo = self._readable(found["kind"], found["name"])
    tags = [
        {"name": name, "ref": f"refs/tags/{name}", "targetCommit": commit}
        for name, commit in repo.tags.items()
    ]
    main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.commits[-1].id}
    return _json({"branches": [main], "converts": [], "tags": tags})


def tag(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    repo = self._writable(found["kind"], found["name"])
    name = json.loads(body)["tag"]
    if name in repo.tags:
        raise _Refusal(409, "Tag already exists")
    repo.tags[name] = self._commit(repo, found["revision"]).id
    return _json({})


def validate_yaml(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    content = json.loads(body)["content"]
    return _json(
        {"errors": [], "warnings": [] if content.startswith("---\n") else [{"message": "empty"}]}
    )


def preupload(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    repo = self._writable(found["kind"], found["name"])
    have = self._commit(repo, found["revision"]).files
    answers = []
    for file in json.loads(body)["files"]:
        path = file["path"]
        large = path.endswith(LARGE) or file["size"] > 10 << 20
        answer = {"path": path, "uploadMode": "lfs" if large else "regular"}
        answer["shouldIgnore"] = path in self.hub.ignored
        if path in have:
            answer["oid"] = have[path].sha256 if have[path].large else have[path].git_sha1
        answers.append(answer)
    return _json({"files": answers})


def batch(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    self._writable(found["kind"], found["name"])
    objects = []
    for wanted in json.loads(body)["objects"]:
        oid, size = wanted["oid"], wanted["size"]
        answer = {"oid": oid, "size": size}
        if oid not in self.hub.store:
            answer["actions"] = _upload_actions(self.hub, oid, size)
        objects.append(answer)
    transfer = "multipart" if self.hub.part_bytes else "basic"
    return _json({"transfer": transfer, "objects": objects})


def _upload_actions(hub: Hub, oid: str, size: int) -> dict[str, Any]:
    verify = {"href": f"{hub.url}/lfs/{oid}/verify"}
    step = hub.part_bytes
    if not step:
        return {"upload": {"href": f"{hub.url}/lfs/{oid}?Signature=secret"}, "verify": verify}
    urls = {
        str(number + 1).zfill(5): f"{hub.url}/lfs/{oid}/part/{number + 1}?Signature=secret"
        for number in range(-(-size // step))
    }
    header = {"chunk_size": str(step), **urls}
    return {"upload": {"href": f"{hub.url}/lfs/{oid}/complete", "header": header}, "verify": verify}


def put(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    if hashlib.sha256(body).hexdigest() != found["oid"]:
        raise _Refusal(400, "the bytes are not those of the digest")
    self.hub.store[found["oid"]] = body
    return 200, {}, b""


def put_part(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    self.hub.parts[found["oid"], int(found["number"])] = body
    return 200, {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}, b""


def complete(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    numbers = [part["partNumber"] for part in json.loads(body)["parts"]]
    whole = b"".join(self.hub.parts.pop((found["oid"], number)) for number in numbers)
    return put(self, found, query, whole)


def verify(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    self._account()
    if len(self.hub.store.get(found["oid"], b"")) != json.loads(body)["size"]:
        raise _Refusal(404, "Object not found")
    return _json({})


# Xet, from its public specification (huggingface.co/docs/xet): a file is cut into chunks, chunks
# travel in xorbs, and a shard says which chunks of which xorbs make up which file.


def xet_token(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    self._writable(found["kind"], found["name"])
    if not self.hub.xet:
        raise _Refusal(404, "Not Found")
    cas, end = f"{self.hub.url}/cas", 4_000_000_000
    headers = {"X-Xet-Cas-Url": cas, "X-Xet-Access-Token": "x", "X-Xet-Token-Expiration": str(end)}
    _, kind, answer = _json({"casUrl": cas, "accessToken": "x", "exp": end})
    return 200, {**kind, **headers}, answer


def put_xorb(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    new = found["hash"] not in self.hub.xorbs
    self.hub.xorbs[found["hash"]] = list(_chunks_of(body))
    return _json({"was_inserted": new})


def _chunks_of(xorb: bytes) -> Iterator[bytes]:
    """The chunks: each has a header of version, packed size, way of packing, and size."""
    import pyarrow

    place = 0
    while place + 8 <= len(xorb) and xorb[place] == 0:
        packed, way = int.from_bytes(xorb[place + 1 : place + 4], "little"), xorb[place + 4]
        size = int.from_bytes(xorb[place + 5 : place + 8], "little")
        data = xorb[place + 8 : place + 8 + packed]
        place += 8 + packed
        if way:
            data = pyarrow.Codec("lz4").decompress(data, size, asbytes=True)
        yield _ungrouped(data) if way == 2 else data


def _ungrouped(data: bytes) -> bytes:
    """Undo the grouping of every fourth byte."""
    whole, start = bytearray(len(data)), 0
    for offset in range(4):
        count = len(range(offset, len(data), 4))
        whole[offset::4] = data[start : start + count]
        start += count
    return bytes(whole)


def put_shard(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    place = 48  # after the header
    while body[place : place + 32] != b"\xff" * 32:
        flags, entries = struct.unpack_from("<II", body, place + 32)
        place += 48
        whole = b"".join(_segment(self.hub, body, place + 48 * n) for n in range(entries))
        self.hub.store[hashlib.sha256(whole).hexdigest()] = whole
        verified, described = flags >> 31 & 1, flags >> 30 & 1
        place += 48 * (entries * (1 + verified) + described)
    return _json({"result": 1})


def _segment(hub: Hub, shard: bytes, place: int) -> bytes:
    xorb = "".join(f"{part:016x}" for part in struct.unpack_from("<4Q", shard, place))
    _, _, first, end = struct.unpack_from("<IIII", shard, place + 32)
    return b"".join(hub.xorbs[xorb][first:end])


def commit(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    repo = self._writable(found["kind"], found["name"])
    lines = [json.loads(line) for line in body.splitlines()]
    header, files = lines[0]["value"], dict(repo.commits[-1].files)
    if header.get("parentCommit") not in (None, repo.commits[-1].id):
        raise _Refusal(412, "A commit has happened since. Please refresh and try again.")
    for line in lines[1:]:
        value, path = line["value"], line["value"]["path"]
        if line["key"] == "file":
            files[path] = Blob(base64.b64decode(value["content"]), large=False)
        elif line["key"] == "lfsFile":
            if value["oid"] not in self.hub.store:
                raise _Refusal(400, f"LFS pointer pointed to a file that does not exist: {path}")
            files[path] = Blob(self.hub.store[value["oid"]], large=True)
        elif path not in files:
            raise _Refusal(404, "A file with this name doesn't exist", "EntryNotFound")
        else:
            del files[path]
    made = repo.add(header["summary"], files)
    url = f"{self.hub.url}/datasets/{found['name']}/commit/{made.id}"
    return _json({"success": True, "commitOid": made.id, "commitUrl": url})


def resolve(self: _Handler, found: re.Match[str], query: Any, body: bytes) -> Answer:
    kind = "dataset" if found["prefix"] else "model"
    repo = self._readable(kind, found["name"])
    revision = self._commit(repo, found["revision"])
    blob = revision.files.get(found["path"])
    if blob is None:
        raise _Refusal(404, "Entry not found", "EntryNotFound")
    headers = {"X-Repo-Commit": revision.id, "Accept-Ranges": "bytes"}
    headers["ETag"] = f'"{blob.sha256 if blob.large else blob.git_sha1}"'
    if blob.large:
        headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(len(blob.data))}
    data, status = blob.data, 200
    if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
        start, end = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        data, status = data[start : end + 1], 206
    return status, {**headers, "Content-Length": str(len(data))}, data


_API = r"/api/(?P<kind>dataset|model)s/(?P<name>[^/]+/[^/]+)"
_LFS = r"/lfs/(?P<oid>[0-9a-f]{64})"
_ROUTES = (
    ("GET", r"/api/whoami-v2", whoami),
    ("POST", r"/api/repos/create", create),
    ("POST", r"/api/validate-yaml", validate_yaml),
    ("GET", _API + r"(?:/revision/(?P<revision>.+))?", info),
    ("GET", _API + r"/tree/(?P<revision>[^/]+)/?(?P<path>.*)", tree),
    ("POST", _API + r"/paths-info/(?P<revision>.+)", paths_info),
    ("GET", _API + r"/refs", refs),
    ("POST", _API + r"/tag/(?P<revision>.+)", tag),
    ("POST", _API + r"/preupload/(?P<revision>.+)", preupload),
    ("POST", _API + r"/commit/(?P<revision>.+)", commit),
    (
        "POST",
        r"/(?P<prefix>datasets/)?(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch",
        lambda self, found, query, body: batch(self, _Kinded(found), query, body),
    ),
    ("GET", _API + r"/xet-write-token/(?P<revision>.+)", xet_token),
    ("POST", r"/cas/v1/xorbs/default/(?P<hash>[0-9a-f]{64})", put_xorb),
    ("POST", r"/cas/v1/shards", put_shard),
    ("PUT", _LFS, put),
    ("PUT", _LFS + r"/part/(?P<number>\d+)", put_part),
    ("POST", _LFS + r"/complete", complete),
    ("POST", _LFS + r"/verify", verify),
    (
        "GET HEAD",
        r"/(?P<prefix>datasets/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
        resolve,
    ),
)


class _Kinded(dict[str, str]):
    """The groups of an address outside the API, with the kind that its prefix means."""

    def __init__(self, found: re.Match[str]) -> None:
        super().__init__(found.groupdict())
        self["kind"] = "dataset" if found["prefix"] else "model"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are what is tested."""


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A Hub on a port of its own, until the end of the block."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with _Server(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield hub
        hub.ended.set()
        server.shutdown()
        thread.join()
