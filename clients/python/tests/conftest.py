"""What tests have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from played import Played, Relay

import bonafide

KEY = "sk_live_SecretOfTheBackend"
CLIENT_SECRET = "vs_1_secret_OfThePerson"


@pytest.fixture
def server() -> Iterator[Played]:
    """A deployment that is played."""
    played = Played()
    yield played
    played.stop()


@pytest.fixture
def client(server: Played) -> Iterator[bonafide.Client]:
    """A client of it."""
    with bonafide.Client(server.address, KEY) as client:
        yield client


@pytest.fixture
def relay(server: Played) -> Iterator[Relay]:
    """A network to it that can break."""
    relay = Relay(server.port)
    yield relay
    relay.stop()
