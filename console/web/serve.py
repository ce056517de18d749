"""`kerma console`: pages and interface of one rig, on loopback or with TLS, and the STOP door beside them. It may die, hang or be started anew at any time.
It puts the parts together and knows nothing of what they do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse

from console import configuration, screen
from console.access import folder, policy
from console.access.approvals import Approvals
from console.access.passwords import Hasher
from console.access.people import People
from console.access.users import Users
from console.configuration import Rig
from console.exit_codes import Exit
from console.prescribe.shelf import folder_beside
from console.treat.chart_hand import Chart
from console.treat.lesions import Lesions
from console.web.api import Api, Desk
from console.web.approvals_page import ApprovalsPage
from console.web.chart_page import ChartPage
from console.web.clerk import Clerk
from console.web.control import Control
from console.web.day_page import DayPage
from console.web.doors import App, Doors
from console.web.fraction import Fraction, Orders
from console.web.impatient import Impatient
from console.web.lesions_page import LesionsPage
from console.web.link import Link
from console.web.live import Live
from console.web.marking import Marking
from console.web.order_page import OrderPage
from console.web.own_page import OwnPage
from console.web.particulars_page import ParticularsPage
from console.web.people import DEMONSTRATION, Access, Demonstration
from console.web.people_page import PeoplePage
from console.web.procedures_page import ProceduresPage
from console.web.reading import Reading
from console.web.records_page import RecordsPage
from console.web.service_maintenance import MaintenancePage
from console.web.service_page import ServicePage
from console.web.standing import Standing
from console.web.switch import Switch
from console.web.tls import Address, address, context
from console.web.tokens import Tokens
from hal.clock import Clock, SystemClock
from hal.errors import ConfigurationError

HERE: Final = Path(__file__).parent
KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
FILES: Final = (
    "shell.js",
    "login.js",
    "people.js",
    "again.js",
    "alarms.js",
    "today.js",
    "approvals.js",
    "order.js",
    "particulars.js",
    "lesion.js",
    "chart.js",
    "watch.js",
    "tables.js",
    "drawn.js",
    "finger.js",
    "hold.js",
    "treat.js",
    "records.js",
    "service.js",
    "procedure.js",
    "treat.css",
    "pages.css",
    "icon.svg",
)
PAGES: Final = {
    "/": "treat.html",
    "/records": "records.html",
    "/service": "service.html",
    "/people": "people.html",
    "/order": "order.html",
}
"""Each page by its address."""
WORDS: Final = ("en", "de", "es", "fr")
FRAME_BYTES: Final = 4096
CONNECTIONS: Final = 256
HEAD_BYTES: Final = 16 * 1024
ENDS_WITHIN_S: Final = 2


@dataclass(frozen=True)
class Asked:
    """The command line of `kerma console`."""

    config: Path
    port: int
    orders: Path | None = None
    host: str = "127.0.0.1"
    tls_cert: Path | None = None
    tls_key: Path | None = None


def assembled(
    rig: Rig,
    orders: Path,
    access: Access,
    clerk: Clerk,
    clock: Clock,
    abroad: bool = False,
) -> Desk:
    """The parts of one console, joined; nothing is opened yet."""
    link = Link(rig.places.desk, rig.places.stop, rig.name, rig.simulated, clock)
    fraction, marking = Fraction(), Marking(rig.records, clerk)
    link.each += [fraction.heard, marking.heard]

    def noted(what: str, before: str, after: str) -> None:
        clerk.told("control", after or before, "", change=what, before=before, after=after)

    def let_go(why: str, hold: int) -> None:
        clerk.told("switch", "", "", hold=hold, why=why)

    return Desk(
        rig,
        link,
        Control(noted),
        access,
        Orders(rig, orders, clock),
        fraction,
        Tokens(),
        Tokens(),
        clock,
        clerk,
        Approvals(rig.records, clock.wall),
        Lesions(rig.records, clock.wall),
        Chart(rig.records, clock.wall),
        marking,
        Switch(rig.control if rig.simulated else None, clock, let_go),
        abroad,
    )


def application(desk: Desk) -> FastAPI:
    """Pages, interface and live line; the line to the desk lives as long as it does."""

    @contextlib.asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one) for one in (desk.link.run(), desk.marking.run(), Standing(desk).run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    app = FastAPI(
        title="kerma console", version=version("kerma"), lifespan=living, docs_url=None, redoc_url=None,
        description="Control of a portable X-ray generator. Every POST needs Origin, X-Kerma: console and application/json; POST /stop needs nothing.",
    )  # fmt: skip
    api = Api(desk)
    api.join(app)
    PeoplePage(desk, api).join(app)
    OwnPage(desk, api).join(app)
    ApprovalsPage(desk, api).join(app)
    OrderPage(desk, api).join(app)
    ParticularsPage(desk, api).join(app)
    Live(desk).join(app)
    reading = Reading(desk)
    RecordsPage(desk, reading).join(app)
    ServicePage(desk, reading).join(app)
    MaintenancePage(desk, reading).join(app)
    DayPage(desk, reading).join(app)
    LesionsPage(desk, api, reading).join(app)
    ChartPage(desk, api, reading).join(app)
    ProceduresPage(desk, api, reading).join(app)

    for path, name in (*PAGES.items(), *((f"/files/{name}", name) for name in FILES)):
        app.get(path, include_in_schema=False)(_file(HERE / "files" / name, KINDS[Path(name).suffix]))
    for language in WORDS:
        app.get(f"/words/{language}.json", include_in_schema=False)(
            _file(HERE / "words" / f"{language}.json", "application/json")
        )
    return app


def _file(path: Path, kind: str) -> Callable[[], FileResponse]:
    def given() -> FileResponse:
        return FileResponse(path, media_type=kind)

    return given


def run(asked: Asked) -> Exit:
    """Serve until SIGINT or SIGTERM. Raises ConfigurationError."""
    clock = SystemClock()
    at = address(asked.host, asked.tls_cert, asked.tls_key, clock.wall(), os.getuid())
    rig = configuration.load(asked.config, os.getuid())
    orders = asked.orders or folder_beside(rig.path)
    configuration.of_one_kind(rig.path, rig.simulated, rig.file.rig.clinical)
    asked_for = policy.asked_of(rig.path, rig.simulated)
    users, audit = folder.opened(rig.records, clock)
    clerk = Clerk(audit)
    access, words = admitted(rig, users, clock)
    with (
        listening(asked.port, at) as pages,
        listening(asked.port + 1, at) as door,
        contextlib.closing(clerk),
    ):
        desk = assembled(rig, orders, access, clerk, clock, at.abroad)
        app = Doors(application(desk), asked.port, asked.port + 1, desk.link.stop, at.names, at.scheme)
        print(screen.banner(rig.simulated, rig.name))
        print(f"{at.shown(asked.port)}  (STOP door at port {asked.port + 1}, orders in {orders})")
        print(words)
        print(policy.words(asked_for), flush=True)
        clerk.told("console begins", "console", "", port=asked.port, abroad=at.abroad, signatures=" ".join(asked_for))
        lost = desk.marking.refusal()
        if lost:
            print(f"RECORDS  {lost}", flush=True)
        with door_process(door, asked.port + 1, rig.places.stop, at):
            uvicorn.Server(settings(app, at)).run(sockets=[pages])
        desk.marking.mark()
        clerk.told("console ends", "console", "")
    return Exit.AS_INTENDED


def admitted(rig: Rig, users: Users, clock: Clock, hasher: Callable[[], Hasher] = Hasher) -> tuple[Access, str]:
    """Who may come in, and what the machine's own terminal is told about it: users where there are any; else the demonstration's code on a simulated
    rig, and on a real one the code for the first administrator."""
    found = folder.looked(rig.records)
    wrong = "".join(f"AUDIT  {one}; first: kerma audit verify\n" for one in (found.wrong if found is not None else ()))
    if rig.simulated and not users.path.exists():
        demonstration = Demonstration(clock)
        return demonstration, f"{wrong}SIMULATED  log in as {DEMONSTRATION}, code {demonstration.code}"
    people = People(users, hasher(), clock.monotonic, clock.wall)
    if not people.first_run:
        return people, f"{wrong}log in with name and password, or with a badge; kerma users lists who may"
    if found is not None and found.knows_users:
        return people, f"{wrong}nobody can log in: {users.path} is gone; first: put it back from a backup"
    return people, f"{wrong}FIRST RUN  make the first administrator with the code {people.set_up_code()}"


def settings(app: App, at: Address) -> uvicorn.Config:
    """How it is served: every bound on what a client may send, and TLS where it was asked for."""
    made = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, date_header=False, lifespan="on", proxy_headers=False,
        limit_concurrency=CONNECTIONS, ws_max_size=FRAME_BYTES, ws_max_queue=4, h11_max_incomplete_event_size=HEAD_BYTES, http=Impatient,
        ws="websockets-sansio", ws_per_message_deflate=False, timeout_keep_alive=5, timeout_graceful_shutdown=ENDS_WITHIN_S,
    )  # fmt: skip
    made.load()
    made.ssl = context(at.tls) if at.tls is not None else None
    return made


@contextlib.contextmanager
def listening(port: int, at: Address) -> Iterator[socket.socket]:
    """A listening socket. Raises ConfigurationError where there is none to be had."""
    sock = socket.socket(at.family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((at.host, port))
        sock.listen(128)
    except (OSError, OverflowError) as error:
        sock.close()
        raise ConfigurationError(
            f"--port: {at.host}, port {port} cannot be had ({error}); first: name another, its next one must be free too"
        ) from error
    with sock:
        yield sock


@contextlib.contextmanager
def door_process(door: socket.socket, port: int, stop: Path, at: Address) -> Iterator[subprocess.Popen[bytes]]:
    """The STOP door in a process of its own; it ends with its standard input."""
    command = [sys.executable, "-P", "-m", "console.web.stop_door", str(door.fileno()), str(port), str(stop), *at.names]
    if at.tls is not None:
        command += ["--tls-cert", str(at.tls.certificate), "--tls-key", str(at.tls.key)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(door.fileno(),), start_new_session=True)
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
