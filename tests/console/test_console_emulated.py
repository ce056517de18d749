"""A bench rig says EMULATED over everything that a person sees, and `clinical = true` is refused for it with what it lacks."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from desk_by_hand import dose, snapshot
from rich.console import Console, RenderableType

from console import configuration, run, screen
from hal import registry
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from hal.rig import make_rig
from simulators.units import BENCH_IO
from verification.rigs import Choice
from verification.setting import Setting, lay_out


@pytest.fixture(params=BENCH_IO)
def laid(request: pytest.FixtureRequest, tmp_path: Path) -> Setting:
    return lay_out(
        tmp_path / "rig",
        tmp_path / "records",
        "time",
        15020,
        choice=Choice(generator_wire="socket", unit=request.param),
    )


def text(renderable: RenderableType) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def prepared(setting: Setting) -> run.Start:
    return run.prepared(configuration.load(setting.rig_file, uid_of(setting)), SystemClock(), "i")


def uid_of(setting: Setting) -> int:
    return setting.rig_file.stat().st_uid


def test_a_run_begins_with_the_word(laid: Setting) -> None:
    start = prepared(laid)
    said = screen.banner(start.rig.simulated, start.rig.name, start.emulated)
    assert "SIMULATED" in said and "EMULATED safety unit: this computer stands in" in said
    for lacking in ("an exposure timer", "a lease", "count limits"):
        assert f"not for clinical use: the rig lacks {lacking}" in start.notes


def test_clinical_is_refused_with_those_words(laid: Setting) -> None:
    text = laid.rig_file.read_text(encoding="utf-8")
    text = text.replace("clinical = false", "clinical = true") + '\n[daily]\ntime_zone = "UTC"\n'
    laid.rig_file.write_text(text, encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match="lacks an exposure timer; the rig lacks a lease; the rig lacks count limits"
    ):
        prepared(laid)


def test_a_serial_line_is_refused(laid: Setting) -> None:
    config = run.rig_config(configuration.load(laid.rig_file, uid_of(laid)))
    wrong = msgspec.structs.replace(config, safety_unit_link="tty:/dev/ttyS0", safety_unit_baud=9600)
    with pytest.raises(ConfigurationError, match="speaks on tcp only"):
        make_rig(wrong, bytes(32))


def test_every_picture_of_it_is_marked() -> None:
    shown = snapshot(emulated="on bought I/O: bench only")
    for picture in (text(screen.progress(shown)), screen.plain(shown), text(screen.status(shown))):
        assert "EMULATED" in picture
    assert "EMULATED" not in screen.plain(snapshot())


def test_channels_that_are_not_fitted_have_no_figures() -> None:
    said = screen.channel_words(dose(chambers=False))
    assert "chambers NOT FITTED" in said and "channel 1" not in said and "channel 1" in screen.channel_words(dose())


def test_a_whole_safety_unit_is_not_called_emulated(tmp_path: Path) -> None:
    start = prepared(
        lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020, choice=Choice(generator_wire="socket"))
    )
    assert "EMULATED" not in screen.banner(start.rig.simulated, start.rig.name, start.emulated)
    assert registry.safety_unit("kerma-unit").emulated == ""
