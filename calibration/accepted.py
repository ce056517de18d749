"""The last certificate accepted for each tube, with a copy of every one before it: an older one, or another of the same version, is refused (G24).
It verifies no signature but the last one's: it is given what is verified already, and it is one folder beside the records. Pins and copies each remember."""

from __future__ import annotations

import fcntl
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from calibration import gates, history, signed, toml_file
from calibration.atomic import replaced
from calibration.certificate import Checked, read_certificate
from calibration.schema import CertificateTable, combined
from hal.errors import ConfigurationError

FILE: Final = "accepted.json"
LOCK: Final = ".lock"
UNMEASURED: Final = ("plant", "provisional")
"""What is of these is never pinned: it says nothing of what was measured."""


@dataclass(frozen=True)
class Pin:
    """The version that a tube has; nothing below it is taken any more."""

    version: int
    id: str
    sha256: str


class Accepted:
    """The folder of accepted certificates. Every method raises ConfigurationError with words; a damaged file is never taken for an empty one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pin(self, tube_serial: str) -> Pin | None:
        """What is pinned for a tube, None where nothing is."""
        return self._pins().get(tube_serial)

    def contents(self) -> frozenset[str]:
        """The SHA-256 of every certificate that was accepted here, by its pin or by its copy."""
        copies = (
            signed.content_sha256(toml_file.parse(one, toml_file.read_bytes(one)))
            for one in self._folder.glob("*.toml")
        )
        return frozenset({pin.sha256 for pin in self._pins().values()} | {one.hex() for one in copies})

    def knows(self, sha256: str) -> bool:
        """Whether a certificate of this content was accepted here."""
        return sha256 in self.contents()

    def refused(self, new: Checked) -> str:
        """Why this certificate may not be used on this computer, or ""."""
        return _refused(new, self.pin(new.table.tube_serial))

    def accept(self, new: Checked, public_key: Path) -> bool:
        """Pin a verified certificate and keep a copy; False where it is pinned already, or was not measured. An older one is refused."""
        if new.table.basis in UNMEASURED:
            words = self.refused(new)
            if words:
                raise ConfigurationError(words)
            return False
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / LOCK).open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self._accepted(new, public_key)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"{self._folder}: another process is accepting a certificate there; first: try again when it has ended"
            ) from error
        except OSError as error:
            raise ConfigurationError(
                f"{self._folder}: cannot be written ({error.strerror}); first: see to the disk"
            ) from error

    def _accepted(self, new: Checked, public_key: Path) -> bool:
        """Alone in the folder. OSError: it could not be written."""
        pins, serial = self._pins(), new.table.tube_serial
        pin = pins.get(serial)
        words = _refused(new, pin)
        if words:
            raise ConfigurationError(words)
        known = pin is not None and pin.version == new.table.version
        if pin is not None and not known:
            self._compared(new, pin, public_key)
        copy = self.copy(serial, new.table.version)
        if not (known and copy.exists()):
            replaced(copy, new.data)
        pins[serial] = Pin(new.table.version, new.table.id, new.sha256.hex())
        sealed = _sealed({serial: asdict(one) for serial, one in pins.items()})
        path = self._folder / FILE
        if not (known and path.exists() and path.read_bytes() == sealed):
            replaced(path, sealed)
        return not known

    def copy(self, tube_serial: str, version: int) -> Path:
        """Where the copy of a version lies."""
        return self._folder / f"{quote(tube_serial, safe='')}-{version:06d}.toml"

    def last(self, tube_serial: str, public_key: Path) -> Checked | None:
        """The pinned certificate, read and verified anew from its copy."""
        pin = self.pin(tube_serial)
        if pin is None:
            return None
        kept = read_certificate(self.copy(tube_serial, pin.version), public_key)
        if kept.sha256.hex() != pin.sha256:
            raise ConfigurationError(
                f"{kept.path}: is not what was accepted; first: put the accepted file back from a backup"
            )
        return kept

    def _compared(self, new: Checked, pin: Pin, public_key: Path) -> None:
        """What the new one says of the last one, against the last one itself."""
        last = self.last(new.table.tube_serial, public_key)
        was = (
            {}
            if last is None
            else {(c.kv, c.ma, c.filter, c.applicator): c.r0_mgy_per_s for c in last.table.combinations}
        )
        before = self.before(new.table.tube_serial)
        said = (
            *gates.compared_with_last(combined(new.table), was, pin.id),
            *history.repeated(new.table, before),
            *history.unexplained(new.table, before, new.signers),
            *history.left_behind(new.table.id, new.table.combinations, before),
        )
        wrong = [f"{new.path}: {words}" for words in dict.fromkeys(said)]
        if wrong:
            raise ConfigurationError("\n".join(wrong))

    def before(self, tube_serial: str) -> list[CertificateTable]:
        """All that were accepted for a tube, the newest first."""
        pin = self.pin(tube_serial)
        return [] if pin is None else [self._table(tube_serial, number) for number in range(pin.version, 0, -1)]

    def _table(self, tube_serial: str, version: int) -> CertificateTable:
        """A copy's tables; whose keys were known then may be no more, so its signatures are not asked."""
        path = self.copy(tube_serial, version)
        return signed.checked(path, toml_file.parse(path, toml_file.read_bytes(path)), CertificateTable)

    def _pins(self) -> dict[str, Pin]:
        """What the file of pins says, or the copies where they know a newer version: to remove or put back one of the two brings back nothing."""
        pins = self._stored()
        for name in sorted(path.name for path in self._folder.glob("*.toml")):
            quoted, _, number = name.removesuffix(".toml").rpartition("-")
            serial, pin = unquote(quoted), pins.get(unquote(quoted))
            if number.isdecimal() and (pin is None or int(number) > pin.version):
                path = self._folder / name
                document = toml_file.parse(path, toml_file.read_bytes(path))
                table = signed.checked(path, document, CertificateTable)
                pins[serial] = Pin(int(number), table.id, signed.content_sha256(document).hex())
        return pins

    def _stored(self) -> dict[str, Pin]:
        path = self._folder / FILE
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); first: see to the disk") from error
        try:
            tubes: dict[str, Any] = json.loads(data)["tubes"]
            if _sealed(tubes) != data:
                raise ValueError("its check sum is another")
            return {serial: Pin(**one) for serial, one in tubes.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ConfigurationError(
                f"{path}: is damaged ({error}); first: put it back from a backup; without it an older certificate could be used again"
            ) from error


def _refused(new: Checked, pin: Pin | None) -> str:
    t = new.table
    if t.basis == "provisional":
        return ""
    if pin is None:
        if t.version == 1 or t.basis == "plant":
            return ""
        return (
            f"{new.path}: version = {t.version}: no version of tube {t.tube_serial} was accepted here, so an older one cannot be told; "
            "first: accept the versions before it, from the first on"
        )
    if t.version < pin.version:
        return f"{new.path}: version = {t.version}: is older than version {pin.version} ({pin.id}), which was accepted; first: use that one"
    if t.version == pin.version:
        same = new.sha256.hex() == pin.sha256
        return (
            ""
            if same
            else f"{new.path}: version = {t.version}: is another than the accepted {pin.id}; first: use that one, or sign a new version"
        )
    if t.version > pin.version + 1 or t.supersedes != pin.id:
        return (
            f'{new.path}: version = {t.version}, supersedes = "{t.supersedes}": does not follow version {pin.version} ({pin.id}); '
            "first: accept the versions between, or sign one that supersedes it"
        )
    return ""


def _sealed(tubes: dict[str, Any]) -> bytes:
    """The file's bytes: the pins and a sum over them, against damage; against malice stand the signatures."""
    content = json.dumps(tubes, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps(
        {"tubes": tubes, "sha256": hashlib.sha256(content).hexdigest()}, sort_keys=True, indent=1
    ).encode()
