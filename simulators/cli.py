"""The simulators' two commands: `kerma sim` serves a simulated rig or one device, `kerma inject` asks a served one for a fault.
They know how to open and close things and what to print; every number they use comes from the rig file or the device's profile."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final, NoReturn

import typer

from simulators.alone import ElectrometerAlone, GeneratorAlone
from simulators.blunders import BLUNDERS
from simulators.clock import be_punctual
from simulators.control import Control, ControlEndpoint
from simulators.electrometers import BAUDS, METERS, Electrometer
from simulators.endpoints import Endpoint, Line, PtyEndpoint, TcpEndpoint
from simulators.faults import TABLE
from simulators.generator_face import GeneratorTcpFace
from simulators.generators import FIRMWARES, PROFILES
from simulators.laboratory import Laboratory
from simulators.modbus_face import ModbusTcpFace
from simulators.profile import DEFAULT, Profile
from simulators.rig_sheet import DEVICES, Link, RigSheet, parse_link, read
from simulators.serve import MemoryKeeper, Server, read_memory
from simulators.unit_memory import UnitConfig, UnitMemory
from simulators.units import BENCH_IO, in_place
from simulators.unknown import unknown
from simulators.world import World

HANDS: Final = {"press": "the beam-on switch is pressed and held", "release": "the beam-on switch is let go"}
"""What a hand in the simulated room does, beside what breaks in it."""
PRIORITY: Final = 60
"""Below the real-time process's usual 80: on one CPU the host goes first."""
BAD_INPUT: Final = 2
NOT_SERVED: Final = 3
ANSWER_S: Final = 5.0
FIRST_METER: Final = next(iter(METERS))
ANSWER_B: Final = 1 << 22

Opener = Callable[[], Endpoint]


def _fail(words: str, code: int) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(code)


def _open_unit(link: Link, line: Line, face: ModbusTcpFace) -> Endpoint:
    return PtyEndpoint(link.path, line) if link.kind == "pty" else TcpEndpoint(link.host, link.port, face)


def _open_generator(link: Link, line: Line, face: GeneratorTcpFace) -> Endpoint:
    return PtyEndpoint(link.path, line) if link.kind == "pty" else TcpEndpoint(link.host, link.port, face)


def _wired(profile: Profile, link: Link, baud: int) -> Profile:
    """The generator's data sheet with the wire that it is served on; a network has no speed of its own, a terminal server the line's."""
    return replace(profile, generator_packets=link.packets, generator_baud=0 if link.packets else baud)


def _serve(server: Server, opened: list[Endpoint]) -> None:
    """Run until SIGTERM, SIGINT or SIGHUP."""

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask_to_stop)
    typer.echo(f"SIMULATED: {be_punctual(PRIORITY)}")
    typer.echo("SIMULATED: ready")
    server.run()
    typer.echo(f"SIMULATED: ended, {len(opened)} wires removed")


def _open_all(openers: list[Opener]) -> list[Endpoint]:
    """Open one after another; if one cannot be opened, close those before it and say why."""
    opened: list[Endpoint] = []
    for opener in openers:
        try:
            endpoint = opener()
        except OSError as error:
            for other in opened:
                other.close()
            _fail(str(error), NOT_SERVED)
        opened.append(endpoint)
        typer.echo(f"SIMULATED: {endpoint.words}")
    return opened


def _serve_rig(sheet: RigSheet, control_path: Path | None) -> None:
    memory = UnitMemory()
    if sheet.unit_memory is not None:
        try:
            memory = read_memory(sheet.unit_memory)
        except (ValueError, OSError) as error:
            _fail(str(error), BAD_INPUT)
    profile = _wired(PROFILES[sheet.device], sheet.generator, sheet.generator_baud)
    profile = in_place(replace(profile, unit_baud=sheet.unit_baud), sheet.unit_device)
    machine = None if sheet.laboratory is None else unknown(sheet.laboratory)
    profile = profile if machine is None else machine.behind(profile)
    world = World(profile, sheet.seed, unit_config=UnitConfig(site_key=sheet.site_key), unit_memory=memory)
    control = Control(world)
    openers: list[Opener] = [
        lambda: _open_generator(sheet.generator, world.generator_line, world.generator_tcp),
        lambda: _open_unit(sheet.unit, world.unit_line, world.unit_tcp),
    ]
    wired = sheet.electrometer
    if machine is not None:
        name, baud = (FIRST_METER, 0) if wired is None else (wired.device, 0 if wired.link.packets else wired.baud)
        bench = Laboratory(machine, world.plant, sheet.seed, lambda: world.now_us, name, baud)
        world.equip(bench)
        if wired is not None:
            openers.append(lambda: _open_generator(wired.link, bench.line, bench.meter.tcp))
    elif wired is not None:
        baud = 0 if wired.link.packets else wired.baud
        meter = Electrometer(wired.device, sheet.seed, baud, lambda: world.now_us)
        world.fit(meter)
        openers.append(lambda: _open_generator(wired.link, meter.line, meter.tcp))
    if control_path is not None:
        openers.append(lambda: ControlEndpoint(control_path, control))
    typer.echo(f"SIMULATED rig {sheet.name!r}: every device here is a program, and nothing makes X-rays")
    opened = _open_all(openers)
    keeper = MemoryKeeper(memory, sheet.unit_memory) if sheet.unit_memory is not None else None
    _serve(Server(world, opened, control, typer.echo, world.unit, keeper), opened)


