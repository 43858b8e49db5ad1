package bonafide;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ClientCalls;
import java.util.Iterator;

/** One call that is answered by several messages. */
final class ServerStream<A> implements AutoCloseable {
    private final Context.CancellableContext context = Context.current().withCancellation();
    private final Iterator<A> answers;

    <Q> ServerStream(Channel channel, MethodDescriptor<Q, A> method, CallOptions options, Q request) {
        Context previous = context.attach();
        try {
            answers = ClientCalls.blockingServerStreamingCall(channel, method, options, request);
        } finally {
            context.detach(previous);
        }
    }

    /**
     * The next message, or null after the last one.
     *
     * @throws io.grpc.StatusRuntimeException when the call failed
     */
    A next() {
        return answers.hasNext() ? answers.next() : null;
    }

    /** Ends the call, also for a thread that waits in {@link #next}. */
    @Override
    public void close() {
        context.cancel(null);
    }
}
