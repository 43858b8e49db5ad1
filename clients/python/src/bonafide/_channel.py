"""Connections to a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from bonafide._roots import roots_in, system_roots
from bonafide._version import __version__

if TYPE_CHECKING:
    import os

    from bonafide._address import Address

_OPTIONS = (
    ("grpc.primary_user_agent", f"bonafide-client-python/{__version__}"),
    # Ours know which calls help, and how long to wait.
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    # Between its tries to connect grpcio answers calls by itself, with the last failure. These times are a second and two minutes
    # otherwise: the retries of a call would be over before a server that is back was asked.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 250),
    # Every violation of a request comes with its error: beyond 8 KiB grpcio would lose some of them.
    ("grpc.max_metadata_size", 64 << 10),
    ("grpc.absolute_max_metadata_size", 64 << 10),
    # A watch that hears nothing must learn that the other side is gone.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
)


def open_channel(address: Address, ca_file: str | os.PathLike[str] | None) -> grpc.Channel:
    """A channel that connects with its first call."""
    if not address.secure:
        if ca_file is not None:
            raise ValueError(f"ca_file has no use without TLS: {address} is not called over https")
        # A proxy would see the key.
        return grpc.insecure_channel(address.target, options=(*_OPTIONS, ("grpc.enable_http_proxy", 0)))
    roots = system_roots() if ca_file is None else roots_in(ca_file)
    credentials = grpc.ssl_channel_credentials(root_certificates=roots)
    return grpc.secure_channel(address.target, credentials, options=_OPTIONS)
