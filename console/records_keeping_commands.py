"""`kerma records database`, `backup`, `restore`, `mirror`: names, options and help texts, and nothing else.
What they do is loaded when they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from console.report_commands import AsJson, Which


def add(app: typer.Typer, end: Callable[[Callable[[], int | None]], None]) -> None:
    """Give `kerma records` its commands about the whole of the records."""

    @app.command("database")
    def database(config: Which = None, as_json: AsJson = False) -> None:
        """Show which schema the database has, and whether it is this program's; of a second one too, and how far it is behind."""
        from console import records_keeping as room

        end(lambda: room.database(config, as_json))

    @app.command("backup")
    def backup(
        to: Annotated[Path, typer.Argument(help="A folder that is not there yet, best on another disk.", metavar="TO")],
        config: Which = None,
    ) -> None:
        """Copy all records, checked and with their sums; a recorder may run beside."""
        from console import records_keeping as room
        from hal.clock import SystemClock

        end(lambda: room.backup(config, to, SystemClock()))

    @app.command("restore")
    def restore(
        source: Annotated[Path, typer.Argument(help="A copy that kerma records backup made.", metavar="FROM")],
        to: Annotated[
            Path, typer.Option("--to", help="The folder of records; empty, or not there yet.", metavar="DIR")
        ],
        who: Annotated[str, typer.Option("--who", help="Your name.")],
        reason: Annotated[str, typer.Option("--reason", help="Why the records are restored.")],
        key: Annotated[
            str,
            typer.Option(
                "--key",
                help="The key that was printed when the copy was made, where this rig's is another now.",
                metavar="HEX",
            ),
        ] = "",
        unsigned: Annotated[
            bool, typer.Option("--unsigned", help="Take a copy without a signature; it stands in journal and audit.")
        ] = False,
        config: Which = None,
    ) -> None:
        """Make a folder of records from a copy that is whole; nobody is treated before the physicist has signed for what is missing."""
        from console import records_keeping as room
        from hal.clock import SystemClock

        asked = room.Restoring(source, to, who, reason, key, unsigned)
        end(lambda: room.restore(config, asked, SystemClock()))

    @app.command("mirror")
    def mirror(
        once: Annotated[bool, typer.Option("--once", help="Bring it up to the records, and end.")] = False,
        config: Which = None,
    ) -> None:
        """Follow the records with a second database on a PostgreSQL; a process of its own, which may die and be started at any time."""
        from console import records_keeping as room
        from hal.clock import SystemClock

        end(lambda: room.mirror(config, SystemClock(), once))
