//! Operations that go one step at a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use redis::Cmd;

use crate::hooked::{Hook, Sent, Step};

/// Holds an operation up before each of its steps at the storage, until it is let through.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    open: AtomicBool,
    waiting: AtomicBool,
    /// The step that is let through is sent again.
    twice: AtomicBool,
}

impl Gate {
    /// Holds a call for a lease up before each of its commands that could come between those of another call.
    pub(super) fn of_commands(&self) -> report_svc::storage::redis::Hook {
        let gate = self.clone();
        Arc::new(move |command: &Cmd| {
            let of_lease = |argument: &[u8]| argument.windows(6).any(|part| part == b":lease");
            let held_up = command
                .args_iter()
                .any(|argument| matches!(argument, redis::Arg::Simple(argument) if of_lease(argument)));
            let gate = gate.clone();
            Box::pin(async move {
                if held_up {
                    gate.pass().await;
                }
            })
        })
    }

    async fn pass(&self) {
        let State { open, waiting, .. } = &*self.0;
        poll_fn(|_| {
            let through = open.swap(false, Ordering::SeqCst);
            waiting.store(!through, Ordering::SeqCst);
            // Nobody is woken: who opens the gate polls.
            if through { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[async_trait::async_trait]
impl Hook for Gate {
    async fn before(&self, _: Step) -> Sent {
        self.pass().await;
        match self.0.twice.swap(false, Ordering::SeqCst) {
            true => Sent::Twice,
            false => Sent::Once,
        }
    }
}

/// An operation that has not begun, or stands at its gate.
pub(super) struct Gated<T> {
    gate: Gate,
    future: Pin<Box<dyn Future<Output = T>>>,
}

impl<T> Gated<T> {
    /// `gate` is that of the storage which the operation works on.
    pub(super) fn new(gate: Gate, future: impl Future<Output = T> + 'static) -> Self {
        Self {
            gate,
            future: Box::pin(future),
        }
    }

    /// Takes one step and goes as far as the next one; what it came to, if it has ended.
    pub(super) async fn step(&mut self, sent: Sent) -> Option<T> {
        let State { open, waiting, twice } = &*self.gate.0;
        open.store(true, Ordering::SeqCst);
        twice.store(sent == Sent::Twice, Ordering::SeqCst);
        waiting.store(false, Ordering::SeqCst);
        let ended = poll_fn(|context| match self.future.as_mut().poll(context) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if waiting.load(Ordering::SeqCst) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        open.store(false, Ordering::SeqCst);
        ended
    }
}
