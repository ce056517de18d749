"""Threat T7: nothing but loopback is served without TLS; with it the certificate's own names are taken and no others, cookies are Secure, and STOP needs no
certificate of anybody; and what a page on another machine is told before a login names no patient."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import uvicorn
from access_by_hand import ClerkByHand
from asgi_by_hand import PORT
from asgi_by_hand import http as request
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from desk_by_hand import EXAMPLES, snapshot

from console import configuration, screen
from console.web import live
from console.web.doors import NAMES, Doors, Receive, Scope, Send, hosts
from console.web.people import Demonstration
from console.web.serve import Asked, application, assembled, run, settings
from console.web.stop_door import StopDoor
from console.web.tls import Address, Tls, address, context
from hal.clock import SystemClock
from hal.errors import ConfigurationError

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WALL_S = NOW.timestamp()
NAMED = ("xray-3.clinic.example", "127.0.0.1")


def certificate(folder: Path, *names: str, since: datetime | None = None, locked: bool = False) -> Tls:
    """A certificate of its own maker for these names, and its key; `locked` puts a password on the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    begin = since or NOW - timedelta(days=1)
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(1)
        .not_valid_before(begin).not_valid_after(begin + timedelta(days=3650))
    )  # fmt: skip
    if names:
        kinds = [
            x509.IPAddress(ip_address(name)) if name[0].isdigit() or ":" in name else x509.DNSName(name)
            for name in names
        ]
        made = made.add_extension(x509.SubjectAlternativeName(kinds), critical=False)
    folder.mkdir(exist_ok=True)
    paths = Tls(folder / "cert.pem", folder / "key.pem")
    paths.certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    lock: KeySerializationEncryption = BestAvailableEncryption(b"word") if locked else NoEncryption()
    paths.key.touch(mode=0o600)
    paths.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    return paths


def asked(tls: Tls, host: str = "0.0.0.0") -> Address:
    return address(host, tls.certificate, tls.key, WALL_S, os.getuid())


def trusting(tls: Tls) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(tls.certificate))
    made.check_hostname = False
    return made


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "2001:db8::7"])
def test_t7_without_tls_nothing_but_loopback_is_served(host: str) -> None:
    """Refused with words, by the command itself, before any file is read or any port opened."""
    with pytest.raises(ConfigurationError, match="--tls-cert and --tls-key"):
        run(Asked(EXAMPLES / "rig.toml", PORT, host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.9"])
def test_t7_loopback_needs_none(host: str) -> None:
    found = address(host, None, None, WALL_S, 0)
    assert (found.scheme, found.abroad, found.names) == ("http", False, NAMES)


def test_t7_what_is_wrong_with_certificate_or_key_is_said(tmp_path: Path) -> None:
    """Each of them starts nothing, and none asks at the terminal."""
    good, other = certificate(tmp_path / "a", *NAMED), certificate(tmp_path / "b", *NAMED)
    wide, locked = certificate(tmp_path / "c", *NAMED), certificate(tmp_path / "d", *NAMED, locked=True)
    wide.key.chmod(0o640)
    refused = {
        "is no address": lambda: address("xray-3", good.certificate, good.key, WALL_S, 0),
        "--tls-key is not": lambda: address("0.0.0.0", good.certificate, None, WALL_S, 0),
        "--tls-cert is not": lambda: address("0.0.0.0", None, good.key, WALL_S, 0),
        "cannot be used": lambda: asked(Tls(good.certificate, other.key)),
        "chmod 600": lambda: asked(wide),
        "without a password": lambda: asked(locked),
        "subjectAltName": lambda: asked(certificate(tmp_path / "e")),
        "whole names": lambda: asked(certificate(tmp_path / "f", "*.clinic.example")),
        "today is 2026-06-01": lambda: asked(certificate(tmp_path / "g", *NAMED, since=NOW + timedelta(days=2))),
        "2016-05-03 to 2026-05-01": lambda: asked(
            certificate(tmp_path / "h", *NAMED, since=NOW - timedelta(days=31 + 3650))
        ),
        "No such file": lambda: asked(Tls(good.certificate, tmp_path / "nothing.pem")),
        "in PEM": lambda: asked(Tls(good.key, good.key)),
    }
    for words, what in refused.items():
        with pytest.raises(ConfigurationError) as said:
            what()
        assert words in str(said.value), f"{words}: {said.value}"
        assert "PRIVATE" not in str(said.value)


def test_t7_the_certificates_names_are_the_hosts(tmp_path: Path) -> None:
    found = asked(certificate(tmp_path, "XRAY-3.clinic.example", "192.0.2.7", "2001:db8::7"))
    assert found.names == (*NAMES, "xray-3.clinic.example", "192.0.2.7", "[2001:db8::7]")
    assert found.shown(8321) == "https://xray-3.clinic.example:8321/"
    assert found.abroad and found.scheme == "https"


class Inside:
    """The application behind the doors; it says by which scheme it was asked."""

    def __init__(self) -> None:
        self.stops = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["scheme"].encode()})

    def stop(self) -> bool:
        self.stops += 1
        return True


