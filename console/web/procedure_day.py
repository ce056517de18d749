"""Warm-up and daily check as a page's thread follows them: the terminal's own questions before another face, and the check's signature by a login's secret.
The sheet is signed with the console's key only after its very bytes were shown and a person's secret was proven; whether it holds the records say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from console import hour_charge
from console.access import day_key
from console.calibrate.exposing import Hand, Kept, Person
from console.certificate import certificate_of
from console.configuration import Rig
from console.day import daily, warm_up, work
from console.day.sheets import Signer, laid_down, said_of, signed
from console.day.warm_up import Fitted
from console.exit_codes import Exit
from console.kept import database
from console.treat.session import Session as Desk
from console.treat.treat import GONE_AFTER_S
from console.web.procedure import Opened, Work
from console.web.procedure_face import PageFace
from controller.prescribed import Certificate
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.readings import Purpose
from records import sheets
from records.day_forms import NOT_OFF, Baseline, DaySheet, Left, Line
from records.day_readings import corrected
from records.sheets import SheetKind

KIND: Final = "day"
CHECK, WARM_UP = "daily", "warm-up"
PURPOSES: Final = {CHECK: Purpose.DAILY, WARM_UP: Purpose.WARMUP}
BANNERS: Final = {CHECK: "DAILY CHECK", WARM_UP: "WARM-UP"}
ENDS: Final = {
    CHECK: {
        Exit.AS_INTENDED: "signed, and in the records",
        Exit.NOT_CONFIRMED: "left: the check is not made, treatment stays locked",
        Exit.REFUSED: "the check has not passed, or opens nothing: treatment stays locked",
        Exit.NO_ANSWER: "signed, and not in the records yet",
    },
    WARM_UP: {Exit.AS_INTENDED: "warm", Exit.NOT_CONFIRMED: "left: the tube is not warm"},
}
NOT_DONE: Final = {CHECK: "the check is not made, treatment stays locked", WARM_UP: "the tube is not warm"}
LOGIN: Final = "login"
"""How a sheet says that its name is a login's, and its key the console's."""


@dataclass(frozen=True)
class Wanted:
    """What of the day's work: the check, by this detector (the baseline's if left out), or the warm-up with what is on the head."""

    what: str
    device: str = ""
    filter_id: str = ""
    applicator_id: str = ""


def day(rig: Rig, clock: Clock, wanted: Wanted, person: Person) -> Work:
    """The whole of it."""

    def work_(line: Desk, open_: Opened) -> str:
        if wanted.what == CHECK:
            unable = day_key.unable(rig)
            if unable:
                raise ConfigurationError(unable)
        certificate = certificate_of(rig, clock.wall())
        face = PageFace(banner(rig, certificate, wanted.what, person))
        followed = _followed(rig, clock, wanted, person, certificate, face)
        open_(face, "")
        code = followed(line)
        return ENDS[wanted.what].get(code, NOT_DONE[wanted.what])

    return work_


def banner(rig: Rig, certificate: Certificate, what: str, person: Person) -> str:
    """Over all of it: that this is no treatment, of which rig, under whose hands."""
    mark = "SIMULATED " if rig.simulated else ""
    return f"{mark}{BANNERS[what]} rig {rig.name}, key in TREAT, {person.name} ({person.role}), certificate {certificate.id}"


def _followed(
    rig: Rig, clock: Clock, wanted: Wanted, person: Person, certificate: Certificate, face: PageFace
) -> Callable[[Desk], Exit]:
    """Everything that can be refused before it is begun is refused here. Raises ConfigurationError."""
    today = work.day_of(rig, clock) if wanted.what == CHECK else work.warm_day_of(rig, clock)
    site = work.site_of(rig, certificate, wanted.device, person.name, clock) if wanted.what == CHECK else None

    def follow(line: Desk) -> Exit:
        purpose = PURPOSES[wanted.what]
        hand = Hand(
            line,
            certificate,
            Kept(database(rig)),
            person,
            face,
            purpose=purpose,
            waits=hour_charge.waits(rig, purpose, clock),
        )
        if site is None:
            fitted = Fitted(wanted.filter_id, wanted.applicator_id)
            return warm_up.warm_up(line, hand, certificate, today, fitted, face)

        def sign(sheet: DaySheet) -> Exit:
            return signature(rig, clock, line, face, sheet, shown(sheet, site))

        return daily.daily(line, hand, certificate, today, site, face, sign)

    return follow


def shown(sheet: DaySheet, site: daily.Site) -> dict[str, Any]:
    """What a person reads before the secret is given, and the name of the bytes that are signed."""
    return {
        "sha256": hashlib.sha256(sheets.body(sheet)).hexdigest(),
        "day": sheet.day, "device": sheet.device, "unit": site.baseline.unit, "p_kpa": sheet.p_kpa, "t_c": sheet.t_c,
        "lines": [
            msgspec.structs.asdict(one) | off_of(one, sheet, site) for one in (*sheet.lines, sheet.seated_anew)
        ],
        "interrupt_token": sheet.interrupt_token, "left": [[one.token, left_words(one, site.baseline.unit)] for one in sheet.left], "items": list(sheet.items),
    }  # fmt: skip


def off_of(one: Line, sheet: DaySheet, site: daily.Site) -> dict[str, float | None]:
    """How far a reading is off both of what the records hold it against, in percent: `off_pct` its detector's baseline in force, and `begun_pct` what the first
    detector was begun with, there where it is furthest off (None: where it is the same to a hundredth, or there is no such row)."""
    first = site.first or site.baseline
    in_force = _off_pct(one, sheet, site.baseline, 1.0)
    begun = [_off_pct(one, sheet, first, part) for part in site.off.get((one.kv, one.filter), NOT_OFF)]
    furthest = max((pct for pct in begun if pct is not None), key=abs, default=None)
    same = in_force is not None and furthest is not None and f"{in_force:.2f}" == f"{furthest:.2f}"
    return {"off_pct": in_force, "begun_pct": None if same else furthest}


def _off_pct(one: Line, sheet: DaySheet, base: Baseline, begun_part: float) -> float | None:
    key = (one.kv, one.ma, one.filter, one.applicator)
    was = next((row.reading for row in base.lines if (row.kv, row.ma, row.filter, row.applicator) == key), 0.0)
    value = corrected(one.reading, sheet.p_kpa, sheet.t_c, base.vented)
    return 100.0 * (value / was * begun_part - 1.0) if was > 0.0 else None


def left_words(one: Left, unit: str) -> str:
    """Why an exposure serves no reading, and what the detector showed of it."""
    return one.why if one.reading is None else f"{one.why} (read {one.reading:g} {unit})"


def signature(rig: Rig, clock: Clock, line: Desk, face: PageFace, sheet: DaySheet, what: dict[str, Any]) -> Exit:
    """Wait for a proven person, sign, lay it down; what cannot be written is said, and may be signed again. Nothing is signed where nobody is there."""
    while True:
        face.ask_signature(what)
        who = None
        while who is None:
            line.turn()
            if line.silent_s() > GONE_AFTER_S:
                face.say("the desk does not answer; the check is not signed; first: look at kerma status")
                return Exit.NOT_CONFIRMED
            who = face.signer()
        if not who:
            return Exit.NOT_CONFIRMED
        try:
            signer = Signer(f"{who} ({LOGIN})", "operator", day_key.path_of(rig.records))
            code, words = said_of(laid_down(rig, signed(SheetKind.DAILY, sheet, signer, rig, clock.wall()), clock))
        except ConfigurationError as error:
            face.say(f"{error}; nothing is lost: sign again")
            continue
        face.say(words)
        return code


__all__ = ["CHECK", "WARM_UP", "Wanted", "day"]
