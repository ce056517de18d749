"""A site key that somebody has written down is found, in whatever form, in whatever file of the records; without that nothing is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from controller.kernel import Kernels
from verification.setting import lay_out, virtual_rig
from verification.trace import Observer

FORMS: dict[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "hex": lambda key: key.hex().encode(),
    "HEX": lambda key: key.hex().upper().encode(),
    "base64": base64.b64encode,
    "as Python shows it": lambda key: repr(key).encode(),
}


def test_a_site_key_in_any_file_of_the_records_is_found(tmp_path: Path, kernels: Kernels) -> None:
    """Each form by itself, in a file beside the journal."""
    rig = virtual_rig(lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020), kernels)
    observer = Observer(rig)
    try:
        rig.wait(0.1)
        assert not observer.trace().chain.secret
        note = tmp_path / "records" / "recorder.log"
        for name, form in FORMS.items():
            note.write_bytes(b"key " + form(bytes(rig.blob.site_key)) + b"\n")
            assert observer.trace().chain.secret, name
            note.unlink()
    finally:
        rig.close()
