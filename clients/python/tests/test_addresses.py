"""Which addresses there are, and what is trusted."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from conftest import KEY

import bonafide
from bonafide._address import Address
from bonafide._roots import system_roots

CA = Path(__file__).parent / "another_ca.pem"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("https://bonafide.example.com:443", "https://bonafide.example.com:443"),
        ("https://bonafide.example.com", "https://bonafide.example.com:50051"),
        ("https://Bonafide.Example.com/", "https://bonafide.example.com:50051"),
        ("HTTPS://report_svc", "https://report_svc:50051"),
        ("bonafide.example.com", "https://bonafide.example.com:50051"),
        ("bonafide.example.com:8443", "https://bonafide.example.com:8443"),
        ("192.0.2.1", "https://192.0.2.1:50051"),
        ("[2001:db8::1]:1", "https://[2001:db8::1]:1"),
        ("https://localhost", "https://localhost:50051"),
        ("http://localhost", "http://localhost:50051"),
        ("localhost", "http://localhost:50051"),
        ("LOCALHOST:1", "http://localhost:1"),
        ("127.0.0.1:1", "http://127.0.0.1:1"),
        ("127.8.9.10", "http://127.8.9.10:50051"),
        ("[::1]", "http://[::1]:50051"),
        ("http://[::1]:1", "http://[::1]:1"),
        # A name that is not loopback's, whatever it may resolve to.
        ("localhost.example.com", "https://localhost.example.com:50051"),
        ("127.1", "https://127.1:50051"),
        # Names of grpcio's resolvers.
        ("unix:1", "https://unix:1"),
        ("dns", "https://dns:50051"),
    ],
)
def test_an_address_is_understood(text: str, meant: str) -> None:
    assert str(Address.parse(text)) == meant
    assert f"<bonafide.Client of {meant}>" == repr(bonafide.Client(text, KEY))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "http://:50051",
        "ftp://localhost",
        "unix:///run/bonafide",
        "dns:///localhost",
        "https://localhost:0",
        "https://localhost:65536",
        "https://localhost:port",
        "https://localhost:",
        "https://localhost:+1",
        "https://localhost/path",
        "https://localhost?query",
        "https://localhost#fragment",
        "https://local host",
        "https://localhost\n",
        " localhost",
        "https://http://localhost",
        "localhost,localhost",
        "::1",
        "[::1",
        "[localhost]",
        "[fe80::1%25eth0]:1",
        "bücher.example",
        "a..b",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        bonafide.Client(text, KEY)


@pytest.mark.parametrize("address", ["http://bonafide.example.com", "http://192.0.2.1:1", "http://[2001:db8::1]"])
def test_no_key_crosses_the_network_readable(address: str) -> None:
    with pytest.raises(ValueError, match="without TLS"):
        bonafide.Client(address, KEY)
    bonafide.Client(address, KEY, allow_plaintext=True).close()
    # It is for who asks for http alone.
    assert Address.parse("bonafide.example.com", allow_plaintext=True).secure


def test_a_ca_file_must_be_one_and_have_a_use(tmp_path: Path) -> None:
    bonafide.Client("https://localhost", KEY, ca_file=CA).close()
    with pytest.raises(FileNotFoundError):
        bonafide.Client("https://localhost", KEY, ca_file=tmp_path / "none")
    empty = tmp_path / "empty"
    for text in ("", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        empty.write_text(text)
        with pytest.raises(ValueError, match="holds no certificate"):
            bonafide.Client("https://localhost", KEY, ca_file=empty)
    with pytest.raises(ValueError, match="has no use without TLS"):
        bonafide.Client("localhost", KEY, ca_file=CA)


def test_the_systems_cas_are_found_in_a_file_or_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same = ssl.PEM_cert_to_DER_cert(CA.read_text())
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", str(nothing))
    monkeypatch.setenv("SSL_CERT_FILE", str(CA))
    roots = system_roots()
    assert roots is not None
    assert ssl.PEM_cert_to_DER_cert(roots.decode()) == same

    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    assert system_roots() is None

    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "0123abcd.0").write_bytes(CA.read_bytes())
    (folder / "4567abcd.0").write_text("no certificate")
    (folder / "README").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    roots = system_roots()
    assert roots is not None
    assert ssl.PEM_cert_to_DER_cert(roots.decode()) == same
