"""The key that turns a user and a query into digests nobody can guess back.

A plain hash of "list files" is in anybody's dictionary; an HMAC with a key that never leaves
this machine is not. The key is 32 random bytes in `<state>/journal.key`, mode 0600, made on
first use. Whoever loses it loses only the ability to recognise the same query again.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from pathlib import Path

from cli_tuner.errors import JournalError
from cli_tuner.journal.files import failure, locked, private_folders

KEY_NAME = "journal.key"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """The key itself, which shows in no representation, and what it is for."""

    secret: bytes = field(repr=False)

    def user_hmac(self) -> str:
        """This user as 64 hexadecimal digits; the same on every call."""
        return self._hmac("user", str(os.getuid()))

    def caller_hmac(self, name: str) -> str:
        """Somebody else who was let in, by the name of what let them in."""
        return self._hmac("caller", name)

    def query_hmac(self, text: str) -> str:
        """A query as 64 hexadecimal digits. Takes any text, even one that boundary 1 refuses."""
        return self._hmac("query", text)

    def _hmac(self, domain: str, text: str) -> str:
        # The domain is part of the message, so a query "1000" is not the digest of user 1000.
        message = f"cli-tuner {domain} 1\0".encode() + text.encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()


def load_key(state: Path) -> Key:
    """The key in the state folder, made if there is none; two processes get the same one.

    Raises JournalError if it cannot be made or read, or if others could have read it.
    """
    path = state / KEY_NAME
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        private_folders(state, state)
        return _made_once(path)
    except OSError as error:
        raise failure(path, "use the key", error) from error


def _read(path: Path) -> Key:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        secret = os.read(descriptor, KEY_BYTES + 1)
    finally:
        os.close(descriptor)
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise JournalError(
            f"the key {path} is open to other users (mode {status.st_mode & 0o777:04o})",
            hint=f"if nobody read it: chmod 600 {path}; otherwise delete it for a new one",
        )
    if len(secret) != KEY_BYTES:
        raise JournalError(
            f"the key {path} has {status.st_size} bytes instead of {KEY_BYTES}",
            hint="restore it from a copy, or delete it: a new one is made on the next use",
        )
    return Key(secret)


def _made_once(path: Path) -> Key:
    """Make the key unless somebody did meanwhile. The folder's lock settles who is first.

    A rename under the lock rather than a hard link, which some file systems do not have.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with locked(folder, path.parent):
            if not path.exists():
                _write_new(path)
    finally:
        os.close(folder)
    return _read(path)


def _write_new(path: Path) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)  # left by a process that died right here
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        written = os.write(descriptor, os.urandom(KEY_BYTES))
        os.fsync(descriptor)  # once in a lifetime: a power cut must not leave an empty key
    finally:
        os.close(descriptor)
    if written != KEY_BYTES:
        draft.unlink()
        raise OSError(f"only {written} of {KEY_BYTES} bytes could be written")
    draft.rename(path)
