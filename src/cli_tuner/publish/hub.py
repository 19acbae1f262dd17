"""One repository on the Hugging Face Hub, or on whatever speaks its protocol at HF_ENDPOINT.

The requests are made by huggingface_hub, which knows both ways of sending large files (LFS, and
Xet where hf-xet is installed and HF_HUB_DISABLE_XET is not set). It is imported here and only
when a repository is opened. Its log is silenced: it would show signed upload addresses.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from cli_tuner.errors import (
    ConfigError,
    HubLogin,
    HubRefused,
    NotPublishable,
    NotSetUp,
    UsageError,
)
from cli_tuner.publish.package import Item
from cli_tuner.publish.refusals import LOGIN_HINT, offline, reasons, status_of

ENDPOINT = "https://huggingface.co"
STALLED_S = 60.0  # without a single byte in either direction
_IN_MEMORY_BYTES = 10_000_000  # the Hub takes files up to about here with the commit itself
Kind = Literal["dataset", "model"]
_TRUE = frozenset({"1", "on", "yes", "true"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Address:
    """Which repository: `owner/name` and what kind it is."""

    repo: str
    kind: Kind

    def __post_init__(self) -> None:
        owner, _, name = self.repo.partition("/")
        plain = all(_NAME.fullmatch(part) for part in (owner, name))
        if not plain or "--" in self.repo or ".." in self.repo or name.endswith(".git"):
            raise UsageError(
                f'"{self.repo}" is not the name of a repository', hint="give it as OWNER/NAME"
            )


@dataclass(frozen=True)
class RemoteFile:
    """A file as the Hub lists it: `sha256` of a large one, `git_sha1` of any."""

    path: str
    git_sha1: str
    sha256: str | None

    def holds(self, item: Item) -> bool:
        """Whether these are the same bytes."""
        if self.sha256 is not None:
            return self.sha256 == item.sha256
        return self.git_sha1 == item.git_sha1()


@dataclass(frozen=True)
class State:
    """A repository at one moment: its newest commit, its visibility, its files by path."""

    head: str
    private: bool
    files: Mapping[str, RemoteFile]


def endpoint_of(environ: Mapping[str, str]) -> str:
    """The Hub's address. Raises ConfigError if a token must not be sent there."""
    endpoint = environ.get("HF_ENDPOINT", "").strip().rstrip("/") or ENDPOINT
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"HF_ENDPOINT is not an http(s) address: {endpoint}")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ConfigError(
            f"HF_ENDPOINT is {parts.scheme}://{parts.hostname}, where anybody on the way"
            " could read the token",
            hint="use https",
        )
    return endpoint


def page_of(endpoint: str, address: Address) -> str:
    """Where a person looks at the repository."""
    return f"{endpoint}/{'datasets/' if address.kind == 'dataset' else ''}{address.repo}"


def token_of(environ: Mapping[str, str]) -> str:
    """The token: HF_TOKEN, or the one that `hf auth login` stored. Raises HubLogin without one."""
    token = environ.get("HF_TOKEN", "").strip()
    if not token:
        with reasons("reading the Hub's token"):
            token = (_library().get_token() or "").strip()
    if not token:
        raise HubLogin("no token for the Hub", hint=LOGIN_HINT)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise HubLogin("the Hub's token has characters that no token has", hint=LOGIN_HINT)
    return token


def _library() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise NotSetUp(
            "publishing needs huggingface-hub", hint="pip install 'cli-tuner[data]'"
        ) from error
    return huggingface_hub


