"""What the rig file and the prescription refuse, and how they say it: file, key, value, bound and what to do first.
It opens no device."""

from __future__ import annotations

import copy
import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk_by_hand import EXAMPLES, dumped

from console import configuration, prescription, rig_file
from console.strict import Strict
from hal.errors import ConfigurationError
from hal.readings import Purpose

RIG = tomllib.loads((EXAMPLES / "rig.toml").read_text())
ORDER = tomllib.loads((EXAMPLES / "prescription.toml").read_text())


def keys(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for table, values in document.items():
        for key in values:
            yield table, key


def refused_rig(tmp_path: Path, document: dict[str, Any]) -> str:
    path = tmp_path / "rig.toml"
    path.write_text(dumped(document))
    with pytest.raises(ConfigurationError) as caught:
        configuration.site_key(configuration.load(path, 1000))
    words = str(caught.value)
    assert str(path) in words and "first: " in words, words
    return words


def refused_order(tmp_path: Path, document: dict[str, Any]) -> str:
    path = tmp_path / "order.toml"
    path.write_text(dumped(document))
    with pytest.raises(ConfigurationError) as caught:
        prescription.load(path)
    words = str(caught.value)
    assert str(path) in words and "first: " in words, words
    return words


def changed(document: dict[str, Any], table: str, key: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(document)
    made.setdefault(table, {})[key] = value
    return made


OPTIONAL = {("rig", "clinical"), ("rig", "lease_ms"), ("generator", "baud"), ("simulated", "unit_memory")}


@pytest.mark.parametrize(("table", "key"), [pair for pair in keys(RIG) if pair not in OPTIONAL])
def test_each_key_of_the_rig_file_is_missed_by_name(tmp_path: Path, table: str, key: str) -> None:
    document = copy.deepcopy(RIG)
    del document[table][key]
    assert key in refused_rig(tmp_path, document)


@pytest.mark.parametrize("table", [name for name in RIG if name != "simulated"])
def test_each_table_of_the_rig_file_is_missed_by_name(tmp_path: Path, table: str) -> None:
    document = copy.deepcopy(RIG)
    del document[table]
    assert f"{table} is missing" in refused_rig(tmp_path, document)


@pytest.mark.parametrize(("table", "key"), list(keys(ORDER)))
def test_each_key_of_the_prescription_is_missed_by_name(tmp_path: Path, table: str, key: str) -> None:
    document = copy.deepcopy(ORDER)
    del document[table][key]
    assert f"{table}.{key} is missing" in refused_order(tmp_path, document)


@pytest.mark.parametrize(("table", "key"), list(keys(ORDER)))
def test_each_key_of_the_prescription_refuses_a_table_where_a_value_belongs(
    tmp_path: Path, table: str, key: str
) -> None:
    assert f"{table}.{key}" in refused_order(tmp_path, changed(ORDER, table, key, {"value": 1}))


def test_hazard_a12_an_order_of_a_cut_out_at_depth_is_refused(tmp_path: Path) -> None:
    """Never with the open field's depth dose; at the surface, and in depth without one, it is an order as any."""
    lead = changed(ORDER, "beam", "cutout_factor", 0.93)
    words = refused_order(tmp_path, changed(lead, "dose", "depth_mm", 0.5))
    assert "beam.cutout_factor = 0.93: with dose.depth_mm = 0.5 and no [cutout] it is refused" in words, words
    assert "name the cut-out" in words and "depth_mm = 0.0" in words
    for document in (changed(lead, "dose", "depth_mm", 0.0), changed(ORDER, "dose", "depth_mm", 4.0)):
        path = tmp_path / "order.toml"
        path.write_text(dumped(document))
        assert prescription.load(path).depth_mm == document["dose"]["depth_mm"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("dose", "rx_mgy_per_fraction"),
        ("dose", "depth_mm"),
        ("dose", "min_interval_h"),
        ("beam", "kv"),
        ("beam", "ma"),
        ("beam", "gap_mm"),
        ("beam", "cutout_factor"),
    ],
)
def test_what_is_not_finite_is_refused_in_the_prescription(tmp_path: Path, table: str, key: str, value: float) -> None:
    words = refused_order(tmp_path, changed(ORDER, table, key, value))
    assert f"{table}.{key} = {value!r}" in words and "not a finite number" in words


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("rig", "tick_hz"),
        ("generator", "full_scale_kv"),
        ("generator", "full_scale_ma"),
        ("generator", "turnaround_ms"),
        ("limits", "kv_max"),
    ],
)
def test_what_is_not_finite_is_refused_in_the_rig_file(tmp_path: Path, table: str, key: str, value: float) -> None:
    words = refused_rig(tmp_path, changed(RIG, table, key, value))
    assert f"{table}.{key} = {value!r}" in words and "not a finite number" in words


