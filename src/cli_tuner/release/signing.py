"""Signatures: Ed25519 (RFC 8032) over a manifest's bytes, detached, with keys of one's own.

    release.key    private, PKCS #8 in PEM, mode 0600; only `release build` needs it
    release.pub    public, PEM; one block for each key that is trusted

A keyless signature (sigstore) proves who signed by asking servers on the network, at signing and
for fresh roots at verifying. A release must be verified on a machine without a network, so the
trust is a public key that an administrator put into the configuration folder.

OpenSSF's `model-signing` has keys of one's own, too, and needs no network for them. Why it is not
used is in docs/operations/releases.md.

The signed bytes are preceded by a line that says what they are, so that a signature made for
something else with the same key is none here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cli_tuner.artifacts.extras import require
from cli_tuner.errors import ReleaseError, SignatureError
from cli_tuner.settings import Paths, private_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PRIVATE, PUBLIC = "release.key", "release.pub"
MANIFEST = b"cli-tuner release manifest, version 1\n"
PUBLICATION = b"cli-tuner publication, version 1\n"
"""What the signed bytes are; one kind's signature is none for the other."""
_BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


def keygen(paths: Paths) -> tuple[Path, Path, str]:
    """A new pair in the configuration folder: private file, public file, the key's id.

    Raises ReleaseError if there is one already: releases signed with it would be lost.
    """
    _require()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    folder = private_folder(paths.config)
    private, public = folder / PRIVATE, folder / PUBLIC
    for path in (private, public):
        if path.exists():
            raise ReleaseError(f"{path} exists", hint="move it away to make a new pair")
    key = Ed25519PrivateKey.generate()
    _write_new(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write_new(public, pem, 0o644)
    return private, public, key_id(key.public_key())


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ReleaseError(f"{path} cannot be written: {error.strerror}") from error


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def sign(message: bytes, private: Path, kind: bytes = MANIFEST) -> bytes:
    """The signature file's content. Raises ReleaseError if the key cannot be used."""
    key = _private_key(private)
    signature = base64.b64encode(key.sign(kind + message)).decode()
    document = {"algorithm": "Ed25519", "key": key_id(key.public_key()), "signature": signature}
    return json.dumps(document, sort_keys=True).encode() + b"\n"


def _private_key(path: Path) -> Ed25519PrivateKey:
    _require()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        if path.stat().st_mode & 0o077:
            raise ReleaseError(f"others may read {path}", hint=f"run: chmod 600 {path}")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise ReleaseError(
            f"there is no signing key {path}", hint="run: cli-tuner release keygen"
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise ReleaseError(f"{path} is not a private key without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ReleaseError(f"{path} is not an Ed25519 key")
    return key


def trusted_keys(paths: Paths) -> list[Ed25519PublicKey]:
    """The public keys that are trusted. Raises SignatureError if there is none, or a bad one."""
    _require()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    path = paths.config / PUBLIC
    try:
        blocks = _BLOCK.findall(path.read_bytes())
        keys = [load_pem_public_key(block) for block in blocks]
    except FileNotFoundError:
        blocks = keys = []
    except (OSError, ValueError) as error:
        raise SignatureError(f"{path} holds something that is no public key") from error
    found = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not found or len(found) != len(blocks):
        raise SignatureError(
            f"{path} holds no Ed25519 public key to trust",
            hint="put the signer's release.pub there, or run: cli-tuner release keygen",
        )
    return found


def check(
    message: bytes, signature: bytes, paths: Paths, where: Path, kind: bytes = MANIFEST
) -> str:
    """The id of the trusted key that signed the message.

    Raises SignatureError if none did.
    """
    keys = {key_id(key): key for key in trusted_keys(paths)}
    from cryptography.exceptions import InvalidSignature

    try:
        document = json.loads(signature)
        named, raw = document["key"], base64.b64decode(document["signature"], validate=True)
        is_known = document["algorithm"] == "Ed25519" and named in keys and len(document) == 3
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureError(f"the signature of {where} is not readable") from error
    if not is_known:
        raise SignatureError(
            f"{where} is signed by a key that is not trusted here ({str(named)[:16]})",
            hint="see release.pub in the configuration folder",
        )
    try:
        keys[named].verify(raw, kind + message)
    except InvalidSignature:
        raise SignatureError(f"the signature of {where} does not fit what it signs") from None
    return str(named)


def _require() -> None:
    require("cryptography", "release")
