"""What errors say."""

from __future__ import annotations

import copy
import pickle

import grpc
import pytest
from conftest import KEY
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from played import Call, Played, fail, refused, retry_after, violations

import bonafide
from bonafide.identity.v1 import VerificationSession


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_each_code_has_its_error(server: Played, client: bonafide.Client, code: grpc.StatusCode) -> None:
    server.on("GetVerificationSession", refused(code, message="why"))
    with pytest.raises(bonafide.Error) as error:
        client.sessions.get("vs_1")
    kind = getattr(bonafide, "".join(word.capitalize() for word in code.name.split("_")))
    assert type(error.value) is kind
    assert error.value.code is code
    assert error.value.message == "why"
    # No ErrorInfo, so it is nobody's.
    assert error.value.reason is None
    assert error.value.violations == ()
    assert error.value.metadata == {}
    assert error.value.retry_after is None
    assert str(error.value) == f"why ({code.name})"


def test_an_error_says_all_that_it_was_told(server: Played, client: bonafide.Client) -> None:
    info = ErrorInfo(reason="SESSION_STATUS", domain="bonafide.identity", metadata={"status": "verified"})
    details = [info, retry_after(1.5), violations(type="unknown", metadata="too long")]
    server.on(
        "GetVerificationSession", lambda call: fail(call, grpc.StatusCode.FAILED_PRECONDITION, "it ended", details)
    )
    with pytest.raises(bonafide.FailedPrecondition) as raised:
        client.sessions.get("vs_1")
    error = raised.value
    assert error.reason == "SESSION_STATUS"
    assert error.metadata == {"status": "verified"}
    assert error.retry_after == 1.5
    assert error.violations == (bonafide.Violation("type", "unknown"), bonafide.Violation("metadata", "too long"))
    assert str(error) == "it ended (SESSION_STATUS); type: unknown; metadata: too long"
    # As it goes from one process to another.
    for same in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(same) is type(error)
        assert vars(same) == vars(error)


def test_details_that_cannot_be_read_are_none(server: Played, client: bonafide.Client) -> None:
    def damaged(call: Call) -> None:
        call.context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff"),))
        call.context.abort(grpc.StatusCode.NOT_FOUND, "none")

    def odd(call: Call) -> None:
        status = Status()
        status.details.add(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff\xff")
        call.context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        call.context.abort(grpc.StatusCode.NOT_FOUND, "none")

    for answer in (damaged, odd):
        server.on("GetVerificationSession", answer)
        with pytest.raises(bonafide.NotFound) as error:
            client.sessions.get("vs_1")
        assert error.value.reason is None


def test_where_nothing_answers(server: Played) -> None:
    server.stop()
    with bonafide.Client(server.address, KEY) as client, pytest.raises(bonafide.Unavailable) as error:
        client.sessions.get("vs_1")
    assert error.value.reason is None
    assert "refused" in error.value.message


def test_a_server_that_comes_back_is_found(server: Played, client: bonafide.Client) -> None:
    def restart(call: Call) -> None:
        fail(call, grpc.StatusCode.UNAVAILABLE, "stopping", [])

    server.on("GetVerificationSession", restart, VerificationSession(id="vs_1"))
    assert client.sessions.get("vs_1").id == "vs_1"
