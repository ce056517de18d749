"""What the real-time process may hold: none of the rooms above it, none of their packages, one thread; and nothing is compiled on import."""

import json
import subprocess
import sys

FORBIDDEN = {
    "console", "calibration", "records", "simulators", "verification",
    "fastapi", "uvicorn", "websockets", "nicegui", "typer", "rich", "pydantic", "sqlalchemy", "structlog", "cryptography", "click",
    "dask", "distributed", "matplotlib", "tornado",
}  # fmt: skip

PROBE = """
import json, os, sys
import controller.__main__
from controller.kernel import prepare
from hal import registry
registry.generator("spellman-xrv"); registry.safety_unit("kerma-unit")
before = "numba" in sys.modules
prepare()
print(json.dumps({"modules": sorted({name.split(".")[0] for name in sys.modules}), "threads": len(os.listdir("/proc/self/task")), "early": before}))
"""


def test_the_real_time_process_holds_no_room_above_it_and_one_thread() -> None:
    """Everything that `python -m controller` imports, with its drivers loaded and its kernels compiled."""
    said = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60, check=True,
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )  # fmt: skip
    found = json.loads(said.stdout)
    assert not FORBIDDEN & set(found["modules"])
    assert found["threads"] == 1
    assert found["early"] is False
