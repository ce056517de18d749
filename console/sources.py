"""Which program this is: a hash over the product's own sources, and the folder of compiled kernels that belongs to exactly these sources.
Compiled code of other sources is never taken: the compiler's own cache does not see what another file has changed."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from importlib.metadata import version
from pathlib import Path

from console import places

ROOMS = ("hal", "interlocks", "controller", "calibration", "records", "console")


def files() -> tuple[tuple[str, Path], ...]:
    """Every Python file of the product as (name, path), by name."""
    found: list[tuple[str, Path]] = []
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            found += [(f"{room}/{path.relative_to(folder)}", path) for path in Path(folder).rglob("*.py")]
    return tuple(sorted(found))


def digest() -> str:
    """SHA-256 in hex over names and bytes of all sources, the interpreter and the compiler's version."""
    whole = hashlib.sha256(f"{sys.version}\0{version('numba')}\0{version('numpy')}\0".encode())
    for name, path in files():
        data = path.read_bytes()
        whole.update(f"{name}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()


def software_version() -> str:
    """Version and the first of the sources' hash, as records carry it."""
    return f"{version('kerma')}+{digest()[:12]}"


def kernel_cache(home: Path) -> Path:
    """The folder of compiled kernels for these sources."""
    return home / ".cache" / "kerma" / f"numba-{digest()[:32]}"


def own_kernel_cache(home: Path, uid: int) -> Path:
    """Make it, for us alone: whoever may write there runs code in the real-time process. Raises ConfigurationError."""
    folder = kernel_cache(home)
    places.own(folder, uid, 0o700)
    return folder
