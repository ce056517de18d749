"""`kerma order`: names, options and help texts, and nothing else.
What they do is loaded when they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

Which = Annotated[
    Path | None,
    typer.Option("--config", help="The rig file; the only rig of this machine if left out.", metavar="RIG.toml"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
TheOrder = Annotated[Path, typer.Argument(metavar="ORDER.toml", help="An order's file.")]


def orders(end: Callable[[Callable[[], int | None]], None]) -> typer.Typer:
    """The group."""
    app = typer.Typer(help="Orders: write one as a draft, and look at what one comes to.", no_args_is_help=True)

    @app.command("new")
    def new(
        config: Which = None,
        folder: Annotated[
            Path | None,
            typer.Option(
                "--orders", help="The folder of orders; orders beside the rig file if left out.", metavar="FOLDER"
            ),
        ] = None,
        follow: Annotated[
            Path | None,
            typer.Option(
                "--from",
                help="Begin with what this order says, for its next fraction or version.",
                metavar="ORDER.toml",
            ),
        ] = None,
    ) -> None:
        """Ask for an order field by field, show what it comes to, and write the draft; it counts when both have signed it at a page."""
        from console.prescribe import terminal as room
        from hal.clock import SystemClock

        end(lambda: room.new(config, folder, follow, SystemClock()))

    @app.command("particulars")
    def particulars(order: TheOrder, config: Which = None) -> None:
        """State whose lesion an order is of: name, birth date, diagnosis, intent, earlier radiotherapy; beside the record, and nothing goes by it."""
        from console.prescribe import particulars as room
        from hal.clock import SystemClock

        end(lambda: room.state(config, order, SystemClock()))

    @app.command("show")
    def show(order: TheOrder, config: Which = None, as_json: AsJson = False) -> None:
        """Show an order with depth dose, factors, D0, skin dose, planned time and second calculation."""
        from console.prescribe import terminal as room
        from hal.clock import SystemClock

        end(lambda: room.show(config, order, SystemClock(), as_json))

    @app.command("check")
    def check(order: TheOrder, config: Which = None, as_json: AsJson = False) -> None:
        """Say what stands against an order now: its words, its numbers, its signatures, a newer version; ends with 1 where anything does."""
        from console.prescribe import terminal as room
        from hal.clock import SystemClock

        end(lambda: room.check(config, order, SystemClock(), as_json))

    return app
