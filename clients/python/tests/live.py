"""What tests that call a deployment have in common."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import bonafide

ADDRESS = os.environ.get("BONAFIDE_ADDRESS", "")

needs_deployment = pytest.mark.skipif(
    not ADDRESS, reason="BONAFIDE_ADDRESS is not set: clients/test starts a deployment"
)


def path(name: str) -> Path:
    """A file that a variable of clients/test names."""
    return Path(os.environ[f"BONAFIDE_{name}"])


def key(name: str) -> str:
    """A key of the deployment."""
    return path(f"{name}_FILE").read_text().strip()


def connect(api_key: str) -> bonafide.Client:
    """A client of the deployment."""
    return bonafide.Client(ADDRESS, api_key, ca_file=path("CA"))
