"""`python -m verification.evil.child PLAY`: one play in the folder where it is run, told as one line of JSON.
It is a process of its own, so that what it imports is what lies in that folder."""

from __future__ import annotations

import json
import sys

from verification.evil.plays import play


def main(name: str) -> None:
    """Whoever noticed something, by name, with words."""
    sys.stdout.write(json.dumps({"play": name, "caught": play(name)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
