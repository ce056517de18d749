"""`kerma records report`, `course`, `schema`, `follow`: names, options and help texts, and nothing else.
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
Pdf = Annotated[bool, typer.Option("--pdf", help="Write the PDF alone.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print the report as CSV.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="The folder for the files; reports beside the journal if left out.", metavar="FOLDER"),
]
Codes = Annotated[
    Path | None,
    typer.Option("--codes", help="A table of procedure codes; the program's own if left out.", metavar="CODES.toml"),
]


def add(app: typer.Typer, end: Callable[[Callable[[], int | None]], None]) -> None:
    """Give `kerma records` its commands about reports."""

    @app.command("report")
    def report(
        name: Annotated[str, typer.Argument(metavar="FRACTION", help="As kerma records list shows it.")],
        pdf: Pdf = False,
        csv: Csv = False,
        as_json: AsJson = False,
        out: Out = None,
        codes: Codes = None,
        config: Which = None,
    ) -> None:
        """Report one fraction: PDF, CSV and JSON as files, or one of them."""
        from console.reports import commands as room

        end(lambda: room.fraction(config, name, (pdf, csv, as_json), out, codes))

    @app.command("course")
    def course(
        name: Annotated[str, typer.Argument(metavar="COURSE", help="As the prescription names it.")],
        patient: Annotated[str, typer.Option("--patient", help="Where several patients have a course so named.")] = "",
        pdf: Pdf = False,
        csv: Csv = False,
        as_json: AsJson = False,
        out: Out = None,
        codes: Codes = None,
        config: Which = None,
    ) -> None:
        """Report one course: every fraction, sums by lesion with bounds, intervals."""
        from console.reports import commands as room

        end(lambda: room.course(config, name, patient, (pdf, csv, as_json), out, codes))

    @app.command("schema")
    def schema() -> None:
        """Print the JSON Schema of reports."""
        from console.reports import commands as room

        end(room.schema)

    @app.command("follow")
    def follow(
        once: Annotated[bool, typer.Option("--once", help="Write what is missing, and end.")] = False,
        config: Which = None,
    ) -> None:
        """Write the reports of each fraction by itself as it ends; a process of its own, which may die and be started at any time."""
        from console.reports import commands as room
        from hal.clock import SystemClock

        end(lambda: room.follow(config, SystemClock(), once))