METER = {"driver": "ptw-unidos", "link": "pty:meter", "model": "UNIDOS Tango", "serial": "123456"}


def test_a_rig_may_name_its_electrometer(tmp_path: Path) -> None:
    """With a wire, or without one where readings are typed in; a real line has no place on a simulated rig, and a key that is missing is named."""
    path = tmp_path / "rig.toml"
    for meter in (METER, {key: value for key, value in METER.items() if key != "link"}):
        path.write_text(dumped(RIG | {"electrometer": meter}))
        rig_file.RigFile.model_validate(tomllib.loads(path.read_text()))
    for key in ("driver", "model", "serial"):
        short = {name: value for name, value in METER.items() if name != key}
        assert f"electrometer.{key} is missing" in refused_rig(tmp_path, RIG | {"electrometer": short})
    assert "is a real line" in refused_rig(tmp_path, RIG | {"electrometer": METER | {"link": "tty:/dev/meter"}})
    assert "no link of this device" in refused_rig(tmp_path, RIG | {"electrometer": METER | {"link": "meter"}})
    assert "usual line speed" in refused_rig(tmp_path, RIG | {"electrometer": METER | {"baud": 9601}})


RIG_BOUNDS = [
    ("rig", "tick_hz", 19.9, "at least 20"),
    ("rig", "tick_hz", 1000.1, "at most 1000"),
    ("rig", "lease_ms", 19, "at least 20"),
    ("rig", "lease_ms", 501, "at most 500"),
    ("rig", "name", "Demo Rig", "form"),
    ("rig", "name", "../up", "form"),
    ("generator", "baud", 1199, "at least 1200"),
    ("generator", "baud", 115201, "at most 115200"),
    ("generator", "baud", 9601, "usual line speed"),
    ("generator", "full_scale_kv", 0.0, "at least 1"),
    ("generator", "full_scale_ma", 101.0, "at most 100"),
    ("generator", "turnaround_ms", -0.1, "at least 0"),
    ("generator", "turnaround_ms", 501, "at most 500"),
    ("safety_unit", "serial", "x" * 17, "form"),
    ("safety_unit", "unit_id", 248, "at most 247"),
    ("simulated", "seed", -1, "at least 0"),
    ("simulated", "site_key_hex", "00" * 15, "form"),
    ("limits", "kv_max", 0.0, "more than 0"),
    ("scheduling", "fifo_priority", 99, "at most 98"),
    ("scheduling", "cpu", -2, "at least -1"),
]


@pytest.mark.parametrize(("table", "key", "value", "bound"), RIG_BOUNDS)
def test_out_of_bounds_in_the_rig_file_names_value_and_bound(
    tmp_path: Path, table: str, key: str, value: Any, bound: str
) -> None:
    words = refused_rig(tmp_path, changed(RIG, table, key, value))
    assert f"{table}.{key}" in words and bound in words
    assert str(value)[:60] in words or "key" in key


ORDER_BOUNDS = [
    ("prescription", "version", 0, "at least 1"),
    ("prescription", "purpose", "TREAT", "none of"),
    ("prescription", "approved_by", [], "at least 1"),
    ("patient", "id", "", "at least 1"),
    ("course", "laterality", "links", "none of"),
    ("dose", "rx_mgy_per_fraction", 0.0, "more than 0"),
    ("dose", "rx_mgy_per_fraction", 20_001.0, "at most 20000"),
    ("dose", "depth_mm", -0.1, "at least 0"),
    ("dose", "depth_mm", 30.1, "at most 30"),
    ("dose", "fraction", 0, "at least 1"),
    ("dose", "fraction", 7, "at most dose.fractions = 6"),
    ("dose", "min_interval_h", -1.0, "at least 0"),
    ("beam", "kv", 0.0, "more than 0"),
    ("beam", "ma", -1.6, "more than 0"),
    ("beam", "gap_mm", -5.1, "at least -5"),
    ("beam", "cutout_factor", 0.49, "at least 0.5"),
    ("beam", "cutout_factor", 1.11, "at most 1.1"),
]


@pytest.mark.parametrize(("table", "key", "value", "bound"), ORDER_BOUNDS)
def test_out_of_bounds_in_the_prescription_names_value_and_bound(
    tmp_path: Path, table: str, key: str, value: Any, bound: str
) -> None:
    words = refused_order(tmp_path, changed(ORDER, table, key, value))
    assert f"{table}.{key}" in words and bound in words


@pytest.mark.parametrize("value", ["7000", "7,0", "7 Gy", True, 10**400])
def test_a_dose_in_quotes_with_a_comma_or_with_a_unit_is_no_number(tmp_path: Path, value: Any) -> None:
    words = refused_order(tmp_path, changed(ORDER, "dose", "rx_mgy_per_fraction", value))
    assert "dose.rx_mgy_per_fraction" in words