def test_t7_pages_over_tls(tmp_path: Path) -> None:
    """The real server: our names and origin by https, no foreign name, nothing in the clear, nothing older than TLS 1.2."""
    tls, inside = certificate(tmp_path, *NAMED), Inside()
    at = asked(tls)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(settings(Doors(inside, port, port + 1, inside.stop, at.names, at.scheme), at))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()

        def said(host: str, origin: str, path: str = "/api/x") -> tuple[int, bytes]:
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10.0, context=trusting(tls))
            with contextlib.closing(connection):
                given = {"Host": host, "Origin": origin, "X-Kerma": "console", "Content-Type": "application/json"}
                connection.request("POST", path, b"{}", given)
                answer = connection.getresponse()
                policy = answer.headers["content-security-policy"]
                assert f"https://xray-3.clinic.example:{port + 1}" in policy and "http://" not in policy
                return answer.status, answer.read()

        ours = f"xray-3.clinic.example:{port}"
        try:
            assert said(ours, f"https://{ours}") == (200, b"https")
            assert said(ours, f"http://{ours}")[0] == 403
            assert said(f"evil.example:{port}", f"https://evil.example:{port}")[0] == 403
            assert said(ours, "null", "/stop")[0] == 200 and inside.stops == 1
            with socket.create_connection(("127.0.0.1", port), timeout=10.0) as plain:
                plain.sendall(b"POST /stop HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                with contextlib.suppress(ConnectionResetError):
                    assert not plain.recv(100).startswith(b"HTTP")
            old = trusting(tls)
            with pytest.warns(DeprecationWarning):
                old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            with socket.create_connection(("127.0.0.1", port), timeout=10.0) as sock, pytest.raises(OSError):
                old.wrap_socket(sock)
        finally:
            server.should_exit = True
            thread.join(10.0)


@contextlib.contextmanager
def door(tls: Tls, stop: Inside) -> Iterator[int]:
    """A STOP door with TLS that turns in a thread; yields its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port = listening.getsockname()[1]
        named = hosts(port, asked(tls).names, "https")
        made, ended = StopDoor(listening, named, stop.stop, SystemClock(), context(tls)), threading.Event()

        def turning() -> None:
            while not ended.is_set():
                made.turn(0.02)

        thread = threading.Thread(target=turning, daemon=True)
        thread.start()
        try:
            yield port
        finally:
            ended.set()
            thread.join(10.0)
            made.close()


def stopped(port: int, tls: Tls, host: str, parts: int = 1) -> bytes:
    """STOP over TLS, without a certificate of the client, its head in so many parts."""
    head = f"POST /stop HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10.0) as plain, trusting(tls).wrap_socket(plain) as sock:
        for at in range(parts):
            sock.sendall(head[at * len(head) // parts : (at + 1) * len(head) // parts])
        return sock.recv(4096)


def test_t7_stop_goes_out_by_its_door_over_tls(tmp_path: Path) -> None:
    """By the certificate's names and by loopback; in one part or in many; no foreign name; nothing but STOP; in the clear nothing."""
    tls, inside = certificate(tmp_path, *NAMED), Inside()
    with door(tls, inside) as port:
        assert b"200 OK" in stopped(port, tls, f"xray-3.clinic.example:{port}")
        assert b"200 OK" in stopped(port, tls, f"127.0.0.1:{port}", parts=9)
        assert inside.stops == 2
        assert b"403" in stopped(port, tls, f"evil.example:{port}")
        with socket.create_connection(("127.0.0.1", port), timeout=10.0) as plain:
            plain.sendall(b"POST /stop HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert not plain.recv(100).startswith(b"HTTP")
        assert inside.stops == 2


def test_t7_clients_in_half_a_handshake_keep_no_stop(tmp_path: Path) -> None:
    """More than the door holds: silent ones, some with half a greeting, some with rubbish."""
    tls, inside = certificate(tmp_path, *NAMED), Inside()
    with door(tls, inside) as port, contextlib.ExitStack() as held:
        for number in range(90):
            sock = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10.0))
            with contextlib.suppress(OSError):
                sock.sendall((b"", b"\x16\x03\x01\x02\x00\x01\x00", b"\xff" * 50)[number % 3])
        assert b"200 OK" in stopped(port, tls, f"127.0.0.1:{port}")
        assert inside.stops == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_t7_a_cookie_is_secure_under_tls(scheme: str, tmp_path: Path) -> None:
    """And only there: on loopback without TLS a browser would keep none."""
    clock = SystemClock()
    access = Demonstration(clock)
    rig = configuration.load(EXAMPLES / "rig.toml", 0)
    app = application(assembled(rig, tmp_path, access, ClerkByHand(), clock))

    async def over(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "scheme": scheme}, receive, send)

    entry = {"name": "demonstration", "secret": access.code}
    status, _, answered = asyncio.run(request(over, "/api/login", entry))
    assert status == 200
    assert ("Secure" in answered["set-cookie"].split("; ")) == (scheme == "https")


def test_t7_a_page_from_elsewhere_that_is_not_logged_in_is_shown_no_patient() -> None:
    """What may name one is taken out, and everything else is as it was."""
    shown = screen.values(snapshot(open_fractions=("EXAMPLE-0002/L1/1",), notice="EXAMPLE-0002"))
    found = live.bare(shown)
    assert "EXAMPLE" not in json.dumps(found)
    assert {name for name in shown if shown[name] != found[name]} == {"open_fractions", "notice"}
    assert set(live.NOBODYS) == {"offer", "ended", "open_fractions", "notice"}
    assert live.bare(None) is None
