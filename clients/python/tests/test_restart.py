"""A deployment of the test's own, which is killed and comes back."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from live import needs_deployment

import bonafide
from bonafide.identity.v1 import VERIFICATION_SESSION_STATUS_VERIFIED, VERIFICATION_TYPE_DOCUMENT, VerificationSession

REPOSITORY = Path(__file__).parents[3]
# As clients/test has it, which starts the other deployment in the same way.
PROGRAM = shutil.which("bonafide", path=os.environ.get("PROGRAMS", str(REPOSITORY / "target/release")))

pytestmark = [needs_deployment, pytest.mark.skipif(PROGRAM is None, reason="PROGRAMS is not set, or has no bonafide")]


class Deployment:
    """A process of all services, whose data outlasts it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self) -> None:
        """Starts it, at the same port as before."""
        assert PROGRAM is not None
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "up", "--listen", f"127.0.0.1:{self.port}", "--data", str(self._folder / "data")],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("listening on "):
                self.port = int(line.rpartition(":")[2])
            if line.startswith("ready"):
                return
        raise AssertionError((self._folder / "log").read_text())

    def kill(self) -> None:
        """Ends it without a farewell."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def key(self) -> str:
        """One of test mode."""
        return (self._folder / "data/keys/test_api_key").read_text().strip()


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """One that has started."""
    deployment = Deployment(tmp_path)
    deployment.start()
    yield deployment
    deployment.kill()


def create_when_found(client: bonafide.Client) -> VerificationSession:
    """The same session each time. Retries are at random times: that one comes after the next connection is likely, not certain."""
    for _ in range(100):
        with contextlib.suppress(bonafide.Unavailable):
            return client.sessions.create(type=VERIFICATION_TYPE_DOCUMENT, idempotency_key="before and after")
    raise AssertionError("it was not found again")


def test_a_client_outlasts_its_deployment(deployment: Deployment) -> None:
    with bonafide.Client(f"127.0.0.1:{deployment.port}", deployment.key()) as client:
        session = create_when_found(client)
        client.test_helpers.simulate(session.id, delay=timedelta(milliseconds=1))
        states = client.sessions.watch(session.id, timeout=120)
        state = next(states)

        deployment.kill()
        with pytest.raises(bonafide.Unavailable) as error:
            client.sessions.get(session.id)
        assert error.value.reason is None

        deployment.start()
        # The watch finds it by itself, however long it was away and whatever it missed.
        while state.status != VERIFICATION_SESSION_STATUS_VERIFIED:
            state = next(states)
        assert create_when_found(client).id == session.id
        assert client.sessions.wait(session.id).status == VERIFICATION_SESSION_STATUS_VERIFIED
