"""The command line: names, options and help texts, and nothing else; what a command does is loaded when it is called.
Commands of other rooms join by the entry point group kerma.commands, so that this room imports none of them; a release has no such rooms."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Annotated, Any

import typer

from console import access_commands, records_keeping_commands, report_commands
from console.calibrate.certificate_commands import certificate
from console.day import commands as day_commands
from console.dicom_commands import dicom
from console.drivers.commands import drivers
from console.exit_codes import Exit, table
from console.prescribe.commands import orders
from hal.errors import ConfigurationError

GROUP = "kerma.commands"

Config = Annotated[Path, typer.Option("--config", help="The rig file.", metavar="RIG.toml")]
Which = Annotated[
    Path | None,
    typer.Option("--config", help="The rig file; the only rig of this machine if left out.", metavar="RIG.toml"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def build(arguments: Sequence[str]) -> typer.Typer:
    """The application; commands of other rooms are loaded only where the arguments may need them, so that STOP never waits for them."""
    app = typer.Typer(
        name="kerma",
        help="Control program of a portable X-ray generator. Not a certified medical device.",
        epilog="Exit codes:\n\n" + table().replace("\n", "\n\n"),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    own: dict[str, Callable[..., None]] = {
        "run": run,
        "treat": treat,
        "stop": stop,
        "status": status,
        "calibrate": calibrate,
        "reset": reset,
        "adopt": adopt,
        "close": close,
        "console": console,
        "doctor": doctor,
        "wire": wire,
        "replay": replay,
        "warm-up": day_commands.warm_up(_end),
        "daily": day_commands.daily(_end),
        "due": day_commands.due(_end),
    }
    for name, command in own.items():
        app.command(name)(command)
    app.add_typer(_records(), name="records")
    app.add_typer(drivers(_end), name="drivers")
    app.add_typer(certificate(_end), name="certificate")
    app.add_typer(dicom(_end), name="dicom")
    app.add_typer(access_commands.users(_end), name="users")
    app.add_typer(access_commands.audit(_end), name="audit")
    app.add_typer(access_commands.approvals(_end), name="approvals")
    app.add_typer(orders(_end), name="order")
    app.add_typer(day_commands.sheet(_end), name="sheet")
    first = next((word for word in arguments if not word.startswith("-")), "")
    if first not in (
        *own,
        "records",
        "drivers",
        "certificate",
        "dicom",
        "users",
        "audit",
        "approvals",
        "order",
        "sheet",
    ):
        for point in entry_points(group=GROUP):
            if not first:
                app.command(point.name, help=_told(point))(_root)
            elif first == point.name:
                app.command(point.name)(_joined(point))
    return app


def _told(point: EntryPoint) -> str:
    """The help text of a command of another room, read from its source: the list of commands loads none of them."""
    try:
        spec = importlib.util.find_spec(point.module)
        tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8")) if spec and spec.origin else ast.Module([], [])
    except (ImportError, OSError, SyntaxError, ValueError) as error:
        return f"Not available: {error}"
    named = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == point.attr)
    return next((ast.get_docstring(node) or "" for node in named), f"See kerma {point.name} --help.")


def _joined(point: EntryPoint) -> Callable[..., Any]:
    """A command of another room; one that cannot be loaded says why, and breaks no other."""
    try:
        command: Callable[..., Any] = point.load()
    except Exception as error:
        why = f"kerma {point.name}: {point.value} cannot be loaded ({error})"

        def broken() -> None:
            print(why, file=sys.stderr)
            raise typer.Exit(int(Exit.USAGE))

        broken.__doc__ = f"Not available: {error}"
        return broken
    return command


def _version(asked: bool) -> None:
    if asked:
        print(f"kerma {version('kerma')}")
        raise typer.Exit


def _root(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


def run(
    config: Config,
    check: Annotated[bool, typer.Option("--check", help="Check everything, start nothing.")] = False,
) -> None:
    """Start the real-time process of a rig and its recorder; it sits in STANDBY until asked through the desk."""
    from console import run as room

    _end(lambda: room.run(config, check))


def treat(
    prescription: Annotated[
        Path, typer.Argument(help="The prescription of one fraction.", metavar="PRESCRIPTION.toml")
    ],
    config: Config,
    resume: Annotated[bool, typer.Option("--resume", help="Deliver the rest of the open fraction.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why it was interrupted, with --resume.")] = "",
    operator: Annotated[str, typer.Option("--operator", help="Who is at the desk; the login name if left out.")] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Confirm, and press the simulated switch; simulated rigs only.")
    ] = False,
    physicist: Annotated[bool, typer.Option("--physicist", help="A physicist stands by, with --resume.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deliver one fraction: load, read back, confirm, arm, wait for the press, watch, end. Ctrl-C is STOP."""
    from console.treat import terminal
    from hal.clock import SystemClock

    asked = terminal.Asked(prescription, config, resume, reason, operator, yes, physicist, as_json)
    _end(lambda: terminal.run(asked, SystemClock()))


