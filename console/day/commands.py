"""The command line of the day's work and of the physicist's sheets: names, options and help texts; what a command does is loaded when it is called.
It opens nothing and signs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

End = Callable[[Callable[[], int | None]], None]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="The rig file; the only rig of this machine if left out.", metavar="RIG.toml"),
]
Rig = Annotated[Path, typer.Option("--config", help="The rig file.", metavar="RIG.toml")]
Operator = Annotated[str, typer.Option("--operator", help="Who is at the desk; the login name if left out.")]
Press = Annotated[bool, typer.Option("--press", help="A simulated room presses its own switch; simulated rigs only.")]
Key = Annotated[Path, typer.Option("--key", help="Your private key, PEM.", metavar="KEY.pem")]
Who = Annotated[str, typer.Option("--who", help="Your name.")]


def due(end: End) -> Callable[..., None]:
    """`kerma due`."""

    def command(
        config: Config = None,
        plot: Annotated[str, typer.Option("--plot", help="Also draw the trend of this test.", metavar="TEST")] = "",
        out: Annotated[Path | None, typer.Option("--out", help="The picture to write.", metavar="OUT.png")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
    ) -> None:
        """Show the weekly, monthly and annual tests: what is due, the last results, and their tolerance and action levels."""
        from console.day import sheets as room

        end(lambda: room.run_due(config, plot, out, as_json))

    return command


def warm_up(end: End) -> Callable[..., None]:
    """`kerma warm-up`."""

    def command(
        config: Rig,
        filter_id: Annotated[str, typer.Option("--filter", help="The filter that is on the head.")],
        applicator_id: Annotated[str, typer.Option("--applicator", help="The applicator that is on the head.")],
        operator: Operator = "",
        press: Press = False,
    ) -> None:
        """Warm the tube up: as long as its idle time asks for, from the lowest kV up, and until three exposures in a row are steady. Ctrl-C is STOP."""
        from console.day import work as room
        from hal.clock import SystemClock

        asked = room.Asked(config, operator, press)
        end(lambda: room.run_warm_up(asked, filter_id, applicator_id, SystemClock()))

    return command


def daily(end: End) -> Callable[..., None]:
    """`kerma daily`."""

    def command(
        config: Rig,
        key: Key,
        who: Who,
        device: Annotated[str, typer.Option("--device", help="The detector; the baseline's if left out.")] = "",
        as_physicist: Annotated[bool, typer.Option("--physicist", help="The key is a physicist's.")] = False,
        baseline: Annotated[bool, typer.Option("--baseline", help="Make the baseline; a physicist signs it.")] = False,
        unit: Annotated[str, typer.Option("--unit", help="With --baseline: the detector's unit.")] = "nC",
        vented: Annotated[bool, typer.Option("--vented/--sealed", help="With --baseline: how it is built.")] = True,
        altitude_m: Annotated[
            float | None, typer.Option("--altitude", help="With --baseline: of the site, above the sea.", metavar="M")
        ] = None,
        operator: Operator = "",
        press: Press = False,
    ) -> None:
        """Make the daily check: the unit's tests, contacts, output outside the head, an interrupt, what you see and hear; then it is signed. Ctrl-C is STOP."""
        from console.day import work as room
        from console.day.sheets import Signer
        from hal.clock import SystemClock

        role = "physicist" if as_physicist or baseline else "operator"
        asked, signer = room.Asked(config, operator or who, press, role), Signer(who, role, key)
        if baseline:
            detector = room.Detector(device, unit, vented, altitude_m)
            end(lambda: room.run_baseline(asked, signer, detector, SystemClock()))
            return
        end(lambda: room.run_daily(asked, signer, device, SystemClock()))

    return command


def sheet(end: End) -> typer.Typer:
    """`kerma sheet`: what a physicist signs into the records."""
    app = typer.Typer(
        help="Sign into the records: periodic tests, commissioning, overrides, missing records.", no_args_is_help=True
    )

    @app.command("periodic")
    def periodic(
        test: Annotated[str, typer.Argument(help="The test's name, as kerma due shows it.")],
        key: Key,
        who: Who,
        value: Annotated[float | None, typer.Option("--value", help="The result in the test's unit.")] = None,
        works: Annotated[bool | None, typer.Option("--works/--works-not", help="For a test without a number.")] = None,
        acted: Annotated[str, typer.Option("--acted", help="What was done about it.")] = "",
        on: Annotated[str, typer.Option("--on", help="The day, like 2026-11-28; today if left out.")] = "",
        session: Annotated[
            list[Path] | None,
            typer.Option(
                "--session",
                help="A finished session that measured it, instead of a number; once for each.",
                metavar="SESSION.jsonl",
            ),
        ] = None,
        job: Annotated[
            Path | None, typer.Option("--job", help="The job file; calibration.toml beside the rig file if left out.")
        ] = None,
        config: Config = None,
    ) -> None:
        """Sign the result of a weekly, monthly or annual test: as a session measured it, or typed where none did."""
        from console.day import measured as room
        from console.day.sheets import Signer

        typed = room.Typed(test, value, works, acted, on, tuple(session or ()), job)
        end(lambda: room.run_periodic(config, typed, Signer(who, "physicist", key)))

    @app.command("commission")
    def commission(
        file: Annotated[Path, typer.Argument(help="The combinations with their items.", metavar="SHEET.toml")],
        key: Key,
        who: Who,
        config: Config = None,
    ) -> None:
        """Open combinations for patients, item by item, or withdraw them."""
        from console.day import sheets as room

        end(lambda: room.run_commission(config, file, room.Signer(who, "physicist", key)))

    @app.command("override")
    def override(
        prescription: Annotated[Path, typer.Argument(help="The fraction's prescription.", metavar="PRESCRIPTION.toml")],
        time_s: Annotated[float, typer.Option("--time", help="The set time that was offered, in s.", metavar="S")],
        reason: Annotated[str, typer.Option("--reason", help="Why this fraction may be given all the same.")],
        key: Key,
        who: Who,
        config: Config = None,
    ) -> None:
        """Let one fraction be given whose time is 5 to 10 % off that of fraction 1; above 10 % nobody may."""
        from console.day import sheets as room

        end(lambda: room.run_override(config, prescription, time_s, reason, room.Signer(who, "physicist", key)))

    @app.command("missing")
    def missing(
        found: Annotated[str, typer.Option("--found", help="What was compared with what, and what came of it.")] = "",
        key: Annotated[
            Path | None, typer.Option("--key", help="Your private key, PEM, mode 0600.", metavar="KEY.pem")
        ] = None,
        who: Annotated[str, typer.Option("--who", help="Your name.")] = "",
        config: Config = None,
    ) -> None:
        """Show which records are missing; with a key, sign what was found about them: until then nobody is treated."""
        from console.day import missing as room
        from console.day.sheets import Signer

        end(lambda: room.run(config, found, Signer(who, "physicist", key) if key is not None else None))

    return app
