"""One exposure, from confirmed settings to settled dose. Read controller/loop.py first."""
