"""`kerma certificate`: names and options; each command reads a certificate anew, verifies it, and shows, checks, prints or compares it.
It decides nothing; signing is calibration/certificate.py, as with `python -m calibration.sign`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from console.exit_codes import Exit

File = Annotated[Path, typer.Argument(help="A certificate, in force or not.", metavar="CERTIFICATE.toml")]
Key = Annotated[
    Path, typer.Option("--key", help="The physicists' public keys, one PEM block each.", metavar="KEYS.pub")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def certificate(end: Callable[[Callable[[], Exit]], None]) -> typer.Typer:
    """The group; `end` turns a result or a refusal into an exit code."""
    app = typer.Typer(help="Look at calibration certificates.", no_args_is_help=True)

    @app.command("show")
    def show(
        file: File,
        key: Key,
        as_json: AsJson = False,
        as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on standard output.")] = False,
    ) -> None:
        """Verify a certificate and show everything that it says, with unit, uncertainty and source."""
        from console.calibrate import certificate_pages as room

        end(lambda: room.show(file, key, as_json, as_csv))

    @app.command("verify")
    def verify(
        file: File,
        key: Key,
        config: Annotated[
            Path | None,
            typer.Option(
                "--config",
                help="Also whether it is in force for this rig, and not older than what was accepted.",
                metavar="RIG.toml",
            ),
        ] = None,
    ) -> None:
        """Verify signatures, content and what it must bring; with a rig also tube, machine, program, dates and roll-back."""
        from console.calibrate import certificate_pages as room
        from hal.clock import SystemClock

        end(lambda: room.verify(file, key, config, SystemClock()))

    @app.command("pdf")
    def pdf(
        file: File,
        out: Annotated[Path, typer.Argument(help="The file to write.", metavar="OUT.pdf")],
        key: Key,
        before: Annotated[
            list[Path] | None,
            typer.Option(
                "--before", help="An earlier certificate of the tube, for the trend; may be given several times."
            ),
        ] = None,
    ) -> None:
        """Write a certificate as PDF, with readings, fit, residuals, depth dose and trend."""
        from console.calibrate import certificate_pages as room

        end(lambda: room.pdf(file, out, key, before or []))

    @app.command("sign")
    def sign(
        file: File,
        private: Annotated[Path, typer.Argument(help="The physicist's private key.", metavar="KEY.pem")],
        who: Annotated[str, typer.Option("--who", help="Who signs.")],
    ) -> None:
        """Sign a certificate in place, as the physicist; what it says is checked, not whether it is true."""
        from console.calibrate import certificate_pages as room
        from hal.clock import SystemClock

        end(lambda: room.sign(file, private, who, SystemClock()))

    @app.command("provisional")
    def provisional(
        plate: Annotated[Path, typer.Argument(help="What the name plate says.", metavar="PLATE.toml")],
        out: Annotated[Path, typer.Argument(help="The file to write; one that is there stays.", metavar="OUT.toml")],
    ) -> None:
        """Make the certificate of a name plate, for a first calibration; nobody signs it, and nobody is treated with it."""
        from console.calibrate import certificate_pages as room
        from hal.clock import SystemClock

        end(lambda: room.plate(plate, out, SystemClock()))

    @app.command("compare")
    def compare(
        file: File,
        old: Annotated[Path, typer.Argument(help="The earlier one.", metavar="OLD.toml")],
        key: Key,
        as_json: AsJson = False,
    ) -> None:
        """Compare the dose rates of two certificates of one tube, and say what the change asks for."""
        from console.calibrate import certificate_pages as room

        end(lambda: room.compare(file, old, key, as_json))

    return app
