"""Labels in blocks say the same as labels one by one."""

import numpy as np
import pytest

from labels import code, source
from labels.errors import NoKey, SerialOutOfRange
from labels.keys import Keyring

KEYRING = Keyring(((1, 1, b"k" * 32), (150, 2, b"l" * 100), (10**6, 3, b"")))


def rows(blocks: list[source.Block]) -> list[tuple[int, str]]:
    return [
        (int(serial), made.tobytes().decode())
        for block in blocks
        for serial, made in zip(block.serials, block.codes, strict=True)
    ]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_blocks_hold_the_codes_that_the_code_module_makes(size: int) -> None:
    ranges = (range(120, 190), range(999_990, 1_000_010), range(code.MAX_SERIAL - 3, code.MAX_SERIAL + 1), range(5, 6))
    labels = KEYRING.labels(*ranges, hidden=True)
    blocks = list(labels.blocks(size))
    assert rows(blocks) == [pair for part in ranges for pair in KEYRING.codes(part)] == list(labels)
    assert {len(block) for block in blocks[:-1]} <= {size}
    assert len(labels) == sum(map(len, blocks)) == 95
    for block in blocks:
        assert block.hidden is not None
        for serial, digits in zip(block.serials.tolist(), block.hidden, strict=True):
            assert digits.tobytes().decode() == code.hidden_code(serial, KEYRING.secret_for(serial))


def test_pairs_from_elsewhere_make_the_same_blocks() -> None:
    pairs = list(KEYRING.codes(range(140, 160)))
    assert rows(list(source.of(iter(pairs)).blocks(6))) == pairs
    (block,) = source.Listed([(1, "0" * 12, "123456")]).blocks(9)
    assert block.hidden is not None
    assert block.hidden.tobytes() == b"123456"


def test_serials_outside_the_series_or_without_a_key_are_refused() -> None:
    with pytest.raises(SerialOutOfRange):
        list(KEYRING.labels(range(code.MAX_SERIAL, code.MAX_SERIAL + 2)).blocks(9))
    with pytest.raises(NoKey):
        list(KEYRING.labels(range(3)).blocks(9))


def test_serials_and_codes_are_shown_as_one_by_one() -> None:
    serials = np.array([1, 999_999, 10**6, 9_999_999, 10**7, 99_999_999, 10**8, 999_999_999, 10**9, code.MAX_SERIAL])
    shown = [
        row.tobytes().decode()
        for start, stop in source.runs_of_one_length(serials)
        for row in source.shown_serials(serials[start:stop])
    ]
    assert shown == [code.show_serial(serial) for serial in serials.tolist()]
    signs = np.frombuffer(b"7K4M92QDXJ3P", np.uint8)[np.newaxis]
    assert source.shown_codes(signs).tobytes() == b"7K4M-92QD-XJ3P"


@pytest.mark.parametrize("short", [0, 3, 6])
def test_the_first_block_is_shorter_where_a_page_was_begun(short: int) -> None:
    for count in (1, 4, 7, 8, 30):
        pairs = list(KEYRING.codes(range(1, count + 1)))
        blocks = list(source.aligned(source.of(pairs).blocks(7), 7, short))
        assert rows(blocks) == pairs
        sizes = [len(block) for block in blocks]
        assert sizes[0] == min(count, 7 - short)
        assert set(sizes[1:-1]) <= {7}
