"""Every decoder, with any bytes: never an exception, never an answer from a wrong checksum, and the same at every split.
The rows are those of verification/decoders.py, where a driver's dialect is found by its entry point."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hal.errors import TroubleKind
from hal.generators.spellman import CommaDialect
from verification import decoders, fuzz
from verification.decoders import Row, outcome, rows, try_row

ROWS = {row.name: row for row in rows()}
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def replies(name: str) -> tuple[bytes, ...]:
    return ROWS[name].replies()


@st.composite
def damaged(draw: st.DrawFn, name: str) -> tuple[int, bytes]:
    """A question and what its device says to it or to another, with some bytes changed, lost, doubled, put in or put behind."""
    said = replies(name)
    place = draw(st.integers(0, len(said) - 1))
    data = bytearray(said[draw(st.one_of(st.just(place), st.integers(0, len(said) - 1)))])
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        act = draw(st.integers(0, 4))
        if act == 0 and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif act == 1:
            del data[at : at + draw(st.integers(1, 4))]
        elif act == 2:
            data[at:at] = draw(st.binary(max_size=4))
        elif act == 3:
            data += draw(st.sampled_from(said))
        else:
            data[at : at + 1] = draw(
                st.sampled_from([b",", b"\x02", b"\x03", b"$", b"!", b"0", b"\r", b"\n", b";", b" "])
            )
    return place, bytes(data)


@pytest.mark.parametrize("name", ROWS)
def test_every_good_reply_is_an_answer_at_every_split(name: str) -> None:
    """What the simulated device says, it says to our decoder; cut anywhere it is the same."""
    row, answers = ROWS[name], 0
    for place, said in enumerate(replies(name)):
        try_row(row, place, said, tuple(range(len(said))))
        got = outcome(row, place, (said,))
        assert got.trouble in (None, TroubleKind.REFUSED, TroubleKind.BUSY), (row.questions[place], said, got)
        answers += got.value is not None
    assert answers >= len(row.questions) // 2


@pytest.mark.parametrize("name", ROWS)
def test_damaged_replies(name: str) -> None:
    row: Row = ROWS[name]

    @FEW
    @given(damaged(name), st.integers(0, 300), st.one_of(st.none(), st.integers(0, 50)))
    def tried(case: tuple[int, bytes], cut: int, overtaken: int | None) -> None:
        try_row(row, case[0], case[1], (cut,), overtaken)

    tried()


@pytest.mark.parametrize("name", ROWS)
def test_any_bytes(name: str) -> None:
    row: Row = ROWS[name]

    @FEW
    @given(st.integers(0, 50), st.binary(max_size=300), st.integers(0, 300))
    def tried(place: int, data: bytes, cut: int) -> None:
        try_row(row, place, data, (cut,))

    tried()


@pytest.mark.parametrize("name", [name for name in ROWS if "rtu" in name])
def test_every_flip_of_one_or_two_bits_of_a_reply_is_seen(name: str) -> None:
    """CRC-16 sees them all; so no reply with a bit turned is an answer."""
    row = ROWS[name]
    for place, said in enumerate(replies(name)[:2]):
        for bit in range(8 * len(said)):
            flipped = bytearray(said)
            flipped[bit // 8] ^= 1 << bit % 8
            assert outcome(row, place, (bytes(flipped),)).value is None


def test_the_fuzzers_corpus_and_some_of_what_it_makes_of_it() -> None:
    """Every input that was ever found stays tried; the blind mutation of the same goes a little way."""
    all_rows, stream = tuple(ROWS.values()), random.Random(7)
    corpus = [*fuzz.seeds(), *fuzz.fresh_seeds(all_rows)]
    assert len(fuzz.seeds()) >= 8
    for data in (*corpus, *(fuzz.mutated(stream, corpus) for _ in range(1000))):
        fuzz.one_input(decoders, all_rows, data)


def test_the_fuzzer_finds_a_checksum_that_nobody_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder with a planted fault does not get past it, so passing means something."""
    monkeypatch.setattr(CommaDialect, "_body", lambda self, got: got[1:-1] if self._packets else got[1:-2])
    all_rows = tuple(row for name, row in ROWS.items() if name == "spellman-xrv, line")
    corpus = fuzz.fresh_seeds(all_rows)
    with pytest.raises(AssertionError, match="wrong checksum"):
        fuzz.blind(lambda data: fuzz.one_input(decoders, all_rows, data), corpus, 5.0, 1)


def test_a_comma_frame_is_endless_at_the_same_length_however_it_comes() -> None:
    """Found by the fuzzer: over-long with its end in the same read, it was somebody's reply; in pieces it was damage."""
    row = ROWS["spellman-xrv, port"]
    for length in range(155, 168):
        data = b"\x0222," + b"0" * (length - 6) + b",\x03"
        try_row(row, 1, data, (80, 159, 160, 161), 3)
