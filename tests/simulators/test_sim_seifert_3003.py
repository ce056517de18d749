"""The simulated Seifert 3003 on its line: what it answers and what it does not, its digits, timers that count, a shutter that moves, and its ways to say no."""

from __future__ import annotations

import pytest

from simulators.generator_seifert_3003 import PROFILE, SHUTTER_MS, TWO_DIGITS, Seifert3003Firmware
from simulators.plant import Plant
from simulators.profile import Profile
from simulators.seam import UnitOutputs
from simulators.supply import UNDER_VOLTAGE

NO_ANSWER = [
    "HV:0", "HV:1", "SV:069500", "SC:001600", "TP:1,00,00,30", "TS:1", "TE:1", "OS:1", "CS:1", "CC:1000", "CL", "KB:0", "WU:0,000", "nonsense", "",
]  # fmt: skip


class Host:
    """Hands on the coils and a voice on the line."""

    def __init__(self, profile: Profile = PROFILE) -> None:
        self.plant = Plant(profile, 7)
        self.out = UnitOutputs(k1_close=True, k2_close=True)
        device = self.plant.generator
        assert isinstance(device, Seifert3003Firmware)
        self.device = device

    def run(self, ms: int) -> None:
        for _ in range(ms):
            self.plant.step(self.out)

    def say(self, text: str) -> bytes:
        line = self.plant.generator_line
        line.host_write(text.encode() + b"\n", self.plant.now_us)
        self.run(50)
        return line.host_read(self.plant.now_us)

    def order(self, *texts: str) -> Host:
        for text in texts:
            assert self.say(text) == b""
        return self

    def number(self, text: str) -> int:
        reply = self.say(text)
        assert len(reply) == 12 and reply[:1] == b"*" and reply[-1:] == b"\r" and reply[1:-1].isdigit()
        return int(reply[1:-1])

    def ready(self, seconds: int = 30) -> Host:
        self.run(50)
        return self.order("CC:1000", "SV:069500", "SC:001600", f"TP:1,00,00,{seconds:02d}")

    def on(self, seconds: int = 30) -> Host:
        self.ready(seconds).order("TS:1", "OS:1", "HV:1")
        self.run(800)
        assert self.plant.truth().hv_on and self.plant.truth().dose_rate_mgy_s > 50.0
        return self


@pytest.mark.parametrize("text", NO_ANSWER)
def test_set_commands_and_nonsense_are_never_answered(text: str) -> None:
    host = Host()
    host.run(50)
    assert host.say(text) == b""


def test_questions_bring_a_star_and_ten_digits_or_a_text() -> None:
    host = Host().on()
    assert host.say("ID") == b"*- ISOVOLT 3003 -\r" and host.say("MR") == b"*Mo\r"
    assert host.say("VN") == b"*0000069500\r" and host.say("CN") == b"*0000001600\r"
    assert abs(host.number("VA") - 69_500) < 500 and abs(host.number("CA") - 1600) < 40
    assert host.number("SR:01") == 128 + 64 and host.number("SR:12") == 0


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_its_ending_is_the_profiles(end: bytes) -> None:
    host = Host()
    host.run(50)
    host.device.end = end
    assert host.say("MR") == b"*Mo" + end


@pytest.mark.parametrize(
    ("profile", "own", "others"),
    [
        (PROFILE, ("SV:050000", "SC:002000"), ("SV:60", "SC:40", "SV:0600000", "SV:150000")),
        (TWO_DIGITS, ("SV:50", "SC:02"), ("SV:060000", "SC:004000", "SV:6", "SV:61")),
    ],
    ids=["six", "two"],
)
def test_only_its_own_digits_within_full_scale_change_a_set_point(
    profile: Profile, own: tuple[str, ...], others: tuple[str, ...]
) -> None:
    host = Host(profile)
    host.run(50)
    host.order(*own, *others)
    assert (host.number("VN"), host.number("CN")) == (50_000, 2000)


def test_a_timer_counts_up_and_closes_its_shutter_and_leaves_high_voltage() -> None:
    host = Host().on(seconds=3)
    assert host.number("TN:1") == 3 and host.number("SR:02") == 128 + 8
    assert host.number("TA:1") == 1
    host.run(3000)
    assert host.number("TA:1") == 3 and host.number("SR:02") == 8
    assert host.plant.truth().hv_on and host.plant.truth().dose_rate_mgy_s == 0.0


def test_a_timer_may_drop_high_voltage_too() -> None:
    host = Host()
    host.device.timer_drops_hv = True
    host.on(seconds=2)
    host.run(2500)
    assert not host.plant.supply.hv_on


@pytest.mark.parametrize(("gain", "after_ms", "counted"), [(2.0, 4000, 8), (0.5, 4000, 2), (0.0, 4000, 0)])
def test_a_timer_out_of_step(gain: float, after_ms: int, counted: int) -> None:
    host = Host().ready()
    host.device.timer_gain = gain
    host.order("TS:1")
    host.run(after_ms)
    assert abs(host.number("TA:1") - counted) <= (1 if gain > 1 else 0)