def _serve_device(name: str, listen: str, control_path: Path | None) -> None:
    if name not in DEVICES:
        _fail(f"--device {name!r} has no simulator; known: {', '.join(DEVICES)}", BAD_INPUT)
    try:
        link = parse_link(listen, Path())
    except ValueError as error:
        _fail(f"--listen: {error}", BAD_INPUT)
    if name in BENCH_IO and not link.packets:
        _fail(f"--listen {listen}: {name} is on a network only; write tcp:HOST:PORT", BAD_INPUT)
    world: World | GeneratorAlone | ElectrometerAlone
    wire: Opener
    if name in FIRMWARES:
        profile = PROFILES[name]
        alone = world = GeneratorAlone(_wired(profile, link, profile.generator_baud), 1)
        unit = None
        wire = lambda: _open_generator(link, alone.generator_line, alone.generator_tcp)  # noqa: E731 - one of three openers
    elif name in METERS:
        bench = world = ElectrometerAlone(name, 1, 0 if link.packets else BAUDS[name])
        unit = None
        meter = bench.electrometer
        wire = lambda: _open_generator(link, meter.line, meter.tcp)  # noqa: E731 - one of three openers
    else:
        whole = world = World(in_place(DEFAULT, name), 1)
        unit = whole.unit
        wire = lambda: _open_unit(link, whole.unit_line, whole.unit_tcp)  # noqa: E731 - one of three openers
    control = Control(world)
    openers: list[Opener] = [wire]
    if control_path is not None:
        openers.append(lambda: ControlEndpoint(control_path, control))
    typer.echo(f"SIMULATED device {name!r}, alone, its interlock line closed: a program, nothing makes X-rays")
    opened = _open_all(openers)
    _serve(Server(world, opened, control, typer.echo, unit), opened)


def sim(
    rig: Annotated[Path | None, typer.Argument(help="RIG.toml of a simulated rig", show_default=False)] = None,
    control: Annotated[Path | None, typer.Option(help="control socket; else the rig file's")] = None,
    device: Annotated[str | None, typer.Option(help=f"one device by itself: {', '.join(DEVICES)}")] = None,
    listen: Annotated[
        str | None, typer.Option(help="with --device: pty:PATH, tcp:HOST:PORT or socket:HOST:PORT")
    ] = None,
) -> None:
    """Serve a simulated rig, or one simulated device by itself, until a signal ends it."""
    if device is not None or listen is not None:
        if rig is not None or device is None or listen is None:
            _fail("one device is served by --device NAME --listen LINK, without a rig file", BAD_INPUT)
        _serve_device(device, listen, control)
        return
    if rig is None:
        _fail("name a rig file (kerma sim RIG.toml), or a device (kerma sim --device NAME --listen LINK)", BAD_INPUT)
    try:
        sheet = read(rig)
    except (ValueError, OSError) as error:
        _fail(str(error), BAD_INPUT)
    _serve_rig(sheet, control or sheet.control)


def ask(control: Path, request: dict[str, Any]) -> dict[str, Any]:
    """One request to a served rig's control socket and its answer; OSError if nobody answers, ValueError if the answer is no answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(ANSWER_S)
        sock.connect(str(control))
        sock.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(sock.makefile("rb").readline(ANSWER_B))
    if not isinstance(answer, dict):
        raise ValueError(f"{answer!r} is not an answer")
    return answer


def inject(
    fault: Annotated[
        str | None,
        typer.Argument(
            help="name of the fault (see --list), or press / release for the beam-on switch", show_default=False
        ),
    ] = None,
    at: Annotated[float, typer.Option(help="start it this many seconds from now")] = 0.0,
    for_: Annotated[float | None, typer.Option("--for", help="end it after this many seconds")] = None,
    control: Annotated[Path | None, typer.Option(help="control socket of the served rig")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="end the fault instead of starting it")] = False,
    list_: Annotated[bool, typer.Option("--list", help="name all faults")] = False,
    json_: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Start a named fault in a simulated rig that is being served; exit 2 for a bad request, 3 if nobody answers."""
    if list_:
        words = {name: entry.words for name, entry in TABLE.items()}
        words |= {name: f"with a laboratory: {row.words} ({row.hazard})" for name, row in BLUNDERS.items()}
        width = max(map(len, words))
        typer.echo(json.dumps(words) if json_ else "\n".join(f"{name:{width}}  {said}" for name, said in words.items()))
        return
    if fault is None or control is None:
        _fail(
            "name a fault and the control socket: kerma inject FAULT --control SOCKET (kerma inject --list names them)",
            BAD_INPUT,
        )
    request: dict[str, Any] = {"do": "stop", "name": fault}
    if fault in HANDS:
        request = {"do": fault}
    elif not stop:
        request = {"do": "fault", "name": fault, "at_s": at} | ({} if for_ is None else {"for_s": for_})
    try:
        answer = ask(control, request)
    except (OSError, ValueError) as error:
        _fail(f"{control} does not answer ({error}); see that kerma sim serves this rig", NOT_SERVED)
    if json_:
        typer.echo(json.dumps(answer))
    if answer.get("ok") is not True:
        _fail(str(answer.get("error", answer)), BAD_INPUT)
    if not json_:
        typer.echo(
            f"SIMULATED: {HANDS[fault]}"
            if fault in HANDS
            else f"SIMULATED: {fault} {'stops' if stop else f'in {at:g} s: ' + str(answer.get('words', ''))}"
        )
