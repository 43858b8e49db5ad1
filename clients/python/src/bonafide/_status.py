"""Reads statuses of gRPC with the details that Bonafide puts into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from bonafide.errors import Error, Unknown, Violation

if TYPE_CHECKING:
    import grpc

DOMAIN = "bonafide.identity"
"""Of the reasons that are Bonafide's."""

_DETAILS = "grpc-status-details-bin"
_BY_CODE = {error.code: error for error in Error.__subclasses__()}


def error_of(failure: grpc.RpcError) -> Error:
    """The error that a failed call of grpcio stands for."""
    call = cast("grpc.Call", failure)
    info, violations, retry_after = ErrorInfo(), [], None
    for detail in _details(call):
        if detail.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo.FromString(detail.value)
        elif detail.Is(BadRequest.DESCRIPTOR):
            fields = BadRequest.FromString(detail.value).field_violations
            violations = [Violation(field.field, field.description) for field in fields]
        elif detail.Is(RetryInfo.DESCRIPTOR):
            retry_after = RetryInfo.FromString(detail.value).retry_delay.ToTimedelta().total_seconds()
    # Proxies have reasons, too.
    ours = info.domain == DOMAIN
    return _BY_CODE.get(call.code(), Unknown)(
        call.details() or "",
        info.reason if ours else None,
        violations,
        dict(info.metadata) if ours else {},
        retry_after,
    )


def _details(call: grpc.Call) -> list[Any]:
    for key, value in call.trailing_metadata() or ():
        if key == _DETAILS:
            try:
                return list(Status.FromString(cast("bytes", value)).details)
            except DecodeError:
                break
    return []
