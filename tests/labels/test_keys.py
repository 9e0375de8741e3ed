"""Keys: wrapping binds them to master key and row, the keyring finds them, and nothing shows them."""

import pickle

import pytest

from labels import code, keys
from labels.errors import Forged, LabelError, Malformed, NoKey, TooSmall, UnknownWrapping, WrongMasterKey

OLD, NEW, MASTER = b"o" * 32, b"n" * 32, b"m" * 32


def ring() -> keys.Keyring:
    return keys.Keyring(((1001, 2, NEW), (1, 1, OLD)))


def test_a_wrapped_key_opens_again() -> None:
    secret = keys.new_secret()
    wrapped = keys.wrap(secret, MASTER, key_id=7)
    assert len(secret) == 32
    assert secret not in wrapped
    assert keys.unwrap(wrapped, MASTER, key_id=7) == secret
    assert keys.wrap(secret, MASTER, key_id=7) != wrapped


def test_the_wrong_master_another_row_or_a_changed_byte_do_not_open_it() -> None:
    wrapped = keys.wrap(OLD, MASTER, key_id=7)
    for master, key_id, stored in (
        (b"x" * 32, 7, wrapped), (b"short", 7, wrapped), (MASTER, 8, wrapped),
        (MASTER, 7, wrapped[:-1] + bytes([wrapped[-1] ^ 1])),
    ):  # fmt: skip
        with pytest.raises(WrongMasterKey):
            keys.unwrap(stored, master, key_id=key_id)


@pytest.mark.parametrize(
    "damage", [lambda w: w[:0], lambda w: w[:-1], lambda w: b"\x02" + w[1:]], ids=["empty", "short", "version"]
)
def test_an_unknown_wrapping_is_named_as_such(damage) -> None:
    with pytest.raises(UnknownWrapping):
        keys.unwrap(damage(keys.wrap(OLD, MASTER, key_id=1)), MASTER, key_id=1)


def test_each_serial_has_the_key_that_covers_it() -> None:
    assert [ring().secret_for(serial) for serial in (1, 1000, 1001, 9999)] == [OLD, OLD, NEW, NEW]
    with pytest.raises(NoKey):
        ring().secret_for(0)
    with pytest.raises(NoKey):
        keys.Keyring(()).secret_for(1)


def test_a_code_is_good_only_under_its_own_key() -> None:
    assert ring().verify(code.encode(1000, OLD)).serial == 1000
    assert ring().verify(code.encode(1001, NEW)).serial == 1001
    for forged in (code.encode(1000, NEW), code.encode(1001, OLD)):
        with pytest.raises(Forged):
            ring().verify(forged)
    with pytest.raises(Malformed):
        ring().verify("hello")
    with pytest.raises(Forged):
        keys.Keyring(((500, 1, OLD),)).verify(code.encode(3, OLD))


def test_a_range_across_a_key_change_is_encoded_under_both() -> None:
    made = list(ring().codes(range(999, 1003)))
    assert [serial for serial, _ in made] == [999, 1000, 1001, 1002]
    assert [printed for _, printed in made] == [
        code.encode(999, OLD), code.encode(1000, OLD), code.encode(1001, NEW), code.encode(1002, NEW)
    ]  # fmt: skip


def test_two_keys_cannot_begin_at_one_serial() -> None:
    with pytest.raises(ValueError, match="one serial"):
        keys.Keyring(((1, 1, OLD), (1, 2, NEW)))


def test_secrets_are_never_shown() -> None:
    shown = f"{ring()!r} {ring()} {[ring()]}"
    assert shown.startswith("Keyring(key 1 from 1, key 2 from 1001)")
    assert "ooo" not in shown
    assert "nnn" not in shown


def test_errors_say_their_facts_also_after_crossing_a_process() -> None:
    error = pickle.loads(pickle.dumps(TooSmall(smallest_mm=17.4)))
    assert isinstance(error, LabelError)
    assert str(error) == "The QR code would be too small to scan. It needs at least 17.4 mm."
