"""Addresses of deployments."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

DEFAULT_PORT = 50051

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")


@dataclass(frozen=True)
class Address:
    """Where a deployment is called, and whether over TLS."""

    host: str
    """A name or an IP address, without brackets."""
    port: int
    secure: bool

    @classmethod
    def parse(cls, text: str, allow_plaintext: bool = False) -> Address:
        """Reads `https://host:port`, `http://host:port` or `host:port`.

        Raises:
            ValueError: It is no address, or a credential would cross the network readable.
        """
        # What stands before an @ may be a password: such an address is not repeated.
        wrong = ValueError(
            f"{'the address' if '@' in text else repr(text)} is not an address such as https://bonafide.example.com:50051"
        )
        scheme, separator, rest = text.rpartition("://")
        try:
            parts = urlsplit("//" + rest)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise wrong from None
        # A name alone, or with a slash at the end. `urlsplit` drops some characters and forgives others.
        bare = rest.removesuffix("/").lower()
        written = f"[{host}]" if ":" in host else host
        if bare not in (written, f"{written}:{port}") or port == 0 or not _is_host(host):
            raise wrong
        if separator and scheme.lower() not in ("http", "https"):
            raise wrong
        loopback = is_loopback(host)
        secure = scheme.lower() == "https" if separator else not loopback
        if not secure and not loopback and not allow_plaintext:
            raise ValueError(
                f"no credential is sent to {text} without TLS: use https://, or allow_plaintext=True where the network is protected"
            )
        return cls(host, port or DEFAULT_PORT, secure)

    @property
    def target(self) -> str:
        """As grpcio is told: with the resolver, for a host may have the name of one."""
        return f"dns:///{quote(self._authority, safe=':')}"

    @property
    def _authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self._authority}"


def is_loopback(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            # No zone: grpcio takes none.
            return "%" not in host and ipaddress.ip_address(host).version == 6
        except ValueError:
            return False
    return _NAME.fullmatch(host) is not None
