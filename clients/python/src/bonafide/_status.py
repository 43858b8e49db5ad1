"""Reads statuses of gRPC with the details that Bonafide puts into them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from bonafide.errors import Error, Unknown, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable

    import grpc
    from google.protobuf.message import Message

    from bonafide._credential import Credential

DOMAIN = "bonafide.identity"
"""Of the reasons that are Bonafide's."""

Detail = TypeVar("Detail", bound="Message")

_DETAILS = "grpc-status-details-bin"
_BY_CODE = {error.code: error for error in Error.__subclasses__()}


def error_of(failure: grpc.RpcError, credential: Credential) -> Error:
    """The error that a failed call of grpcio stands for, which had this credential."""
    call = cast("grpc.Call", failure)
    details = _details(call)
    info = _first(details, ErrorInfo) or ErrorInfo()
    request = _first(details, BadRequest) or BadRequest()
    retry = _first(details, RetryInfo)
    # Proxies have reasons, too.
    ours = info.domain == DOMAIN
    return _BY_CODE.get(call.code(), Unknown)(
        credential.hide(call.details() or ""),
        info.reason if ours else None,
        [Violation(violation.field, credential.hide(violation.description)) for violation in request.field_violations],
        {key: credential.hide(value) for key, value in info.metadata.items()} if ours else None,
        None if retry is None else _seconds(retry),
    )


def _seconds(retry: RetryInfo) -> float | None:
    """What it asks to wait; None where it does not say."""
    if not retry.HasField("retry_delay"):
        return None
    return max(0.0, retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)


def _details(call: grpc.Call) -> Iterable[Any]:
    """Those of a status, packed; none where they cannot be read."""
    for key, value in call.trailing_metadata() or ():
        if key == _DETAILS:
            with suppress(DecodeError):
                return Status.FromString(cast("bytes", value)).details
    return ()


def _first(details: Iterable[Any], kind: type[Detail]) -> Detail | None:
    """The first detail of this kind that can be read."""
    for detail in details:
        if detail.Is(kind.DESCRIPTOR):
            with suppress(DecodeError):
                return kind.FromString(detail.value)
    return None