class Repository:
    """One repository, opened with a token. Every method raises PublishError with one line."""

    def __init__(self, address: Address, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        if environ.get("HF_HUB_OFFLINE", "").strip().lower() in _TRUE:
            raise offline()
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read by the Xet library
        self.address = address
        self.endpoint = endpoint_of(environ)
        self._hub = _library()
        self._api = self._hub.HfApi(
            endpoint=self.endpoint, token=token_of(environ), library_name="cli-tuner"
        )
        self._where = {"repo_id": address.repo, "repo_type": address.kind}
        self._way_is_known = False
        self._hub.logging.set_verbosity_error()
        if not sys.stderr.isatty():
            self._hub.utils.disable_progress_bars()

    @property
    def page(self) -> str:
        """Where a person looks at the repository."""
        return page_of(self.endpoint, self.address)

    def check_login(self) -> str:
        """The account's name. Raises HubLogin if the token is not accepted or can only read."""
        with self._asking("asking the Hub who we are"):
            account = self._api.whoami()
        role = account.get("auth", {}).get("accessToken", {}).get("role")
        name = str(account.get("name", ""))
        if role == "read":
            raise HubLogin(f"the token of {name} can only read", hint=LOGIN_HINT)
        return name

    def state(self) -> State | None:
        """The repository as it is now; None if there is none that this token may see."""
        doing = f"looking at {self.address.repo}"
        with self._asking(doing):
            try:
                info = self._api.repo_info(**self._where, timeout=STALLED_S)
            except self._hub.errors.RepositoryNotFoundError as error:
                if status_of(error) == 404:
                    return None
                raise
        with self._asking(doing):
            listing = self._api.list_repo_tree(**self._where, recursive=True, revision=info.sha)
            files = [entry for entry in listing if hasattr(entry, "blob_id")]
        return State(
            str(info.sha),
            bool(info.private),
            {
                file.path: RemoteFile(file.path, file.blob_id, file.lfs and file.lfs.sha256)
                for file in files
            },
        )

    def create(self, *, private: bool) -> None:
        """Create it; no error if somebody else was faster."""
        with self._asking(f"creating {self.address.repo}"):
            self._api.create_repo(**self._where, private=private, exist_ok=True)

    def addition(self, item: Item) -> Any:
        """The library's operation that puts this file into the repository."""
        small = item.size_bytes <= _IN_MEMORY_BYTES or isinstance(item.content, bytes)
        return self._hub.CommitOperationAdd(item.path, item.read() if small else str(item.content))

    def store(self, item: Item, addition: Any) -> None:
        """Send a large file's bytes unless the Hub has them; small ones go with the commit."""
        with self._asking(f"uploading {item.path}"):
            self._choose_way()
            self._api.preupload_lfs_files(
                self.address.repo,
                [addition],
                repo_type=self.address.kind,
                free_memory=False,
                gitignore_content="",
            )
        if addition.upload_info.is_hashed and addition.upload_info.sha256.hex() != item.sha256:
            raise NotPublishable(f"{item.content!s} changed while it was published")

    def _choose_way(self) -> None:
        """Use LFS where the Hub does not know Xet, as a mirror may not.

        Asked for a token that does not exist, the Xet library tries for minutes.
        """
        if self._way_is_known:
            return
        kind = f"{self.address.kind}s"
        url = f"{self.endpoint}/api/{kind}/{self.address.repo}/xet-write-token/main"
        answer = self._hub.get_session().get(url, headers=self._headers())
        if answer.status_code in (404, 405, 501):
            self._hub.constants.HF_HUB_DISABLE_XET = True
        self._way_is_known = True

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = self._hub.utils.build_hf_headers(token=self._api.token)
        return headers

    def commit(
        self, message: str, additions: Iterable[Any], deletions: Iterable[str], *, parent: str
    ) -> str:
        """Make all of it visible at once, on top of `parent` only; the new commit's id."""
        removals = [self._hub.CommitOperationDelete(path, is_folder=False) for path in deletions]
        with self._asking("committing"):
            made = self._api.create_commit(
                **self._where,
                operations=[*additions, *removals],
                commit_message=message,
                parent_commit=parent,
            )
        return str(made.oid)

    def read(self, path: str, revision: str) -> bytes:
        """A small file's bytes as they are in the repository."""
        url = self._hub.hf_hub_url(
            **self._where, filename=path, revision=revision, endpoint=self.endpoint
        )
        with self._asking(f"reading {path}"):
            answer = self._hub.get_session().get(url, headers=self._headers())
            self._hub.utils.hf_raise_for_status(answer)
            return bytes(answer.content)

    def tags(self) -> dict[str, str]:
        """Every tag and the commit that it names."""
        with self._asking("looking at the tags"):
            refs = self._api.list_repo_refs(**self._where)
        return {tag.name: str(tag.target_commit) for tag in refs.tags}

    def tag(self, name: str, commit: str) -> None:
        """Name a commit."""
        with self._asking(f"tagging {name}"):
            self._api.create_tag(**self._where, tag=name, revision=commit, exist_ok=True)
        if self.tags().get(name) != commit:
            raise HubRefused(f"the tag {name} names another commit", hint="choose a new version")

    @contextmanager
    def _asking(self, doing: str) -> Iterator[None]:
        """Errors with reasons, and no request that waits for ever: the library's default is to.

        Warnings of the libraries below are for whoever maintains them, not for a publisher.
        """
        self._hub.get_session().timeout = STALLED_S
        with reasons(doing), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
