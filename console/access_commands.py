"""`kerma users`, `kerma audit` and `kerma approvals`: names, options and help texts, and nothing else.
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
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
Role = Annotated[str, typer.Argument(metavar="ROLE", help="operator, physician, physicist, service or administrator.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def users(end: Callable[[Callable[[], int | None]], None]) -> typer.Typer:
    """The group."""
    app = typer.Typer(help="Who may ask the console; passwords are typed at a terminal.", no_args_is_help=True)

    @app.command("list")
    def listed(config: Which = None, as_json: AsJson = False) -> None:
        """List the users with their roles."""
        from console.access import commands as room

        end(lambda: room.listed(config, as_json))

    @app.command("add")
    def add(
        name: Name,
        role: Annotated[str, typer.Option("--role", help="operator, physician, physicist, service or administrator.")],
        config: Which = None,
    ) -> None:
        """Make a user; the first one must be an administrator."""
        from console.access import commands as room

        end(lambda: room.changed(config, "add", name, role))

    @app.command("role")
    def role_of(name: Name, role: Role, config: Which = None) -> None:
        """Give a user another role; that person's logins end."""
        from console.access import commands as room

        end(lambda: room.changed(config, "role", name, role))

    @app.command("password")
    def password(name: Name, config: Which = None) -> None:
        """Give a user another password; that person's logins end."""
        from console.access import commands as room

        end(lambda: room.changed(config, "password", name))

    @app.command("badge")
    def badge(
        name: Name,
        none: Annotated[bool, typer.Option("--none", help="Take the badge away.")] = False,
        config: Which = None,
    ) -> None:
        """Give a user a badge with its PIN."""
        from console.access import commands as room

        end(lambda: room.changed(config, "no badge" if none else "badge", name))

    @app.command("disable")
    def disable(name: Name, config: Which = None) -> None:
        """Let a user in no more; the name stays that person's."""
        from console.access import commands as room

        end(lambda: room.changed(config, "disable", name))

    @app.command("enable")
    def enable(name: Name, config: Which = None) -> None:
        """Let a disabled user in again."""
        from console.access import commands as room

        end(lambda: room.changed(config, "enable", name))

    @app.command("signer")
    def day_key(
        out: Annotated[
            Path, typer.Option("--out", help="A new file for the key's public half, PEM.", metavar="DAY.pub")
        ],
        config: Which = None,
    ) -> None:
        """Make the key with which the console signs a day's check for whoever is logged in; it counts where [daily] signers names its public half."""
        from console.access import commands as room

        end(lambda: room.day_key(config, out))

    return app


def audit(end: Callable[[Callable[[], int | None]], None]) -> typer.Typer:
    """The group."""
    app = typer.Typer(help="Who asked for what, and whether anybody altered it.", no_args_is_help=True)

    @app.command("verify")
    def verify(
        checkpoint: Annotated[
            list[Path] | None,
            typer.Option(
                "--checkpoint", help="A checkpoint that was kept elsewhere; may be given again.", metavar="FILE"
            ),
        ] = None,
        key: Annotated[
            str,
            typer.Option("--key", help="The public key as it is known from elsewhere, in hexadecimal.", metavar="KEY"),
        ] = "",
        config: Which = None,
        as_json: AsJson = False,
    ) -> None:
        """Hold each line against the one before it, the end against every checkpoint, the users against their last change, and journal and chains against what
        the audit says of them. Ends with 1 if anything is wrong."""
        from console.access import commands as room

        end(lambda: room.verify(config, checkpoint or [], key, as_json))

    @app.command("chains")
    def chains(config: Which = None, as_json: AsJson = False) -> None:
        """Hold each chain beside the records (signatures over orders, the fractions' chart, photos and notes) against what the audit says was made in it, and
        name what is gone and what the audit never heard of. Ends with 1 if anything is."""
        from console.access import commands as room

        end(lambda: room.chains(config, as_json))

    @app.command("checkpoint")
    def checkpoint_to(
        out: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, on a medium that is kept elsewhere.")],
        config: Which = None,
    ) -> None:
        """Write the signed checkpoint of this moment; only one that is kept elsewhere shows that the whole folder was not put back."""
        from console.access import commands as room

        end(lambda: room.checkpoint(config, out))

    @app.command("accept")
    def accept_records(config: Which = None) -> None:
        """Take the journal as it stands, although the audit says that it held more: after the physicist has looked what was given since."""
        from console.access import commands as room

        end(lambda: room.accept_records(config))

    @app.command("show")
    def show(
        last: Annotated[int, typer.Option("--last", min=1, help="So many entries.", metavar="N")] = 50,
        config: Which = None,
        as_json: AsJson = False,
    ) -> None:
        """Show the newest entries."""
        from console.access import commands as room

        end(lambda: room.show(config, last, as_json))

    return app


def approvals(end: Callable[[Callable[[], int | None]], None]) -> typer.Typer:
    """The group."""
    app = typer.Typer(help="Who signed which order; signatures are given at the page Records.", no_args_is_help=True)

    @app.command("list")
    def listed(
        order: Annotated[
            Path | None, typer.Option("--order", help="This order alone, and what it lacks.", metavar="ORDER.toml")
        ] = None,
        config: Which = None,
        as_json: AsJson = False,
    ) -> None:
        """List the signatures over orders: who, in which role and meaning, when, and whether they stand."""
        from console.access import approval_words as room

        end(lambda: room.listed(config, order, as_json))

    @app.command("verify")
    def verify(config: Which = None, as_json: AsJson = False) -> None:
        """Hold each signature against the one before it, the end against the signed head, all against the audit. Ends with 1 if anything is wrong."""
        from console.access import approval_words as room

        end(lambda: room.verify(config, as_json))

    return app
