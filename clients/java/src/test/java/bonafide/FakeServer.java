package bonafide;

import static io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder.forAddress;

import bonafide.identity.v1.CaptureServiceGrpc;
import bonafide.identity.v1.FileServiceGrpc;
import bonafide.identity.v1.TestHelperServiceGrpc;
import bonafide.identity.v1.VerificationReportServiceGrpc;
import bonafide.identity.v1.VerificationSessionServiceGrpc;
import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A server of the contract on loopback, of which a test says what it answers. */
final class FakeServer implements AutoCloseable {
    private static final List<ServiceDescriptor> SERVICES = List.of(
            VerificationSessionServiceGrpc.getServiceDescriptor(),
            VerificationReportServiceGrpc.getServiceDescriptor(),
            FileServiceGrpc.getServiceDescriptor(),
            CaptureServiceGrpc.getServiceDescriptor(),
            TestHelperServiceGrpc.getServiceDescriptor());

    /** A call that arrived. {@code millisLeft} is null when it had no deadline. */
    record Received(Message request, String authorization, Long millisLeft, ServerCallStreamObserver<Message> answer) {
        void send(Message message) {
            answer.onNext(message);
        }

        void finish(Message message) {
            send(message);
            end();
        }

        void end() {
            answer.onCompleted();
        }

        void fail(StatusRuntimeException error) {
            answer.onError(error);
        }
    }

    interface Answer {
        /** Answers the call of this number, of which the first is 0. */
        void to(Received call, int number) throws InterruptedException;
    }

    private final Map<String, Answer> answers = new ConcurrentHashMap<>();
    private final Map<String, List<Received>> received = new ConcurrentHashMap<>();
    private final Server server;
    /** Also when it is closed. */
    private final int port;

    /** All that it takes. */
    static Stream<MethodDescriptor<?, ?>> methods() {
        return SERVICES.stream().flatMap(service -> service.getMethods().stream());
    }

    FakeServer() {
        var builder = forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .maxInboundMessageSize(32 << 20);
        for (ServiceDescriptor service : SERVICES) {
            ServerServiceDefinition.Builder definition = ServerServiceDefinition.builder(service);
            for (MethodDescriptor<?, ?> method : service.getMethods()) {
                add(definition, method);
            }
            builder.addService(definition.build());
        }
        try {
            server = builder.build().start();
            port = server.getPort();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @SuppressWarnings("unchecked")
    private void add(ServerServiceDefinition.Builder definition, MethodDescriptor<?, ?> method) {
        var typed = (MethodDescriptor<Message, Message>) method;
        definition.addMethod(typed, new Handler(typed.getBareMethodName()));
    }

    /** Reads the one request of a call and hands it to the test's answer. */
    private final class Handler implements ServerCallHandler<Message, Message> {
        private static final Metadata.Key<String> AUTHORIZATION =
                Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

        private final String method;

        Handler(String method) {
            this.method = method;
        }

        @Override
        public ServerCall.Listener<Message> startCall(ServerCall<Message, Message> call, Metadata headers) {
            String authorization = headers.get(AUTHORIZATION);
            ServerCallHandler<Message, Message> handler = ServerCalls.asyncServerStreamingCall((request, observer) -> {
                var answer = (ServerCallStreamObserver<Message>) observer;
                // A caller who went is the test's subject, not an error.
                answer.setOnCancelHandler(() -> {});
                var deadline = Context.current().getDeadline();
                Long left = deadline == null ? null : deadline.timeRemaining(TimeUnit.MILLISECONDS);
                Received arrived = new Received(request, authorization, left, answer);
                List<Received> calls = calls(method);
                int number;
                synchronized (calls) {
                    number = calls.size();
                    calls.add(arrived);
                }
                try {
                    answers.get(method).to(arrived, number);
                } catch (InterruptedException interrupt) {
                    Thread.currentThread().interrupt();
                }
            });
            return handler.startCall(call, headers);
        }
    }

    /** What is answered to calls of this method. */
    void on(String method, Answer answer) {
        answers.put(method, answer);
    }

    /** The calls of this method that arrived. */
    List<Received> calls(String method) {
        return received.computeIfAbsent(method, unused -> new CopyOnWriteArrayList<>());
    }

    int port() {
        return port;
    }

    String address() {
        return "http://127.0.0.1:" + port();
    }

    Client client() {
        return Client.builder(address(), "sk_test_key").build();
    }

    /** Breaks all connections. */
    @Override
    public void close() {
        server.shutdownNow();
        try {
            server.awaitTermination();
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    /** An error of a service of Bonafide. */
    static StatusRuntimeException error(Status.Code code, String reason, Message... more) {
        var status = com.google.rpc.Status.newBuilder()
                .setCode(code.value())
                .setMessage("no")
                .addDetails(Any.pack(ErrorInfo.newBuilder()
                        .setDomain("bonafide.identity")
                        .setReason(reason)
                        .putMetadata("status", "processing")
                        .build()));
        for (Message detail : more) {
            status.addDetails(Any.pack(detail));
        }
        return StatusProto.toStatusRuntimeException(status.build());
    }

    static RetryInfo retryAfter(Duration delay) {
        return RetryInfo.newBuilder()
                .setRetryDelay(com.google.protobuf.Duration.newBuilder()
                        .setSeconds(delay.getSeconds())
                        .setNanos(delay.getNano()))
                .build();
    }

    static StatusRuntimeException unavailable() {
        return Status.UNAVAILABLE.withDescription("gone").asRuntimeException();
    }
}
