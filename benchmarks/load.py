"""What a loaded console and a busy disk are to the real-time process: other processes that compute, log, answer a browser and write.
It stands in for them, knows no rig, and ends with the process that started it: `python -m benchmarks.load web|disk FOLDER`."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

PAGE: Final = {"rig": "demo", "rules": [{"id": f"rule-{n}", "truth": "TRUE", "age_s": n / 7} for n in range(80)]}
BLOCK: Final = os.urandom(1 << 20)
BLOCKS: Final = 64
LOG: Final = logging.getLogger("load")
_PR_SET_PDEATHSIG = 1


class Handler(BaseHTTPRequestHandler):
    """One page of JSON, as often as it is asked for."""

    def do_GET(self) -> None:
        body = json.dumps(PAGE, indent=1).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        LOG.info(" ".join(map(str, args)))


def web(folder: Path) -> None:
    """A server that logs to a file, and a browser that asks without pause."""
    logging.basicConfig(filename=folder / "load.log", level=logging.INFO)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    ask = partial(HTTPConnection, "127.0.0.1", server.server_address[1], timeout=5.0)
    while True:
        connection = ask()
        connection.request("GET", "/")
        json.loads(connection.getresponse().read())
        connection.close()


def disk(folder: Path) -> None:
    """64 MiB written, each MiB synced, and again."""
    while True:
        with (folder / "load.bin").open("wb", buffering=0) as file:
            for _ in range(BLOCKS):
                file.write(BLOCK)
                os.fsync(file.fileno())


def main(arguments: list[str]) -> int:
    """Runs until it is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(10)
    what, folder = arguments
    {"web": web, "disk": disk}[what](Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
