"""The orders that may be treated, and the one that was loaded through this console with its second calculation beside each offer.
It asks no desk and knows no page; files are read only where a person asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from console import screen
from console import second_calculation as second
from console.certificate import checked_of, exchanged
from console.configuration import Rig
from console.kept import given_d0_mgy
from console.second_calculation import Compared
from console.treat import figures, independent
from console.treat.chart import Figure, Line
from console.treat.independent import Beside, beside
from console.treat.plain_words import order
from controller.prescribed import Certificate, Prescribed
from controller.requests import Offer, Snapshot
from controller.states import EXPIRES_S, State
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.readings import Purpose

AT_MOST: Final = 200
CHECKS: Final = ("patient", "lesion", "applicator", "room")
"""What a person has looked at, in this order, before an offer may be confirmed."""
LOOK: Final = {
    "patient": "ask the patient for name and both identifiers",
    "lesion": "look at lesion, side and site",
    "applicator": "look at applicator, filter and shields",
    "room": "see that nobody but the patient is in the room and the door is closed",
    "photo": "compare the lesion with its photo",
}
"""What is done first where an item was not looked at, or does not count any more."""
LOOKED_S: Final = EXPIRES_S[State.PREPARATORY]
"""What was looked at longer ago than this does not count, in seconds. An assumption: the time that a loaded fraction may wait for its confirmation."""
STANDS: Final = ("STANDBY", "PREPARATORY", "ARMING", "READY")
"""States in which what was looked at may stand; what was looked at before any other one is looked at anew, for the patient may have got up."""


@dataclass(frozen=True)
class Loaded:
    """An order as it was read and loaded, and what its offers are held against."""

    prescribed: Prescribed
    certificate: Certificate
    beside: Beside
    resumed: bool
    given_d0_mgy: float | None


class Orders:
    """Reads the folder of prescription files of a rig; the name of an order is its file's name and nothing that leads out of the folder."""

    def __init__(self, rig: Rig, folder: Path, clock: Clock) -> None:
        self._rig, self._folder, self._clock = rig, folder, clock

    @property
    def folder(self) -> Path:
        """Where the orders lie."""
        return self._folder

    def listed(self) -> list[dict[str, Any]]:
        """Every order, readable or not: one that cannot be read says why."""
        paths = sorted(self._folder.glob("*.toml"))
        found = [self._told(path) for path in paths[:AT_MOST]]
        if len(paths) > AT_MOST:
            words = f"{self._folder}: {len(paths)} orders, of which the first {AT_MOST} are listed; first: move those that are done elsewhere"
            found.append({"name": "", "words": words, "order": None, "flags": []})
        return found

    def read(self, name: str, sha256: str, resumed: bool) -> Loaded:
        """The very order that was shown, with certificate, typed table and the records beside it. Raises ConfigurationError."""
        prescribed = self.shown(name, sha256)
        wall_s = self._clock.wall()
        checked = checked_of(self._rig, wall_s)
        others = beside(self._rig, prescribed, checked, wall_s, resumed)
        return Loaded(
            prescribed, checked.numbers, others, resumed, given_d0_mgy(self._rig, prescribed) if resumed else None
        )

    def shown(self, name: str, sha256: str) -> Prescribed:
        """The very order that was shown, and nothing beside it. Raises ConfigurationError."""
        path = next((one for one in self._folder.glob("*.toml") if one.name == name), None)
        if path is None:
            raise ConfigurationError(f"{name}: is no order in {self._folder}; first: choose one of the list")
        prescribed = order(path)
        if prescribed.sha256.hex() != sha256:
            raise ConfigurationError(f"{name}: was changed since it was shown; first: choose it anew and read it again")
        if prescribed.purpose is not Purpose.TREAT:
            raise ConfigurationError(
                f"{name}: purpose is {prescribed.purpose.name}; first: use its own command; this page treats"
            )
        return prescribed

    def exchanged(self, loaded: Loaded) -> str:
        """Why what was loaded may not be confirmed any more, or "": another certificate lies there now."""
        return exchanged(self._rig, loaded.certificate, self._clock.wall())

    def _told(self, path: Path) -> dict[str, Any]:
        try:
            prescribed = order(path)
        except ConfigurationError as error:
            return {"name": path.name, "words": str(error), "order": None, "flags": []}
        return {"name": path.name, "words": "", "order": screen.values(prescribed), "flags": list(prescribed.flags)}


