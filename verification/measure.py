"""`python -m verification.measure [RIG ...]`: measures the certificates of the demonstration rigs on their simulated plants, and signs them.
It knows how a certificate's text is written; what is measured, and how, stands in verification/certify.py."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

from calibration.certificate import sign_certificate
from console import configuration
from hal import registry
from hal.clock import SystemClock
from verification.certify import certify
from verification.rigs import BEAMS, CERTIFICATES, USUAL, Choice

EXAMPLES: Final = Path(configuration.__file__).parent / "examples"
KEY: Final = EXAMPLES.parents[1] / "examples" / "DEMONSTRATION-KEY.pem"
SIGNER: Final = "M. Example"
TERMINATIONS: Final = {"monitor": "certificate.toml", "time": "certificate-time.toml"}


def text_of(base: str, name: str, measured: dict[str, Any]) -> str:
    """The example certificate's text with what was measured for this rig in its places, unsigned. ValueError if a place is missing."""
    beam, driver = BEAMS[name], registry.generator(name)
    filament = driver.filament_set_points
    generator = measured["generator"]
    values = {
        "filament_limit_counts": generator["filament_limit_counts"] if filament else 0,
        "filament_preheat_counts": generator["filament_preheat_counts"] if filament else 0,
        "press_to_hv_s": measured["press_to_hv_seen_s"],
        "ramp_s": measured["ramp_s"],
        "kv": beam.kv,
        "ma": beam.ma,
        "r0_mgy_per_s": measured["r0_mgy_per_s"],
        "dt_s": measured["dt_s"]["hv_seen"],
        "tail_mgy": measured["tail_mgy"],
        "n1_mgy_per_count": measured["n1_mgy_per_count"],
        "n2_mgy_per_count": measured["n2_mgy_per_count"],
        "leak1_cps": measured["leak1_cps"],
        "leak2_cps": measured["leak2_cps"],
    }
    text = base[: base.index("[[signatures]]")]
    text = re.sub(r'(?m)^id = "(.*)"$', rf'id = "\1-{name}"', text)
    for key, value in values.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        if found != 1:
            raise ValueError(f"the example certificate has {found} lines of {key}, wanted 1")
    rows = "".join(f"    {{ kv = {row['kv']}, rel = {row['rel']} }},\n" for row in measured["g_kv"])
    text, found = re.subn(r"(?s)g_kv = \[\n.*?\]\n", f"g_kv = [\n{rows}]\n", text)
    if found != 1:
        raise ValueError(f"the example certificate has {found} tables g_kv, wanted 1")
    return text


def write(name: str) -> None:
    """Measure one rig and write its two certificates, signed."""
    beam, choice = BEAMS[name], Choice(name)
    measured = certify(choice.profile, 1, kv=beam.kv, ma=beam.ma)
    for termination, example in TERMINATIONS.items():
        path = choice.certificate(termination)
        if path is None:
            raise ValueError(f"{name} is the examples' own rig; its certificates stand in examples/")
        CERTIFICATES.mkdir(exist_ok=True)
        path.write_text(text_of((EXAMPLES / example).read_text(encoding="utf-8"), name, measured), encoding="utf-8")
        sign_certificate(path, KEY, SIGNER, SystemClock().wall())
        sys.stdout.write(f"{path.name}: {measured['r0_mgy_per_s']} mGy/s at {beam.kv} kV, {beam.ma} mA\n")


if __name__ == "__main__":
    for rig in sys.argv[1:] or [name for name in BEAMS if name != USUAL]:
        write(rig)
