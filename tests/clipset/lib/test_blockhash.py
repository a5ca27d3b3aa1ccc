"""A hash that another process can continue."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipset.lib import blockhash
from clipset.lib.blockhash import BLOCK, MIN_THREADED_BYTES, START, BlockHash, HashBeside

BYTES = hashlib.shake_256(b"video").digest(2 * BLOCK + 1000)


def of(data: bytes) -> str:
    return BlockHash.of_file(io.BytesIO(data), len(data)).hexdigest()


def test_it_is_the_chain_that_it_says() -> None:
    state = bytes(32)
    for start in (0, BLOCK, 2 * BLOCK):
        state = hashlib.sha256(state + BYTES[start : start + BLOCK]).digest()
    assert of(BYTES) == state.hex()
    assert of(b"") == START


@pytest.mark.parametrize("offset", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, len(BYTES)])
def test_it_goes_on_from_any_offset_by_what_was_kept(offset: int) -> None:
    before = BlockHash()
    before.update(BYTES[:offset])
    file = io.BytesIO(BYTES)
    after = BlockHash.resume(before.state, file, offset)
    assert file.tell() == offset
    after.update(BYTES[offset:])
    assert after.hexdigest() == of(BYTES)


def test_to_go_on_less_than_a_block_is_read_again() -> None:
    class Counting(io.BytesIO):
        seen = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.seen += len(data)
            return data

    before = BlockHash()
    before.update(BYTES)
    file = Counting(BYTES)
    BlockHash.resume(before.state, file, len(BYTES))
    assert file.seen == 1000


def test_a_copy_goes_its_own_way() -> None:
    one = BlockHash()
    one.update(BYTES[:1000])
    other = one.copy()
    other.update(b"else")
    one.update(BYTES[1000:])
    assert one.hexdigest() == of(BYTES)
    assert other.hexdigest() == of(BYTES[:1000] + b"else")


@given(st.lists(st.integers(0, 2000), max_size=20))
def test_how_it_is_cut_makes_no_difference(cuts: list[int]) -> None:
    data = BYTES[:2000]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blockhash, "BLOCK", 512)
        hashed, expected = BlockHash(), BlockHash()
        expected.update(data)
        for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 2000], strict=True):
            hashed.update(data[start:end])
        assert hashed.hexdigest() == expected.hexdigest()


def test_large_and_small_pieces_beside_the_caller_come_in_their_order() -> None:
    beside, start = HashBeside(BlockHash()), 0
    for size in (
        3 * MIN_THREADED_BYTES,
        10,
        MIN_THREADED_BYTES,
        MIN_THREADED_BYTES - 1,
        BLOCK,
        1,
        len(BYTES),
    ):
        beside.update(BYTES[start : start + size])
        start += size
        assert beside.settled().hexdigest() == of(BYTES[:start])
    for start in range(0, len(BYTES), MIN_THREADED_BYTES):  # with nobody who waits in between
        beside.update(BYTES[start : start + MIN_THREADED_BYTES])
    beside.close()
    assert beside.settled().hexdigest() == of(BYTES + BYTES)
