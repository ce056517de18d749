"""Names for the quantities of the machine, so that a reader and a type checker see which float is which.
It converts nothing; counts become kilovolts in hal/scaling.py and nowhere else."""

from typing import NewType

Kilovolts = NewType("Kilovolts", float)
Milliamps = NewType("Milliamps", float)
Seconds = NewType("Seconds", float)
Milligray = NewType("Milligray", float)
Counts = NewType("Counts", int)
