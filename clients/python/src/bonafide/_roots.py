"""Certificates of the CAs that vouch for a deployment."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os


def roots_in(file: str | os.PathLike[str]) -> bytes:
    """Those of a PEM file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds no certificate.
    """
    pem = Path(file).read_bytes()
    try:
        # grpcio would tell of it with the first call, and not say what is wrong.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        raise ValueError(f"{file} holds no certificate in PEM") from None
    return pem


def system_roots() -> bytes | None:
    """Those that this system trusts, where OpenSSL looks for them; None when it has none.

    grpcio has a list of its own instead, which knows nothing of the CAs that an operator adds to a system.
    """
    context = ssl.create_default_context()
    # OpenSSL reads a folder's files when it needs them; they are wanted now.
    folder = ssl.get_default_verify_paths().capath
    for file in sorted(Path(folder).glob("*.[0-9]")) if folder else ():
        with contextlib.suppress(OSError):
            context.load_verify_locations(cafile=file)
    certificates = context.get_ca_certs(binary_form=True)
    return "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode() or None