def test_a_decimal_comma_is_refused_with_the_point_written_out(tmp_path: Path) -> None:
    path = tmp_path / "order.toml"
    path.write_text((EXAMPLES / "prescription.toml").read_text().replace("depth_mm = 3.0", "depth_mm = 3,5"))
    with pytest.raises(ConfigurationError, match=r"write a decimal point \(3\.5\), not a comma"):
        prescription.load(path)


@pytest.mark.parametrize(
    ("table", "key", "advice"),
    [
        ("dose", "rx_gy_per_fraction", "rx_mgy_per_fraction"),
        ("dose", "min_interval", "min_interval_h"),
        ("dose", "depth_cm", "depth_mm"),
        ("beam", "filtre", "filter"),
        ("dose", "zzz", "known here"),
    ],
)
def test_an_unknown_key_is_an_error_and_the_known_one_is_named(
    tmp_path: Path, table: str, key: str, advice: str
) -> None:
    words = refused_order(tmp_path, changed(ORDER, table, key, 1.0))
    assert f"{table}.{key}" in words and "not a key that is known" in words and advice in words


def test_an_unknown_table_and_every_mistake_at_once(tmp_path: Path) -> None:
    document = changed(changed(RIG, "ring", "size", 3), "rig", "tick_hz", 5)
    words = refused_rig(tmp_path, document)
    assert "ring = " in words and "rig.tick_hz = 5" in words and len(words.splitlines()) == 2


@pytest.mark.parametrize(
    ("table", "key", "value", "says"),
    [
        ("generator", "link", "tty:/dev/ttyUSB0", "real line although rig.simulated = true"),
        ("safety_unit", "link", "tcp:192.168.1.5:502", "leaves this machine"),
        ("generator", "link", "socket:10.0.0.2:4001", "leaves this machine"),
        ("generator", "link", "tcp:10.0.0.2:50001", "leaves this machine"),
        ("safety_unit", "link", "tcp:127.0.0.1:0", "port"),
        ("safety_unit", "link", "tcp:unit.local:502", "numeric address"),
        ("safety_unit", "link", "tcp::502", "numeric address"),
        ("generator", "link", "pty:", "no link of this device"),
        ("rig", "simulated", False, "although rig.simulated = false"),
    ],
)
def test_a_simulated_rig_opens_nothing_real(tmp_path: Path, table: str, key: str, value: Any, says: str) -> None:
    assert says in refused_rig(tmp_path, changed(RIG, table, key, value))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://kerma:hunter2@db/kerma", "holds a password"),
        ("postgresql://kerma@db/kerma?password=hunter2", "holds a password"),
        ("postgresql:///kerma?sslpassword=hunter2", "holds a password"),
        ("postgresql:///?service=kerma&options=-cfsync%3Doff", "sets options"),
        ("mysql://db/kerma", "is no URL of a PostgreSQL"),
        ("sqlite:///somewhere", "is no URL of a PostgreSQL"),
        ("postgresql:kerma", "is no URL of a PostgreSQL"),
        ("postgresql://[::1/kerma", "is no URL of a PostgreSQL"),
        ("postgresql:///kerma?service", "is no URL of a PostgreSQL"),
    ],
)
def test_a_second_database_is_a_postgresql_and_its_password_stands_elsewhere(
    tmp_path: Path, url: str, says: str
) -> None:
    words = refused_rig(tmp_path, changed(RIG, "records", "mirror", url))
    assert "records.mirror" in words and says in words and "hunter2" not in words, words


def test_a_second_database_may_be_named_by_host_or_service() -> None:
    for url in (
        "postgresql://kerma@db.clinic/kerma",
        "postgresql:///?service=kerma",
        "postgresql:///k?host=/run/postgresql",
    ):
        assert rig_file.RigFile.model_validate(changed(RIG, "records", "mirror", url)).records.mirror == url


def real(tmp_path: Path) -> dict[str, Any]:
    document = copy.deepcopy(RIG)
    del document["simulated"]
    document["rig"]["simulated"] = False
    document["generator"]["link"] = "tty:/dev/kerma-generator"
    document["safety_unit"]["link"] = "tcp:192.168.1.5:502"
    document["safety_unit"]["site_key_file"] = "site.key"
    (tmp_path / "site.key").write_text("ab" * 32 + "\n")
    (tmp_path / "site.key").chmod(0o600)
    return document


