"""The layer has what the contract has, and takes what a newer server sends."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from played import Played

import bonafide
from bonafide.identity import v1
from bonafide.identity.v1 import (
    capture_pb2,
    file_pb2,
    report_pb2,
    session_pb2,
    test_helper_pb2,
)

METHODS: dict[str, Callable[..., object]] = {
    "CreateVerificationSession": bonafide.Sessions.create,
    "GetVerificationSession": bonafide.Sessions.get,
    "UpdateVerificationSession": bonafide.Sessions.update,
    "ListVerificationSessions": bonafide.Sessions.list,
    "CancelVerificationSession": bonafide.Sessions.cancel,
    "RedactVerificationSession": bonafide.Sessions.redact,
    "WatchVerificationSession": bonafide.Sessions.watch,
    "GetVerificationReport": bonafide.Reports.get,
    "ListVerificationReports": bonafide.Reports.list,
    "GetFile": bonafide.Files.get,
    "ListFiles": bonafide.Files.list,
    "DownloadFile": bonafide.Files.download,
    "CreateFileLink": bonafide.Files.create_link,
    "SimulateVerification": bonafide.TestHelpers.simulate,
    "UploadImage": bonafide.Person.upload,
    "SubmitVerificationSession": bonafide.Person.submit,
    "LeaveVerificationSession": bonafide.Person.leave,
}


def test_every_field_of_every_request_can_be_given() -> None:
    modules: list[Any] = [capture_pb2, file_pb2, report_pb2, session_pb2, test_helper_pb2]
    services: list[ServiceDescriptor] = [s for m in modules for s in m.DESCRIPTOR.services_by_name.values()]
    methods = {method.name: method for service in services for method in service.methods}
    assert methods.keys() == METHODS.keys()
    for name, method in METHODS.items():
        fields = {field.name for field in methods[name].input_type.fields}
        if name in ("UploadImage", "SubmitVerificationSession", "LeaveVerificationSession"):
            # The person's own.
            fields.remove("verification_session")
        assert inspect.signature(method).parameters.keys() == fields | {"self", "timeout"}, name


@pytest.mark.parametrize("lists", [bonafide.Sessions, bonafide.Reports])
def test_all_pages_take_what_a_page_takes(lists: type[bonafide.Sessions | bonafide.Reports]) -> None:
    assert inspect.signature(lists.list_all).parameters.keys() == inspect.signature(lists.list).parameters.keys()


def test_all_messages_stand_in_one_module() -> None:
    assert set(v1.__all__) <= set(dir(v1))
    assert v1.VerificationSession is session_pb2.VerificationSession
    assert {"CreateFileLinkRequest", "IMAGE_PURPOSE_SELFIE", "ImagePurpose", "SelfieInsights"} <= set(v1.__all__)


def test_a_newer_server_is_understood(server: Played, client: bonafide.Client) -> None:
    # Field 2,000, a text that this client knows nothing of; and a status, 77, that came later.
    newer = v1.VerificationSession(id="vs_1").SerializeToString() + b"\x82\x7d\x03new" + b"\x78\x4d"
    server.on("GetVerificationSession", newer)
    session = client.sessions.get("vs_1")
    assert session.id == "vs_1"
    assert session.status == 77
    # A wait takes it for an end: it is neither processing nor waiting for input.
    server.on("WatchVerificationSession", lambda _: iter([newer]))
    assert client.sessions.wait("vs_1").status == 77


def test_one_client_is_for_all_threads(server: Played, client: bonafide.Client) -> None:
    server.on("GetVerificationSession", lambda call: v1.VerificationSession(id=call.request.verification_session))
    ids = [f"vs_{number}" for number in range(100)]
    with ThreadPoolExecutor(max_workers=16) as threads:
        assert [session.id for session in threads.map(client.sessions.get, ids)] == ids
