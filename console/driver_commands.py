"""The command line of `kerma drivers`: names, options and help texts, and nothing else; what a command does is loaded when it is called.
It opens nothing and knows no driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from console.exit_codes import Exit

End = Callable[[Callable[[], Exit | None]], None]
Name = Annotated[str, typer.Argument(help="The driver's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def drivers(end: End) -> typer.Typer:
    """The group; `end` turns what a command gives into the process's exit code."""
    app = typer.Typer(help="Drivers and their capabilities.", invoke_without_command=True)

    @app.callback()
    def table_of(context: typer.Context, as_json: AsJson = False) -> None:
        """List the drivers and what each can do by itself."""
        if context.invoked_subcommand is None:
            from console import drivers as room

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
        from console import driver_plan as room

        end(lambda: room.show(name, baud, tick_hz, turnaround_ms, as_json))

    return app
