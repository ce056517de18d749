"""A photo of the lesion and notes of its set-up: what may be one by its content, whose lesion it is, what a crash leaves, that nothing is confirmed
uncompared, and that nothing of it is in the support bundle, at the service page or in the audit."""

from __future__ import annotations

import base64
import io
import json
import stat
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from access_by_hand import SECRET
from asgi_by_hand import http
from desk_by_hand import offer, snapshot
from kept_by_hand import KeptByHand
from msgspec.structs import replace as other
from PIL import Image
from test_approvals import Signing, replace_simulated
from test_web_api import COMPARED, CONFIRM, Browser, Scripted

from console.access.approvals import Approvals
from console.treat import lesions, picture
from console.treat.lesions import Lesions
from console.treat.picture import PNG, looked
from console.web.doors import WIDE, Doors
from console.web.serve import application
from console.web.service_bundle import bundle
from console.web.service_read import Service
from console.web.service_ring import Following
from controller.prescribed import Prescribed
from controller.requests import Confirm
from controller.ring import Ring
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from verification.disk import FaultyDisk, Killed, Strike

PHOTO = "/api/lesion/photo"


def made(kind: str, size: tuple[int, int] = (96, 64), mode: str = "RGB", **more: Any) -> bytes:
    """A picture with something in it, so that it is no plain colour."""
    out = io.BytesIO()
    drawn = Image.linear_gradient("L").resize(size).convert(mode)
    drawn.save(out, kind, **more)
    return out.getvalue()