@pytest.mark.parametrize(
    ("table", "key", "value", "says"),
    [
        ("generator", "link", "pty:var/generator", "simulated line although rig.simulated = false"),
        ("safety_unit", "link", "tcp:127.0.0.1:502", "this machine itself"),
        ("safety_unit", "link", "tcp:127.8.9.1:502", "this machine itself"),
        ("safety_unit", "link", "tcp:0.0.0.0:502", "this machine itself"),
        ("safety_unit", "link", "tcp:[::1]:502", "this machine itself"),
        ("safety_unit", "link", "tcp:[::ffff:127.0.0.1]:502", "this machine itself"),
        ("generator", "link", "socket:localhost:4001", "this machine itself"),
        ("simulated", "seed", 1, "simulated"),
    ],
)
def test_a_real_rig_opens_no_simulator(tmp_path: Path, table: str, key: str, value: Any, says: str) -> None:
    assert says in refused_rig(tmp_path, changed(real(tmp_path), table, key, value))


def test_a_real_rig_takes_its_key_from_a_file_that_only_its_user_reads(tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(dumped(real(tmp_path)))
    assert configuration.site_key(configuration.load(path, 1000)) == bytes.fromhex("ab" * 32)
    (tmp_path / "site.key").chmod(0o640)
    assert "0640, wanted 0600" in refused_rig(tmp_path, real_without_touching_the_key(tmp_path))
    (tmp_path / "site.key").write_text("not hex")
    (tmp_path / "site.key").chmod(0o600)
    words = refused_rig(tmp_path, real_without_touching_the_key(tmp_path))
    assert "bytes in hex" in words and "not hex" not in words
    (tmp_path / "site.key").unlink()
    assert "cannot be read" in refused_rig(tmp_path, real_without_touching_the_key(tmp_path))


def real_without_touching_the_key(tmp_path: Path) -> dict[str, Any]:
    return tomllib.loads((tmp_path / "rig.toml").read_text())


def test_the_site_key_is_given_once_and_never_shown(tmp_path: Path) -> None:
    document = changed(RIG, "safety_unit", "site_key_file", "site.key")
    words = refused_rig(tmp_path, document)
    assert "site_key_file is there" in words and RIG["simulated"]["site_key_hex"] not in words
    words = refused_rig(tmp_path, changed(RIG, "simulated", "site_key_hex", "5ec2e7" * 3))
    assert "site_key_hex" in words and "5ec2e7" not in words


def test_a_socket_path_that_the_kernel_cannot_hold_is_refused(tmp_path: Path) -> None:
    assert "at most 107" in refused_rig(tmp_path, changed(RIG, "paths", "desk", "/run/" + "x" * 110))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = ", b"= 3", b"a = 1\na = 2\n", b"[a\n", b"x" * 1_000_001])
def test_what_is_no_toml_is_refused_with_the_file_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rig.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"rig\.toml: .*first: "):
        configuration.load(path, 1000)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            prescription.load(path)


def test_the_examples_load_and_say_what_the_readme_says() -> None:
    rig = configuration.load(EXAMPLES / "rig.toml", 1000)
    assert rig.simulated and rig.name == "demo" and rig.places.stop == Path("/dev/shm/kerma-1000/demo/stop.sock")
    order = prescription.load(EXAMPLES / "prescription.toml")
    assert (order.rx_mgy, order.depth_mm, order.kv, order.ma) == (7000.0, 3.0, 69.5, 1.6)
    assert (order.applicator_id, order.filter_id, order.fraction, order.fractions) == ("A20", "F2", 1, 6)
    assert order.purpose is Purpose.TREAT and len(order.sha256) == 32
    assert prescription.load(EXAMPLES / "short.toml").rx_mgy == 950.0


def test_one_changed_byte_is_another_prescription(tmp_path: Path) -> None:
    path = tmp_path / "order.toml"
    text = (EXAMPLES / "prescription.toml").read_text()
    path.write_text(text)
    first = prescription.load(path).sha256
    path.write_text(text + "\n")
    assert prescription.load(path).sha256 != first


def test_the_packaged_examples_are_the_examples() -> None:
    packaged = Path(configuration.__file__).parent / "examples"
    wanted = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".toml", ".pub")}
    assert {path.name for path in packaged.iterdir()} == wanted
    for path in packaged.iterdir():
        assert path.read_bytes() == (EXAMPLES / path.name).read_bytes(), path.name


def test_every_key_says_what_to_write() -> None:
    tables = [
        kind
        for kind in vars(rig_file).values()
        if isinstance(kind, type) and issubclass(kind, Strict) and kind.__name__.endswith("Table")
    ]
    tables += [
        kind
        for kind in vars(prescription).values()
        if isinstance(kind, type) and issubclass(kind, Strict) and kind.__name__.endswith("Table")
    ]
    assert len(tables) >= 14
    assert not [
        f"{table.__name__}.{name}"
        for table in tables
        for name, field in table.model_fields.items()
        if not field.description
    ]
