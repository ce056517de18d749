"""Two answers of a read that gives nothing: it cannot be read now, or it is not there.
It reads nothing."""

from __future__ import annotations


class NotReadError(Exception):
    """It cannot be read now: where, why, and what to do first."""


class NotThereError(Exception):
    """It can be read, and what was asked for is not there."""