class Fraction:
    """What was loaded here, if anything; every offer is compared once."""

    def __init__(self) -> None:
        self.loaded: Loaded | None = None
        self._tenure = 0
        self._at_s = float("inf")
        self._otherwise_s, self._otherwise = float("-inf"), ""
        self._of: Offer | None = None
        self._compared: tuple[Compared, ...] | str = ()

    def compared(self, offer: Offer) -> tuple[Compared, ...] | str:
        """The second calculation beside this offer, or the words why there is none."""
        loaded = self.loaded
        if loaded is None:
            return "this fraction was not loaded here; first: unload it and load it anew"
        if self._of != offer:
            by_code = second.checked(loaded.prescribed, loaded.certificate, offer, loaded.given_d0_mgy, loaded.resumed)
            by_data = independent.compared(loaded.prescribed, loaded.certificate, offer, loaded.resumed, loaded.beside)
            self._of = offer
            if isinstance(by_code, str) or isinstance(by_data, str):
                self._compared = "; ".join(said for said in (by_code, by_data) if isinstance(said, str))
            else:
                self._compared = (*by_code, *by_data)
        return self._compared

    def calculated(self, offer: Offer) -> tuple[tuple[Line, ...], tuple[Figure, ...]]:
        """What is kept of the second calculation beside this offer, which has been compared."""
        loaded, compared = self.loaded, self.compared(offer)
        if loaded is None or isinstance(compared, str):
            return (), ()
        found = figures.figures(
            loaded.prescribed, loaded.certificate, offer, loaded.given_d0_mgy, loaded.resumed, loaded.beside
        )
        return figures.lines(compared), found

    def heard(self, shown: Snapshot) -> None:
        """A fraction that is not loaded any more in the rig is not loaded here; and what was looked at until now counts only where nothing went on."""
        if shown.state not in STANDS:
            self._otherwise_s, self._otherwise = shown.at_s, shown.state
        if shown.state in ("SELF_TEST", "STANDBY") and shown.at_s > self._at_s:
            self.clear()

    def take(self, loaded: Loaded, now_s: float, tenure: int) -> None:
        """The rig has taken this order now, asked by whoever held control then."""
        self.clear()
        self.loaded, self._at_s, self._tenure = loaded, now_s, tenure

    def put_aside(self) -> tuple[Loaded | None, float, int]:
        """Nothing is loaded while another order is asked for; what was is handed on."""
        kept = self.loaded, self._at_s, self._tenure
        self.clear()
        return kept

    def put_back(self, kept: tuple[Loaded | None, float, int]) -> None:
        """The desk refused the other one: what was loaded still is."""
        self.clear()
        self.loaded, self._at_s, self._tenure = kept

    def clear(self) -> None:
        self.loaded, self._of, self._compared, self._at_s = None, None, (), float("inf")

    def wrong(
        self, shown: Snapshot, offer_id: int, digest: str, looks: Sequence[tuple[str, float | None]], tenure: int, now_s: float
    ) -> str:  # fmt: skip
        """Why this confirmation is not passed on; empty where it names exactly the offer that is shown, checked by eye and by calculation, of a fraction
        that was loaded since control was taken the last time: the record names who loaded it, and nobody confirms what another one chose. `looks` are the
        items that were looked at, each with how long before `now_s`, in seconds."""
        offer = shown.offer
        if self.loaded is not None and self._tenure != tenure:
            return "this fraction was loaded before control changed hands; first: unload it and load it anew"
        if offer is None or shown.state != "PREPARATORY":
            return f"there is no offer to confirm in state {shown.state}; first: wait for it"
        if (offer.id, offer.digest.hex()) != (offer_id, digest):
            return f"offer {offer_id} is stale: the devices now hold offer {offer.id}; first: read what is shown now"
        unseen = unlooked(looks, now_s - self._otherwise_s, self._otherwise)
        if unseen:
            return unseen
        compared = self.compared(offer)
        if isinstance(compared, str):
            return f"no second calculation: {compared}"
        differs = [line for line in compared if not line.agrees]
        words = "; ".join(f"{line.name}: offered {line.offered}, calculated {line.calculated}" for line in differs)
        return f"the second calculation differs ({words}); first: have the physicist look" if differs else ""


def unlooked(looks: Sequence[tuple[str, float | None]], otherwise_ago_s: float, otherwise: str) -> str:
    """Why these looks, each an item with how long ago it was, do not stand; empty where they do. `otherwise` is the last state in which nothing that was
    looked at before may stand, and how long ago it was shown, in seconds; infinite where none was."""
    items = tuple(item for item, _ in looks)
    missing = [item for item in CHECKS if item not in items]
    if missing:
        return f"not checked: {', '.join(missing)}; first: {'; '.join(LOOK[item] for item in missing)}"
    if tuple(item for item in items if item != "photo") != CHECKS:
        return "not checked: in order; first: go through the steps"
    for item, ago_s in looks:
        if ago_s is None:
            return f"{item}: when it was looked at is not told; first: {LOOK[item]}"
        if ago_s > LOOKED_S:
            return f"{item}: was looked at {ago_s:.0f} s ago, at most {LOOKED_S:g} s count; first: {LOOK[item]} anew"
        if ago_s >= otherwise_ago_s:
            words = f"was looked at {ago_s:.1f} s ago, and the machine was in {otherwise} {otherwise_ago_s:.1f} s ago"
            return f"{item}: {words}; first: {LOOK[item]} anew"
    return ""