def calibrate(
    config: Config,
    procedure: Annotated[
        str,
        typer.Argument(
            help="An output of the job file; left out, all are listed with their open sessions.", metavar="[PROCEDURE]"
        ),
    ] = "",
    job: Annotated[
        Path | None,
        typer.Option(
            "--job", help="The job file; calibration.toml beside the rig file if left out.", metavar="JOB.toml"
        ),
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Begin a new session, though one is open.")] = False,
    void: Annotated[
        str,
        typer.Option(
            "--void", help="Void the newest session of this name, with the reason; it stays to be read.", metavar="WHY"
        ),
    ] = "",
    draft: Annotated[
        Path | None,
        typer.Option("--draft", help="Write an unsigned certificate from the finished sessions.", metavar="OUT.toml"),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who measures; the login name if left out.")] = "",
    role: Annotated[str, typer.Option("--role", help="As what: physicist or service.")] = "physicist",
    plain: Annotated[bool, typer.Option("--plain", help="Whole lines only, without cursor control.")] = False,
    press: Annotated[
        bool, typer.Option("--press", help="The simulated room presses the switch; simulated rigs only.")
    ] = False,
    script: Annotated[
        Path | None,
        typer.Option("--script", help="Take the typed lines from a file; simulated rigs only.", metavar="FILE"),
    ] = None,
    transcript: Annotated[
        Path | None, typer.Option("--transcript", help="Write what was shown to a file.", metavar="FILE")
    ] = None,
) -> None:
    """Measure: guided procedures of service and physics, with the key in SERVICE. Space, Esc and Ctrl-C are STOP."""
    from console.calibrate import terminal as room
    from hal.clock import SystemClock

    asked = room.Asked(config, procedure, job, anew, draft, by, role, plain, press, script, transcript, void)
    _end(lambda: room.run(asked, SystemClock()))


def stop(
    config: Annotated[
        Path | None, typer.Option("--config", help="The rig file; every rig of this machine if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """STOP. Ends with 0 only when a snapshot has shown beam off within 500 ms; otherwise with 2: press the emergency stop."""
    from console import stop as room
    from hal.clock import SystemClock

    raise typer.Exit(room.stop_all(room.where(config), SystemClock(), as_json))


def status(config: Which = None, as_json: AsJson = False) -> None:
    """Show one snapshot: state, every interlock with its age, set and measured values, dose; with --config how the day's check stands."""
    from console import status as room
    from hal.clock import SystemClock

    _end(lambda: room.status(room.places_of(config), SystemClock(), as_json, room.daily_of(config)))


def reset(
    role: Annotated[str, typer.Option("--role", help="operator, physicist or service.")],
    who: Annotated[str, typer.Option("--who", help="Your name; two names to leave STUCK_ON.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the latch may be cleared.")],
    config: Which = None,
    as_json: AsJson = False,
) -> None:
    """Clear the latches that this role may clear; the cause must be gone."""
    from console import status as room
    from controller.requests import Reset
    from hal.clock import SystemClock

    _end(lambda: room.ask(room.places_of(config), SystemClock(), Reset(role, who, reason), as_json))


def adopt(
    who: Annotated[str, typer.Option("--who", help="Your name.")],
    reason: Annotated[str, typer.Option("--reason", help="How the records came to be lost.")],
    config: Which = None,
    as_json: AsJson = False,
) -> None:
    """Service: take into the records an exposure that the safety unit retains and they do not know; its dose is UNKNOWN, the physicist decides."""
    from console import status as room
    from controller.requests import Adopt
    from hal.clock import SystemClock

    _end(lambda: room.ask(room.places_of(config), SystemClock(), Adopt("service", who, reason), as_json))


def close(
    reason: Annotated[str, typer.Option("--reason", help="Why a partial fraction is closed.")],
    config: Which = None,
    as_json: AsJson = False,
) -> None:
    """Close the ended fraction; a partial one stays partial, and is not resumed any more."""
    from console import status as room
    from controller.requests import Close
    from hal.clock import SystemClock

    _end(lambda: room.ask(room.places_of(config), SystemClock(), Close(reason), as_json))


def console(
    config: Config,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65534, help="The pages' port; STOP has the next one.")
    ] = 8321,
    orders: Annotated[
        Path | None,
        typer.Option(
            "--orders",
            help="The folder of prescription files; orders beside the rig file if left out.",
            metavar="FOLDER",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="The address to listen at; another than this machine's own needs TLS.", metavar="ADDRESS"
        ),
    ] = "127.0.0.1",
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert", help="The certificate with its chain; browsers may use the names in it.", metavar="CERT.pem"
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option("--tls-key", help="Its key, without a password, readable by this user alone.", metavar="KEY.pem"),
    ] = None,
) -> None:
    """Serve the treatment page on this machine; it asks the desk, and a page that dies in beam interrupts it."""
    from console.web import serve as room

    _end(lambda: room.run(room.Asked(config, port, orders, host, tls_cert, tls_key)))


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", help="The rig file, to look at its lines and folders too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Is this machine fit: lines, real-time scheduling, memory, clock, disk, compiled kernels, versions."""
    import os

    from console import configuration
    from console import doctor as room
    from hal.clock import SystemClock

    _end(lambda: room.run(configuration.load(config, os.getuid()) if config else None, SystemClock(), as_json))


def wire(
    follow: Annotated[bool, typer.Option("--follow", help="Go on, also over a restart, until Ctrl-C.")] = False,
    link: Annotated[str, typer.Option("--link", help="generator or unit; both if left out.")] = "",
    last: Annotated[
        float | None,
        typer.Option("--last", min=0.0, help="So many seconds back; 5 if left out, 0 with --follow.", metavar="S"),
    ] = None,
    config: Which = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line on standard output.")] = False,
) -> None:
    """Show every frame on the wires with time, direction, hex and words; disturbs neither loop nor device."""
    from console import status as places
    from console import wire as room
    from hal.clock import SystemClock

    if link not in ("", "generator", "unit"):
        raise typer.BadParameter(f"{link!r} is no link; first: write generator or unit", param_hint="--link")
    asked = room.Asked(follow, link, last, as_json)
    _end(lambda: room.run(places.places_of(config), SystemClock(), asked))


def replay(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder of records, or a copy of one; the rig's if left out.", metavar="RECORDS"),
    ] = None,
    token: Annotated[int | None, typer.Option("--token", help="This exposure alone.", metavar="TOKEN")] = None,
    config: Which = None,
    as_json: AsJson = False,
) -> None:
    """Play recorded exposures again through judge, decide and drive: the same decisions, or the first that differs."""
    from console import replay as room

    _end(lambda: room.run(folder, config, token, as_json))


def _records() -> typer.Typer:
    app = typer.Typer(help="Fractions kept.", no_args_is_help=True)

    @app.command("list")
    def listed(config: Which = None, as_json: AsJson = False) -> None:
        """List the fractions."""
        from console import records as room

        _end(lambda: room.listed(config, as_json))

    @app.command("show")
    def show(
        name: Annotated[str, typer.Argument(metavar="ID", help="As kerma records list shows it.")],
        config: Which = None,
        as_json: AsJson = False,
    ) -> None:
        """Show one fraction with its segments."""
        from console import records as room

        _end(lambda: room.show(config, name, as_json))

    @app.command("wire")
    def wire_of(
        token: Annotated[
            int, typer.Argument(metavar="TOKEN", min=0, help="An exposure's token, 0 for trips outside exposures.")
        ],
        config: Which = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print one JSON document a line on standard output.")
        ] = False,
    ) -> None:
        """Show the frames that were kept around the trips of one exposure."""
        from console import records as room

        _end(lambda: room.wire(config, token, as_json))

    report_commands.add(app, _end)
    records_keeping_commands.add(app, _end)
    return app


def _end(command: Callable[[], int | None]) -> None:
    """Turn what a command gives into an exit code; a refused configuration is words and USAGE, not a traceback."""
    try:
        code: int | None = command()
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        code = Exit.USAGE
    raise typer.Exit(int(code or Exit.AS_INTENDED))


def main() -> None:
    """The `kerma` command."""
    build(sys.argv[1:])()
