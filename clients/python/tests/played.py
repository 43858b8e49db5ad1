"""A deployment that is played: its answers are the test's."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

import bonafide.identity.v1.capture_pb2
import bonafide.identity.v1.file_pb2
import bonafide.identity.v1.report_pb2
import bonafide.identity.v1.session_pb2
import bonafide.identity.v1.test_helper_pb2  # noqa: F401  # the pool knows their services then

Reply = Message | bytes
"""A message, or what a newer server would send for one."""


@dataclass
class Call:
    """A call that came in."""

    method: str
    request: Any
    authorization: str
    timeout: float | None
    context: grpc.ServicerContext


Answer = Callable[[Call], Any]
"""What a call is answered: a reply, or an iterator of replies for a stream."""


class Played:
    """Answers each method with what the test said, one after the other, and the last of them again and again."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._answers: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        self._pool = futures.ThreadPoolExecutor(max_workers=32)
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((_Handler(self),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"http://127.0.0.1:{self.port}"
        self._server.start()

    def on(self, method: str, *answers: Answer | Reply) -> None:
        """Says what a method is answered: replies as they are, or what makes them."""
        self._answers[method] = [answer if callable(answer) else reply(answer) for answer in answers]

    def requests(self, method: str) -> list[Any]:
        """All requests that this method got."""
        return [call.request for call in self.calls if call.method == method]

    def answer(self, call: Call) -> Any:
        """The next answer to this call."""
        with self._lock:
            self.calls.append(call)
            answers = self._answers[call.method]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(call)

    def stop(self) -> None:
        """Ends it and all calls."""
        self._server.stop(None).wait()
        self._pool.shutdown()


class _Handler(grpc.GenericRpcHandler):
    """Takes every call of the contract."""

    def __init__(self, played: Played) -> None:
        self._played = played

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        service, _, name = handler_call_details.method.removeprefix("/").partition("/")
        pool = descriptor_pool.Default()
        method: MethodDescriptor = pool.FindServiceByName(service).methods_by_name[name]
        request = message_factory.GetMessageClass(method.input_type)

        def call(data: bytes, context: grpc.ServicerContext) -> Call:
            metadata = dict(context.invocation_metadata())
            authorization = str(metadata.get("authorization"))
            return Call(name, request.FromString(data), authorization, context.time_remaining(), context)

        def unary(data: bytes, context: grpc.ServicerContext) -> bytes:
            return _bytes(self._played.answer(call(data, context)))

        def stream(data: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            yield from map(_bytes, self._played.answer(call(data, context)))

        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


def _bytes(reply: Reply) -> bytes:
    return reply if isinstance(reply, bytes) else reply.SerializeToString()


def reply(message: Any) -> Answer:
    """Always this message."""
    return lambda _: message


def stream(*messages: Reply, hold: threading.Event | None = None, then: Answer | None = None) -> Answer:
    """These messages, and then the end: after `hold`, or when the caller ends the call; or `then` this answer."""

    def answer(call: Call) -> Iterator[Reply]:
        ended = hold or threading.Event()
        if hold is not None:
            call.context.add_callback(ended.set)
        yield from messages
        if hold is not None:
            ended.wait()
        if then is not None:
            then(call)

    return answer


def refused(
    code: grpc.StatusCode, reason: str = "", *details: Message, message: str = "no", domain: str = "bonafide.identity"
) -> Answer:
    """An error as the services make them; without ErrorInfo when there is no reason."""
    info = [ErrorInfo(reason=reason, domain=domain)] if reason else []
    return lambda call: fail(call, code, message, [*info, *details])


def fail(call: Call, code: grpc.StatusCode, message: str, details: list[Message]) -> NoReturn:
    """Ends a call with this status."""
    if details:
        status = Status(code=code.value[0], message=message)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        call.context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    call.context.abort(code, message)


def repeated(header: str) -> Answer:
    """An error of something that repeats what it was sent."""
    info = ErrorInfo(reason="CREDENTIAL_INVALID", domain="bonafide.identity", metadata={"header": header})
    details: list[Message] = [info, violations(header=header)]
    return lambda call: fail(call, grpc.StatusCode.UNAUTHENTICATED, header, details)


def retry_after(seconds: float) -> RetryInfo:
    """Asks to be called again then."""
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(round(seconds * 1000))
    return info


def violations(**fields: str) -> BadRequest:
    """Fields that are wrong."""
    each = [BadRequest.FieldViolation(field=field, description=said) for field, said in fields.items()]
    return BadRequest(field_violations=each)


class Relay:
    """A network between client and server that can break."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._away = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._stopped = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        """Breaks all connections; new ones can be made."""
        with self._lock:
            for end in self._open:
                # Wakes up whoever reads it, as closing would not. It may be closed already.
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def leave(self) -> None:
        """Breaks all connections, also new ones."""
        self._away = True
        self.cut()

    def come_back(self) -> None:
        """Connections can be made again."""
        self._away = False

    def stop(self) -> None:
        """Ends it."""
        self._stopped = True
        # A last caller, so that nobody waits for one.
        socket.create_connection(self._listener.getsockname()).close()
        self._threads[0].join()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            if self._stopped:
                near.close()
                return
            if self._away:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._to))
            with self._lock:
                self._open += [near, far]
            for ends in ((near, far), (far, near)):
                self._threads.append(threading.Thread(target=self._pass_on, args=ends))
                self._threads[-1].start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with source:
            try:
                while data := source.recv(1 << 16):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
