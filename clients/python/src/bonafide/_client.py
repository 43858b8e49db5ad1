"""What a backend holds on to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bonafide._address import Address
from bonafide._caller import Caller
from bonafide._channel import open_channel
from bonafide._credential import Credential
from bonafide._files import Files
from bonafide._person import Person
from bonafide._reports import Reports
from bonafide._sessions import Sessions
from bonafide._test_helpers import TestHelpers

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from bonafide.identity.v1 import VerificationSession


class Client:
    """A deployment of Bonafide, called with one API key.

    Make one and share it: it connects with the first call, and its methods may be called from many threads at the same time. After
    `os.fork` a process makes its own.

    Every method that calls has `timeout`, the seconds that the call may take with all its retries, and raises `bonafide.Error`.
    """

    sessions: Sessions
    """Verification sessions."""
    reports: Reports
    """Reports on what was found."""
    files: Files
    """The pictures that were collected; for restricted keys."""
    test_helpers: TestHelpers
    """Outcomes that are chosen; for test keys."""

    def __init__(
        self,
        address: str,
        api_key: str,
        *,
        ca_file: str | os.PathLike[str] | None = None,
        allow_plaintext: bool = False,
        timeout: float | None = None,
        reconnect_timeout: float = 300.0,
    ) -> None:
        """Prepares calls; nothing is sent yet.

        Args:
            address: `https://host:port`, or `http://host:port` on this machine. Without a scheme a loopback host is called over
                http and another over https; without a port it is 50051.
            api_key: The key, as the deployment knows it.
            ca_file: PEM file of the CAs that vouch for the deployment; those of the system when not given.
            allow_plaintext: Calls hosts other than loopback over http, too: the key and what is personal cross the network readable.
            timeout: Seconds that each call may take; 10 when not given, 60 for uploads and downloads.
            reconnect_timeout: Seconds that a watch goes on without an answer while the deployment is away.

        Raises:
            ValueError: One of them cannot be what it should be.
            OSError: `ca_file` cannot be read.
        """
        self._address = Address.parse(address, allow_plaintext)
        credential = Credential(api_key, "the API key")
        self._caller = Caller(open_channel(self._address, ca_file), credential, timeout, reconnect_timeout)
        self.sessions = Sessions(self._caller)
        self.reports = Reports(self._caller)
        self.files = Files(self._caller)
        self.test_helpers = TestHelpers(self._caller)

    def person(self, session: VerificationSession) -> Person:
        """The person whom a session verifies, who calls with the session's client secret instead of the key.

        Args:
            session: As `sessions.create` or `sessions.get` answered it: while it requires input it has a client secret.

        Raises:
            ValueError: It has none.
        """
        if not session.client_secret:
            raise ValueError("the session has no client secret: it has one while it requires input, and in lists never")
        credential = Credential(session.client_secret, "the client secret")
        return Person(self._caller.with_credential(credential), session.id)

    def close(self) -> None:
        """Ends the connections. Calls that are under way and later ones raise `bonafide.Cancelled`."""
        self._caller.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<bonafide.Client of {self._address}>"
