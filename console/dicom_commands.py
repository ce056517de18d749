"""`kerma dicom write`, `queue`, `outbox`, `send`: names, options and help texts, and nothing else.
What they do, and pydicom with them, is loaded when they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

Which = Annotated[
    Path | None,
    typer.Option("--config", help="The rig file; the only rig of this machine if left out.", metavar="RIG.toml"),
]


def dicom(end: Callable[[Callable[[], int | None]], None]) -> typer.Typer:
    """The group."""
    app = typer.Typer(help="Treatment records and reports as DICOM, and their outbox.", no_args_is_help=True)

    @app.command("write")
    def write(
        name: Annotated[str, typer.Argument(metavar="FRACTION", help="As kerma records list shows it.")],
        out: Annotated[
            Path | None,
            typer.Option("--out", help="The folder; reports beside the journal if left out.", metavar="FOLDER"),
        ] = None,
        config: Which = None,
    ) -> None:
        """Write the instances of one fraction as files."""
        from console.dicom import commands as room

        end(lambda: room.write(config, name, out))

    @app.command("queue")
    def queue(
        name: Annotated[str, typer.Argument(metavar="FRACTION", help="All of them if left out.")] = "",
        config: Which = None,
    ) -> None:
        """Put instances into the outbox; each one once."""
        from console.dicom import commands as room
        from hal.clock import SystemClock

        end(lambda: room.queue(config, name, SystemClock()))

    @app.command("outbox")
    def outbox(
        again: Annotated[str, typer.Option("--again", help="Try this refused one again.", metavar="UID")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
        config: Which = None,
    ) -> None:
        """Show what is in the outbox, how often it was tried, and what the receiver said."""
        from console.dicom import commands as room
        from hal.clock import SystemClock

        end(lambda: room.show(config, again, as_json, SystemClock()))

    @app.command("send")
    def send(
        to: Annotated[str, typer.Option("--to", help="The receiver.", metavar="AE@HOST:PORT")],
        calling: Annotated[str, typer.Option("--calling", help="Our own title.")] = "KERMA",
        follow: Annotated[bool, typer.Option("--follow", help="Queue and send by itself, until Ctrl-C.")] = False,
        config: Which = None,
    ) -> None:
        """Send what is due; what fails is tried again later, and holds up nothing behind it."""
        from console.dicom import commands as room
        from hal.clock import SystemClock

        end(lambda: room.send(config, to, calling, follow, SystemClock()))

    return app