def test_a_timer_is_stopped_starts_from_nothing_and_is_not_set_while_it_runs() -> None:
    host = Host().ready().order("TS:1")
    host.run(2000)
    host.order("TP:1,00,00,59")
    assert host.number("TN:1") == 30
    host.order("TE:1")
    stood = host.number("TA:1")
    host.run(2000)
    assert host.number("TA:1") == stood == 2
    host.order("TP:1,00,00,59", "TS:1")
    assert host.number("TN:1") == 59 and host.number("TA:1") == 0
    host.order("TE:1", "TP:1,00,61,00", "TP:1,00,00,60")
    assert host.number("TN:1") == 59
    host.order("TS:2")
    assert host.number("SR:02") == 8, "a timer that was not set does not run"


def test_the_shutter_moves_and_is_told_and_only_the_computer_that_has_it_opens_it() -> None:
    host = Host()
    host.run(50)
    host.order("OS:1")
    host.run(SHUTTER_MS)
    assert host.number("SR:03") == 1 and not host.device.shutter_open, "shutter 2 is absent, 1 was not moved"
    host.order("CC:1000")
    host.plant.generator_line.host_write(b"OS:1\n", host.plant.now_us)
    host.run(60)
    assert not host.device.shutter_open
    host.run(SHUTTER_MS)
    assert host.device.shutter_open and host.number("SR:03") == 128 + 64 + 1
    host.order("CS:1")
    host.run(SHUTTER_MS)
    assert host.number("SR:03") == 1 and host.number("SR:04") == 17


def test_high_voltage_without_the_shutter_makes_no_dose() -> None:
    host = Host().ready().order("HV:1")
    host.run(1000)
    assert host.plant.truth().hv_on and host.plant.dose_mgy == 0.0


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("door", 63),
        ("emergency", 46),
        ("warm-up needed", 106),
        ("shutter circuit", 112),
        ("no power", 76),
        ("fault", 37),
    ],
)
def test_high_voltage_is_refused_without_a_word_and_the_message_says_why(what: str, message: int) -> None:
    host = Host().ready()
    if what == "door":
        host.out.k1_close = False
    elif what == "emergency":
        host.device.emergency_stop = True
    elif what == "warm-up needed":
        host.device.needs_warm_up = True
    elif what == "shutter circuit":
        host.device.shutters[0].circuit_closed = False
    elif what == "no power":
        host.out.k2_close = False
    else:
        host.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    host.run(100)
    host.order("HV:1")
    host.run(500)
    assert not host.plant.truth().hv_on and host.number("SR:12") == message
    assert [words for _, who, words in host.plant.log if who == "generator" and words.startswith("HV ON refused")]


def test_a_fault_stays_until_it_is_cleared() -> None:
    host = Host().on()
    host.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    host.run(500)
    assert host.number("SR:12") == 37 and host.number("SR:01") == 128
    host.order("CL")
    assert host.number("SR:12") == 0


def test_a_warm_up_takes_its_time_and_lets_no_exposure_start() -> None:
    host = Host().ready()
    host.device.needs_warm_up = True
    host.order("WU:1,060", "HV:1")
    assert host.number("SR:06") == 10 and host.number("WT") == 299
    assert not host.plant.supply.hv_on
    host.order("WU:0,000")
    assert host.number("SR:06") == 0 and host.number("SR:12") == 106
    host.order("WU:1,060")
    host.run(300_100)
    assert host.number("SR:06") == 0 and host.number("SR:12") == 0


def test_off_is_obeyed_behind_a_question_that_is_still_unanswered() -> None:
    host = Host().on()
    host.plant.generator_line.host_write(b"VA\nHV:0\nCS:1\n", host.plant.now_us)
    host.run(50)
    assert not host.plant.supply.hv_on
    assert host.plant.generator_line.host_read(host.plant.now_us).count(b"\r") == 1


def test_it_watches_no_host() -> None:
    """A minute of silence changes nothing: no public text names a watchdog."""
    host = Host().on(seconds=59)
    host.run(50_000)
    assert host.plant.truth().hv_on


def test_a_restart_forgets_everything() -> None:
    host = Host().on()
    host.device.reboot(host.plant.now_us)
    host.run(PROFILE.boot_ms - 100)
    assert host.say("MR") == b""
    host.run(200)
    assert host.number("VN") == 0 and host.number("TN:1") == 0 and host.number("SR:02") == 0
    assert not host.plant.supply.hv_on


def test_faults_act_at_its_face() -> None:
    host = Host().ready()
    host.device.set_points_stick = True
    host.order("SV:020000")
    assert host.number("VN") == 69_500
    host.device.garbled = True
    assert host.say("VN") != b"*0000069500\r"
    host.device.garbled = False
    host.device.silent = True
    assert host.say("MR") == b""
