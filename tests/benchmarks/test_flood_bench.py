"""The flood of the bench floods: as many requests as it was told to make, on as many sockets, and it ends with its standard input. `make grid` plays it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import flood
from benchmarks.flood import REQUESTS, SOCKETS, Run, shown
from verification.chain import Chain


@pytest.mark.grid
def test_a_flood_asks_and_holds_and_ends() -> None:
    """Counted at the other end: half of the sockets never end their request, and what was answered is what it says."""
    answered, half, open_at_once = [0], [0], [0]

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        half[0] += 1
        open_at_once[0] = max(open_at_once[0], half[0])
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if b"ontent-Length: 1000" in head:
                    await reader.readexactly(1000)
                elif b"ontent-Length: 2" in head:
                    await reader.readexactly(2)
                answered[0] += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            half[0] -= 1
        finally:
            writer.close()

    async def played() -> int:
        async with await asyncio.start_server(client, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "benchmarks.flood", "--flood", str(port), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )  # fmt: skip
            while answered[0] < 500:
                await asyncio.sleep(0.05)
            said, _ = await process.communicate(b"")
            while half[0]:
                await asyncio.sleep(0.01)
            return int(said)

    said = asyncio.run(asyncio.wait_for(played(), 50.0))
    assert 400 <= said <= answered[0]
    assert open_at_once[0] == SOCKETS


def test_the_table_says_medians_and_the_worst_of_all() -> None:
    runs = [
        Run(500, 10.0, 90.0, worst, 0, float(REQUESTS), 0.001, 0.03, "INTERRUPTED by STOP") for worst in (100.0, 300.0)
    ]
    table = shown({"flooded": runs})
    assert [list(column.cells) for column in table.columns][:5] == [
        ["flooded"],
        ["1000"],
        ["10 us"],
        ["90 us"],
        ["300 us"],
    ]


def test_what_did_not_hold_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of what is asked of an exposure that has ended can fail, and says so."""

    class Rig:
        def truth(self) -> dict[str, Any]:
            return {"hv_on": True, "dose_mgy": 500.0}

        def log(self) -> list[tuple[float, str, str]]:
            return [(1.0, "generator", "HV ON accepted")] * 2

        def records(self) -> list[dict[str, Any]]:
            return [{"exposures": [{"token": 7, "high_mgy": 400.0}]}]

    chain = Chain(starts={7: 1, 8: 2}, words=["a hash differs"])
    monkeypatch.setattr(flood, "chain_of", lambda _: chain)
    found = flood.broken(Rig(), tmp_path)  # type: ignore[arg-type]
    assert found == [
        "a hash differs", "exposure 7 has no end", "exposure 8 has no end", "high voltage is on", "2 ON commands for one press",
        "the records' high bound is 400.0 mGy, truly 500.0", "the database shows 1 exposures, the journal 2",
    ]  # fmt: skip
