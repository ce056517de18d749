"""`kerma records database`: names, options and help texts, and nothing else.
What they do is loaded when they are called."""

from __future__ import annotations

from collections.abc import Callable

import typer

from console.report_commands import AsJson, Which


def add(app: typer.Typer, end: Callable[[Callable[[], int | None]], None]) -> None:
    """Give `kerma records` its commands about the whole of the records."""

    @app.command("database")
    def database(config: Which = None, as_json: AsJson = False) -> None:
        """Show which schema the database has, and whether it is this program's."""
        from console import records_keeping as room

        end(lambda: room.database(config, as_json))
