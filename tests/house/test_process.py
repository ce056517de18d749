"""What the real-time process may hold: none of the rooms above it, none of their packages, no other package than it was allowed, one thread; and nothing is
compiled on import."""

import json
import subprocess
import sys

FORBIDDEN = {
    "console", "calibration", "records", "simulators", "verification",
    "fastapi", "uvicorn", "websockets", "typer", "rich", "pydantic", "sqlalchemy", "structlog", "cryptography", "click",
    "dask", "distributed", "matplotlib", "tornado",
}  # fmt: skip
ALLOWED = {
    "msgspec": "what is written and sent",
    "numpy": "the dose kernel's blocks",
    "numba": "the dose kernel",
    "llvmlite": "its compiler",
    "transitions": "the table of states",
    "six": "of transitions",
    "pymodbus": "frames of Modbus, held against what was asked",
    "typing_extensions": "of pymodbus",
    "serial": "the settings of a serial line",
}
"""Third-party packages of the real-time process, and what for: one more is a decision (threat T13)."""
TAKEN_BY_NUMBA = {"cffi", "_cffi_backend", "pycparser", "yaml", "coverage"}
"""Numba looks for these, and loads them where other packages brought them; nothing of the process calls them."""
TAKEN_BY_THE_ENVIRONMENT = {"_distutils_hack"}

PROBE = """
import json, os, sys
from importlib.metadata import packages_distributions
import controller.__main__
from controller.kernel import prepare
from hal import registry
for name in registry.names(registry.GENERATORS):
    registry.generator(name)
for name in registry.names(registry.SAFETY_UNITS):
    registry.safety_unit(name)
for name in registry.names(registry.ELECTROMETERS):
    registry.electrometer(name)
before = "numba" in sys.modules
prepare()
held, threads = sorted({name.split(".")[0] for name in sys.modules}), len(os.listdir("/proc/self/task"))
packages = {name for name, owners in packages_distributions().items() if not any(one.startswith("kerma") for one in owners)}
print(json.dumps({"modules": held, "threads": threads, "early": before, "packages": sorted(packages & set(held))}))
"""


def test_the_real_time_process_holds_no_room_above_it_and_one_thread() -> None:
    """Everything that `python -m controller` imports, with every driver loaded and its kernels compiled."""
    said = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60, check=True,
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )  # fmt: skip
    found = json.loads(said.stdout)
    assert not FORBIDDEN & set(found["modules"])
    assert {"numpy", "msgspec"} <= set(found["packages"]) <= ALLOWED.keys() | TAKEN_BY_NUMBA | TAKEN_BY_THE_ENVIRONMENT
    assert found["threads"] == 1
    assert found["early"] is False
