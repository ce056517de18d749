"""The command line of `kerma drivers`: names, options and help texts, and nothing else; what a command does is loaded when it is called.
It opens nothing and knows no driver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

End = Callable[[Callable[[], int | None]], None]
Name = Annotated[str, typer.Argument(help="The driver's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def drivers(end: End) -> typer.Typer:
    """The group; `end` turns what a command gives into the process's exit code."""
    app = typer.Typer(help="Drivers and their capabilities.", invoke_without_command=True)

    @app.callback()
    def table_of(context: typer.Context, as_json: AsJson = False) -> None:
        """List the drivers and what each can do by itself."""
        if context.invoked_subcommand is None:
            from console.drivers import listed as room

            end(lambda: room.table(as_json))

    @app.command("show")
    def show(
        name: Name,
        baud: Annotated[
            int | None, typer.Option("--baud", min=0, help="Line speed; 0 is a network; the usual wire if left out.")
        ] = None,
        tick_hz: Annotated[float, typer.Option("--tick-hz", help="The loop's rate.")] = 100.0,
        turnaround_ms: Annotated[
            float, typer.Option("--turnaround-ms", help="How long the device takes to answer, as measured.")
        ] = 2.0,
        as_json: AsJson = False,
    ) -> None:
        """Show one driver's plan: what is read how often, how old each value may get, and whether each rule keeps T1."""
        from console.drivers import meter_plan
        from console.drivers import plan as driver_plan
        from hal import registry

        room = meter_plan if name in registry.names(registry.ELECTROMETERS) else driver_plan
        end(lambda: room.show(name, baud, tick_hz, turnaround_ms, as_json))

    @app.command("check")
    def check(
        name: Name,
        link: Annotated[
            str,
            typer.Option(
                "--link", help="Where the device is.", metavar="tty:PATH|pty:PATH|socket:HOST:PORT|tcp:HOST:PORT"
            ),
        ],
        baud: Annotated[
            int | None, typer.Option("--baud", help="Line speed; 115200 if left out, an electrometer's 9600.")
        ] = None,
        model: Annotated[
            str, typer.Option("--model", help="Generator, electrometer: the model as it says it itself.")
        ] = "",
        full_scale_kv: Annotated[
            float | None, typer.Option("--full-scale-kv", help="Generator: full scale in kV, as on its plate.")
        ] = None,
        full_scale_ma: Annotated[
            float | None, typer.Option("--full-scale-ma", help="Generator: full scale in mA, as on its plate.")
        ] = None,
        serial: Annotated[str, typer.Option("--serial", help="Safety unit, electrometer: its serial number.")] = "",
        unit_id: Annotated[int, typer.Option("--unit-id", help="Safety unit: its Modbus address.")] = 1,
        turnaround_ms: Annotated[
            float, typer.Option("--turnaround-ms", help="How long the device takes to answer, as the rig file says.")
        ] = 2.0,
        tick_hz: Annotated[float, typer.Option("--tick-hz", help="The loop's rate.")] = 100.0,
        seconds: Annotated[float, typer.Option("--seconds", help="How long it is read in peace.")] = 5.0,
        set_points: Annotated[
            bool, typer.Option("--set-points", help="Generator: write small set-points, then 0, and read them back.")
        ] = False,
        simulated: Annotated[
            bool, typer.Option("--simulated", help="The device is a program; a pty: always is.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        """Try a driver on the device at a link, without HV: identity, off first, readings, ages, a dead and a pulled link."""
        from console.drivers import check as room
        from hal.clock import SystemClock

        asked = room.Asked(
            name, link, baud, model, full_scale_kv, full_scale_ma, serial, unit_id,
            turnaround_ms, tick_hz, seconds, set_points, simulated,
        )  # fmt: skip
        end(lambda: room.run(asked, SystemClock(), as_json))

    @app.command("new")
    def new(
        name: Annotated[str, typer.Argument(help="Its name: small letters, digits, hyphens.")],
        kind: Annotated[str, typer.Option("--kind", help="generator, safety-unit or electrometer.")] = "generator",
        package: Annotated[
            Path | None,
            typer.Option("--package", help="Write a package of its own into this folder.", metavar="FOLDER"),
        ] = None,
        in_tree: Annotated[
            bool, typer.Option("--in-tree", help="Write into Kerma's own repository, the current folder.")
        ] = False,
    ) -> None:
        """Write a new driver: its file with its table, its test with a scripted device, and its line; nothing is overwritten."""
        from console.drivers import new as room

        end(lambda: room.run(name, kind, package, in_tree))

    return app