def part(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def png(width: int, height: int, packed: bytes, *more: bytes, depth: int = 8, laced: int = 0) -> bytes:
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((depth, 2, 0, 0, laced))
    return PNG + part(b"IHDR", head) + b"".join(more) + part(b"IDAT", packed) + part(b"IEND", b"")


def jpeg(mark: int, body: bytes) -> bytes:
    """A picture with one part more."""
    return made("JPEG").replace(
        b"\xff\xd8", b"\xff\xd8\xff" + bytes((mark,)) + (len(body) + 2).to_bytes(2, "big") + body, 1
    )


def why(data: bytes) -> str:
    with pytest.raises(ConfigurationError, match="first:") as error:
        looked(data)
    return str(error.value)


def test_a_png_and_a_jpeg_are_taken_by_their_content() -> None:
    for mode in ("RGB", "L", "P", "1"):
        assert looked(made("PNG", mode=mode)) == picture.Picture("png", 96, 64)
    for more in ({}, {"progressive": True}, {"quality": 95, "icc_profile": b"profile"}, {"optimize": True}):
        assert looked(made("JPEG", **more)) == picture.Picture("jpg", 96, 64)
    assert looked(made("JPEG", mode="L")).kind == "jpg"


def test_what_is_no_photo_too_great_or_holds_more_than_a_picture_is_refused_in_words() -> None:
    exif = Image.Exif()
    exif[0x0112] = 2
    raw = zlib.compress(bytes(64 * (1 + 96 * 3)))
    assert looked(png(96, 64, raw)).kind == "png"
    for data, words in (
        (b"", "begins with nothing"), (b"<svg onload=alert(1)>", "neither PNG nor JPEG"), (made("GIF"), "neither"), (made("WEBP"), "neither"),
        (made("BMP"), "neither"), (made("PNG", (63, 64)), "63 x 64 pixels"), (made("JPEG", (64, 4097)), "64 x 4097"),
        (png(4096, 4096, raw), "at most 12000000"),
        (b"\xff\xd8" + bytes(picture.BYTES), f"{picture.BYTES + 2} bytes"), (made("JPEG", exif=exif), "E1"), (made("JPEG", comment=b"Mrs Planted"), "FE"),
        (made("JPEG") + b"PK\x03\x04", "behind its end"), (made("PNG") + b"<script>", "behind its end"),
        (png(96, 64, raw, part(b"tEXt", b"x\0y")), "'tEXt'"), (png(96, 64, raw, part(b"iCCP", b"x\0\0" + raw)), "'iCCP'"),
        (png(96, 64, raw, part(b"acTL", bytes(8))), "'acTL'"),
        (png(96, 64, raw, laced=1), "interlaced 1"), (png(96, 64, raw, depth=7), "depth 7"), (png(96, 64, b"rubbish"), "cannot be unpacked"),
        (png(96, 64, raw[:-6]), "unpacks to other"), (png(96, 65, raw), "unpacks to other"), (png(96, 64, raw + b"more"), "unpacks to other"),
        (made("PNG", mode="RGBA"), "colour 6"), (made("PNG", mode="LA"), "colour 4"), (png(96, 64, raw, part(b"tRNS", bytes(6))), "'tRNS'"),
        (png(96, 64, raw, part(b"gAMA", b"<script>")), "'gAMA' of 8 bytes"), (png(96, 64, raw, part(b"gAMA", bytes(4)), part(b"gAMA", bytes(4))), "'gAMA'"),
        (jpeg(0xE0, b"PK\x03\x04" * 9), "E0 of 36"), (jpeg(0xE2, b"<html>" * 9), "E2 of 54"), (jpeg(0xC4, b"%PDF-1.7" * 99), "C4 of 792"),
        (jpeg(0xDB, bytes(66)), "DB of 66"), (jpeg(0xDD, bytes(9)), "DD of 9"), (jpeg(0xEE, b"Adobe" + bytes(90)), "EE of 95"),
        (jpeg(0xE2, b"ICC_PROFILE\0" + bytes(20_000)), "profile of more than"), (jpeg(0xE0, b"JFIF\0" + bytes(7) + b"\1\1" + bytes(3)), "E0 of 17"),
        (b"\xff\xd8\xff\xd9", "without a picture"), (made("JPEG").replace(b"\xff\xc0", b"\xff\xc9", 1), "C9"),
    ):  # fmt: skip
        assert words in why(data), words


def test_a_bomb_is_refused_where_it_passes_the_size_that_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred million bytes in a hundred thousand; and a JPEG of a thousand passes."""
    bomb = png(96, 64, zlib.compress(bytes(100_000_000), 9))
    assert len(bomb) < 200_000
    unpacked: list[int] = []
    real = zlib.decompressobj

    class Counted:
        def __init__(self) -> None:
            self._real = real()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            out = self._real.decompress(data, most)
            unpacked.append(len(out))
            return out

    monkeypatch.setattr(zlib, "decompressobj", Counted)
    assert "unpacks to more than" in why(bomb)
    assert sum(unpacked) <= 64 * (1 + 96 * 3) + picture.PIECE
    jpeg = made("JPEG", progressive=True)
    at = jpeg.index(b"\xff\xda")
    assert "more than 64 passes" in why(jpeg[:-2] + jpeg[at:-2] * 200 + b"\xff\xd9")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_photo_cut_anywhere_is_refused(kind: str) -> None:
    data = made(kind)
    for at in (*range(0, len(data) - 20, 7), *range(len(data) - 20, len(data))):
        why(data[:at])


@pytest.fixture
def kept(tmp_path: Path) -> Lesions:
    return Lesions(tmp_path / "records", lambda: 1.8e9)


def test_a_photo_belongs_to_one_lesion_with_its_side_and_site(kept: Lesions, prescribed: Prescribed) -> None:
    """Another fraction of the lesion has it too; another patient, side, site, course or lesion has not."""
    first, second = made("JPEG"), made("PNG")
    kept.attach(prescribed, first, "olga", "operator")
    name = kept.attach(prescribed, second, "mia", "physician")
    kept.note(prescribed, "head to the left, mask 3", "olga", "operator")
    for order in (prescribed, other(prescribed, fraction=2, sha256=b"x" * 32, version=2)):
        about = kept.about(order)
        assert about.photo is not None and (about.photo.file, about.photo.who, about.former) == (name, "mia", 1)
        assert [one.words for one in about.notes] == ["head to the left, mask 3"] and about.wrong == ()
    assert kept.photo(name) == second
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.folder.iterdir()} == {0o600}
    for change in (
        {"laterality": "right"}, {"site": "nose, right ala"}, {"lesion_id": "L9"}, {"course_id": "C9"}, {"patient_id": "9"}, {"patient_id_2": "1951-01-01"},
    ):  # fmt: skip
        assert kept.about(other(prescribed, **change)) == lesions.About(), change
    kept.take_away(prescribed, about.photo.n, "the other ear", "paul", "physicist")
    about = kept.about(prescribed)
    assert about.photo is not None and about.photo.file != name, "the one before stands again"
    with pytest.raises(ConfigurationError, match="no photo or note 99"):
        kept.take_away(prescribed, 99, "r", "paul", "physicist")


def test_a_photo_that_was_altered_or_a_chain_that_is_not_whole_is_said_and_not_shown(
    kept: Lesions, prescribed: Prescribed
) -> None:
    name = kept.attach(prescribed, made("JPEG"), "olga", "operator")
    (kept.folder / name).write_bytes(made("JPEG", (65, 65)))
    with pytest.raises(ConfigurationError, match="not what was attached"):
        kept.photo(name)
    for wrong in ("../../rig.toml", "audit.key", name + "x"):
        with pytest.raises(ConfigurationError, match="no photo of this folder"):
            kept.photo(wrong)
    log = kept.folder / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"L1"', b'"L2"'))
    about = kept.about(prescribed)
    assert about.photo is None and about.wrong
    with pytest.raises(ConfigurationError, match="not whole"):
        kept.note(prescribed, "w", "olga", "operator")


@pytest.mark.grid
@pytest.mark.parametrize("what", ["ENOSPC", "KILL", "TORN POWER", "EIO"])
def test_what_was_told_to_be_attached_is_there_after_a_crash_at_any_call(
    tmp_path: Path, prescribed: Prescribed, what: str
) -> None:
    call, struck, data = 0, True, made("JPEG")
    while struck:
        call += 1
        disk = FaultyDisk(seed=call, strikes=[Strike(call, what)])
        folder = tmp_path / f"r{call}"
        room = Lesions(folder, lambda: 1.8e9, disk)
        (folder / lesions.FOLDER).mkdir(mode=0o700, parents=True)
        folder.chmod(0o700)
        name = ""
        try:
            name = room.attach(prescribed, data, "olga", "operator")
        except ConfigurationError as error:
            assert "first:" in str(error)
        except Killed:
            pass
        struck = bool(disk.struck)
        disk.die(lambda: None)
        if "POWER" in what:
            disk.cut()
        again = Lesions(folder, lambda: 1.8e9)
        about = again.about(prescribed)
        assert about.wrong == (), (call, about.wrong)
        if about.photo is not None:
            assert again.photo(about.photo.file) == data, call
        assert not name or (about.photo is not None and about.photo.file == name), call
        assert again.photo(again.attach(prescribed, data, "olga", "operator")) == data
    assert call > 10


class AtLesions(Signing):
    """A simulated rig: no signature is asked for."""

    def __init__(self, scripted: Scripted, folder: Path, prescribed: Prescribed) -> None:
        super().__init__(scripted, folder, prescribed)
        self.seen_by(self.room)

    def seen_by(self, room: Any) -> None:
        self.room = replace(room, rig=replace(room.rig, file=replace_simulated(self, True)))
        self.app = Doors(application(self.room), 8321, 8322, self.room.link.stop)

    async def lesion(self, page: Browser, path: str, **body: Any) -> tuple[int, Any]:
        token = (await page.post("/api/token"))[1].get("token", "none")
        return await page.post(f"/api/lesion/{path}", self.order | body, x_kerma_token=token)


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> AtLesions:
    return AtLesions(scripted, tmp_path, prescribed)


def test_an_offer_is_confirmed_only_with_the_photo_that_stands_compared(console: AtLesions) -> None:
    """Without a photo as before; with one only by its name and said to be compared; another one attached meanwhile must be looked at anew."""

    async def story() -> None:
        page, mia = await console.page("olga"), await console.page("mia", False)
        await page.command("control/take")
        data = made("JPEG")
        status, said = await console.lesion(mia, "photo", photo=base64.b64encode(data).decode())
        assert status == 200, said
        shown = (await page.post("/api/lesion/about", console.order))[1]["photo"]
        assert (shown["who"], shown["role"]) == ("mia", "physician")
        status, raw, headers = await http(console.app, f"{PHOTO}?name={shown['file']}", b"", page.headers(), "GET")
        assert (status, raw, headers["content-type"]) == (200, data, "image/jpeg")
        assert headers["cache-control"] == "no-store"
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        assert (await page.command("load", console.order))[0] == 200
        await console._seen("PREPARATORY")
        loaded = (await page.post("/api/lesion/about", {"sha256": console.order["sha256"]}))[1]["photo"]
        assert loaded == shown, "the loaded order needs no name"
        for body, words in (
            ({}, "another photo"), ({"photo": shown["file"]}, "not compared"),
            (COMPARED | {"photo": "0" * 64 + ".jpg"}, "another"), (COMPARED, "another photo"),
        ):  # fmt: skip
            status, said = await page.command("confirm", CONFIRM | body)
            assert status == 409 and words in said["words"], body
        compared = COMPARED | {"photo": shown["file"]}
        await console.lesion(mia, "photo", photo=base64.b64encode(made("PNG")).decode())
        assert (await page.command("confirm", compared))[0] == 409
        assert not console.asked(Confirm)
        n = (await page.post("/api/lesion/about", console.order))[1]["photo"]["n"]
        assert (await console.lesion(mia, "away", n=n, reason="the other ear"))[0] == 200
        assert (await page.command("confirm", compared))[0] == 200

    console.play(story)
    assert len(console.asked(Confirm)) == 1
    assert [told["do"] for told in console.clerk.whats("command") if told.get("command") == "lesion"] == [
        "photo",
        "photo",
        "taken away",
    ]


def test_only_who_sees_patients_sees_or_attaches_a_photo(console: AtLesions) -> None:
    async def story() -> None:
        packed = base64.b64encode(made("JPEG")).decode()
        for name, seen in (("olga", 200), ("mia", 200), ("paul", 200), ("sven", 403), ("ada", 403)):
            page = await console.page(name, False)
            assert (await console.lesion(page, "photo", photo=packed))[0] == seen
            assert (await console.lesion(page, "note", words="supine"))[0] == seen
            assert (await page.post("/api/lesion/about", console.order))[0] == seen
        file = next(path.name for path in console.room.lesions.folder.glob("*.jpg"))
        stranger = Browser(console)
        for page, seen in (
            (stranger, 401),
            (await console.page("sven", False), 403),
            (await console.page("olga", False), 200),
        ):
            assert (await http(console.app, f"{PHOTO}?name={file}", b"", page.headers(), "GET"))[0] == seen
        page = await console.page("olga", False)
        assert (await http(console.app, f"{PHOTO}?name={'0' * 64}.jpg", b"", page.headers(), "GET"))[0] == 404
        assert (await http(console.app, f"{PHOTO}?name=../access/audit.key", b"", page.headers(), "GET"))[0] == 422
        for body, words in (
            ({"photo": "no base64!"}, "base64"),
            ({"photo": base64.b64encode(b"GIF89a").decode()}, "neither PNG nor JPEG"),
        ):
            status, said = await console.lesion(page, "photo", **body)
            assert status == 409 and words in said["words"]
        assert (await console.lesion(page, "note", words="a\u202eb"))[0] == 422
        assert (await console.lesion(page, "photo", photo="A" * WIDE[PHOTO]))[0] == 413
        assert (await console.lesion(page, "note", words="A" * 20_000))[0] == 413, "no other path takes a long body"
        console.clerk.kept.full = True
        status, said = await console.lesion(page, "note", words="supine")
        assert status == 503 and "cannot be audited" in said["words"]

    console.play(story)


def test_t14_photos_notes_and_signatures_are_in_no_bundle_no_service_page_and_no_audit(
    console: AtLesions, tmp_path: Path, prescribed: Prescribed
) -> None:
    """Planted in a photo's own bytes, in notes and reasons; looked for in every file of the bundle, in each answer of the service pages, and in the audit."""
    planted = "Mrs Planted Quist"
    records = console.room.rig.records
    hand = KeptByHand(records)
    hand.golden()
    hand.done()
    data = made("PNG")
    name = console.room.lesions.attach(prescribed, data, "olga", "operator")
    console.room.lesions.note(prescribed, f"{planted} has a pacemaker", "olga", "operator")
    n = Approvals(records, lambda: 1.8e9).sign(prescribed.sha256.hex(), planted, "mia", "physician")
    console.room.approvals.withdraw(n, f"{planted} died", "mia", "physician")
    rig = console.room.rig
    rig.places.instance.write_text("i1\n")
    ring = Ring.create(str(rig.places.shm / "i1"), 100.0)
    with zipfile.ZipFile(
        io.BytesIO(bundle(Service(rig, SystemClock()), Following(rig.places, SystemClock()), True))
    ) as packed:
        texts = {one: packed.read(one) for one in packed.namelist()}
    ring.close()

    async def story() -> None:
        page = await console.page("sven", False)
        await console.lesion(await console.page("olga", False), "note", words=f"{planted} again")
        for path in application(console.room).openapi()["paths"]:
            if path.startswith("/api/service/"):
                for method in ("GET", "POST"):
                    _, said, _ = await http(console.app, path, b"{}", page.headers(), method)
                    texts[f"{method} {path}"] = said if isinstance(said, bytes) else json.dumps(said).encode()

    console.play(story)
    console.clerk.whats("")
    texts["audit"] = json.dumps(console.clerk.kept.entries).encode()
    assert len(texts) > 20
    for where, raw in texts.items():
        for words in (planted, "Quist", "pacemaker", name, SECRET, prescribed.patient_id):
            assert words.encode() not in raw, (where, words)
