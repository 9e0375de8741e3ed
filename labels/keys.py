"""Label keys: drawing, wrapping under the master key, and the keyring that finds the key of a serial.

Secrets live here only in memory. Where the master key comes from and where wrapped keys are kept is the
caller's business; nothing here is ever printed, logged or shown by repr.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from labels import code
from labels.errors import Forged, NoKey, UnknownWrapping, WrongMasterKey
from labels.source import Labels

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET_BYTES = 32
_VERSION = 1
_CODES_AT_ONCE = 1024
_NONCE_BYTES = 12
_GCM_TAG_BYTES = 16
_WRAPPED_BYTES = 1 + _NONCE_BYTES + SECRET_BYTES + _GCM_TAG_BYTES


def new_secret() -> bytes:
    """Draw a label key (or a master key): 32 random bytes."""
    return secrets.token_bytes(SECRET_BYTES)


def wrap(secret: bytes, master: bytes, *, key_id: int) -> bytes:
    """Encrypt a label key for storage: version byte, 12-byte nonce, AES-256-GCM. It opens only under its own key id."""
    if len(secret) != SECRET_BYTES:
        raise UnknownWrapping
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return bytes([_VERSION]) + nonce + _cipher(master).encrypt(nonce, secret, _bound_to(key_id))


def unwrap(wrapped: bytes, master: bytes, *, key_id: int) -> bytes:
    """The label key again. Raises WrongMasterKey also when the key id or the bytes were altered."""
    if len(wrapped) != _WRAPPED_BYTES or wrapped[0] != _VERSION:
        raise UnknownWrapping
    nonce, sealed = wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :]
    try:
        return _cipher(master).decrypt(nonce, sealed, _bound_to(key_id))
    except InvalidTag as exc:
        raise WrongMasterKey from exc


@dataclass(frozen=True, repr=False, slots=True)
class Keyring:
    """Every label key, each good from its first serial up to the next key's first serial."""

    keys: tuple[tuple[int, int, bytes], ...]
    """(first serial, key id, secret), in any order; no two with one first serial."""

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.keys, key=_first))
        if len({first for first, _, _ in ordered}) != len(ordered):
            msg = "two label keys begin at one serial"
            raise ValueError(msg)
        object.__setattr__(self, "keys", ordered)

    def __repr__(self) -> str:
        return f"Keyring({', '.join(f'key {key_id} from {first}' for first, key_id, _ in self.keys)})"

    def secret_for(self, serial: int) -> bytes:
        """The secret that covers a serial; NoKey when none does."""
        at = bisect_right(self.keys, serial, key=_first)
        if at == 0:
            raise NoKey(serial=serial)
        return self.keys[at - 1][2]

    def verify(self, text: str) -> code.Parsed:
        """Read a code and check its tag. Raises Malformed or Forged; says nothing of whether it was issued."""
        parsed = code.parse(text)
        try:
            secret = self.secret_for(parsed.serial)
        except NoKey as exc:
            raise Forged from exc
        if not code.matches(parsed, secret):
            raise Forged
        return parsed

    def codes(self, serials: range) -> Iterator[tuple[int, str]]:
        """(serial, canonical code) for each serial of a step-1 range, across key changes."""
        for block in self.labels(serials).blocks(_CODES_AT_ONCE):
            text = block.codes.tobytes().decode("ascii")
            for at, serial in enumerate(block.serials.tolist()):
                yield serial, text[code.CODE_LENGTH * at : code.CODE_LENGTH * (at + 1)]

    def labels(self, *ranges: range, hidden: bool = False) -> Labels:
        """The labels of these ranges as a source for sheets, printers and manifests: many times as fast as `codes`."""
        return Labels(self, ranges, hidden)

    def spans(self, serials: range) -> Iterator[tuple[range, bytes]]:
        """The range cut where the key changes, each part with its secret."""
        start = serials.start
        while start < serials.stop:
            secret = self.secret_for(start)
            after = bisect_right(self.keys, start, key=_first)
            stop = min(serials.stop, self.keys[after][0]) if after < len(self.keys) else serials.stop
            yield range(start, stop), secret
            start = stop


def _first(key: tuple[int, int, bytes]) -> int:
    return key[0]


def _cipher(master: bytes) -> AESGCM:
    if len(master) != SECRET_BYTES:
        raise WrongMasterKey
    return AESGCM(master)


def _bound_to(key_id: int) -> bytes:
    return b"temthat/label-key/1\x00" + key_id.to_bytes(8, "big")
