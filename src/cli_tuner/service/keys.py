"""API keys: made here, shown once, kept as digests.

A key is `ctk_<id>_<secret>`: the id (8 hexadecimal digits) finds the entry, the secret has 256
random bits. What has that much randomness needs no slow hash: SHA-256 cannot be guessed back, and
each request can afford it. The file is 0600 and replaced as a whole, under a lock; a service looks
at it again whenever it changed, so a revoked key ends with the next request.

A revoked key stays in the file. So revoking the last one closes the door instead of opening it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cli_tuner.errors import ConfigError, UsageError
from cli_tuner.settings import Paths, private_folder

SCOPES = ("generate", "check", "feedback", "metrics")
RATE, CHECK_RATE = 120, 30_000
"""Requests a minute that a key is given unless told otherwise: generations, and judgements."""

_SECRET = re.compile(r"ctk_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[\w .@:-]{1,64}")
_RATE_MAX = 1_000_000
_FILE_MAX = 4 * 1024 * 1024


class ApiKey(NamedTuple):
    """One key without its secret. Rates are requests a minute, 0 for no limit."""

    id: str
    name: str
    sha256: str
    scopes: tuple[str, ...]
    rate: int
    check_rate: int
    created_at: str
    revoked_at: str | None

    @property
    def is_revoked(self) -> bool:
        """Whether it opens nothing any more."""
        return self.revoked_at is not None


class KeyStore:
    """The keys of one user's services. Threads may share it; so may processes."""

    def __init__(self, paths: Paths) -> None:
        self.path = paths.config / "service-keys.json"
        self._seen: tuple[int, int, int] | None = None
        self._keys: dict[str, ApiKey] = {}
        self._lock = threading.Lock()

    def all(self) -> tuple[ApiKey, ...]:
        """All keys, revoked ones too, in the order they were made.

        Raises ConfigError if the file cannot be read, or if others could have.
        """
        return tuple(self._current().values())

    def create(
        self, name: str, scopes: tuple[str, ...], *, rate: int = RATE, check_rate: int = CHECK_RATE
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which is kept nowhere.

        Raises UsageError for a name, scope or rate that cannot be.
        """
        if not _NAME.fullmatch(name):
            raise UsageError("a key's name has 1 to 64 letters, digits, spaces and . @ : _ -")
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            said = f'there is no scope "{unknown[0]}"' if unknown else "a key needs a scope"
            raise UsageError(said, hint=f"scopes are {', '.join(SCOPES)}")
        if not (0 <= rate <= _RATE_MAX and 0 <= check_rate <= _RATE_MAX):
            raise UsageError(f"a rate is 0 to {_RATE_MAX} requests a minute")
        text = f"ctk_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
        key = ApiKey(
            id=text[4:12],
            name=name,
            sha256=_digest(text),
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            rate=rate,
            check_rate=check_rate,
            created_at=_now(),
            revoked_at=None,
        )

        def add(keys: dict[str, ApiKey]) -> None:
            if any(other.name == name and not other.is_revoked for other in keys.values()):
                raise UsageError(f'there is a key named "{name}"', hint="name another")
            keys[key.id] = key

        self._change(add)
        return key, text

    def revoke(self, wanted: str) -> ApiKey:
        """End the key with this id or name. Raises UsageError if there is none."""
        ended: list[ApiKey] = []

        def end(keys: dict[str, ApiKey]) -> None:
            for key in keys.values():
                if wanted in (key.id, key.name) and not key.is_revoked:
                    ended.append(key._replace(revoked_at=_now()))
                    keys[key.id] = ended[0]
                    return
            raise UsageError(f'there is no key "{wanted}"', hint="see: cli-tuner keys list")

        self._change(end)
        return ended[0]

    def holder(self, text: str) -> ApiKey | None:
        """The key that this text is; None for a text that is none, or is revoked.

        Takes the same time for an unknown id as for a wrong secret. Raises ConfigError as `all`.
        """
        form = _SECRET.fullmatch(text)
        key = self._current().get(form[1]) if form else None
        matches = hmac.compare_digest(_digest(text), key.sha256 if key else "0" * 64)
        return key if matches and key is not None and not key.is_revoked else None

    def _current(self) -> dict[str, ApiKey]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(f"cannot read {self.path}: {error.strerror}") from error
        signature = status.st_ino, status.st_size, status.st_mtime_ns
        with self._lock:
            if signature != self._seen:
                self._keys = _read(self.path)
                self._seen = signature
            return self._keys

    def _change(self, change: Callable[[dict[str, ApiKey]], None]) -> None:
        private_folder(self.path.parent)
        with _locked(self.path.with_suffix(".lock")):
            keys = dict(_read(self.path)) if self.path.exists() else {}
            change(keys)
            _write(self.path, keys)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: Path) -> dict[str, ApiKey]:
    """Raises ConfigError for a file that is not ours to trust: then nobody is let in."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if status.st_uid != os.getuid() or status.st_mode & 0o077:
                raise ConfigError(
                    f"{path} is open to other users", hint=f"if nobody changed it: chmod 600 {path}"
                )
            document = json.loads(file.read(_FILE_MAX))
        rows = [ApiKey(**{**row, "scopes": tuple(row["scopes"])}) for row in document["keys"]]
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path} is damaged", hint="restore it, or move it away and make new keys"
        ) from error
    return {row.id: row for row in rows}


def _write(path: Path, keys: dict[str, ApiKey]) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    document = {"schema_version": "1", "keys": [key._asdict() for key in keys.values()]}
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(handle)
    draft.rename(path)
