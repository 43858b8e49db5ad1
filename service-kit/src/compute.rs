//! Worker threads for inference, outside the async runtime.
//!
//! A fixed number of threads take work from one bounded queue. Each thread is a rayon pool of one, so that whatever the work
//! calls stays on its thread and two pieces of work never fight over the same cores. A full queue refuses at once; work whose
//! caller has gone is not started; a panic ends that piece of work and nothing else.

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tonic::{Code, Status};
use tracing::Span;

use crate::status::Problem;

type Task = Box<dyn FnOnce() + Send>;

/// Why a piece of work has no result.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// The queue is full.
    #[error("all workers are busy and the queue is full")]
    Overloaded,
    /// The work panicked; the panic's message is in the log.
    #[error("the computation failed")]
    Panicked,
}

impl From<ComputeError> for Status {
    fn from(error: ComputeError) -> Self {
        let problem = match error {
            ComputeError::Overloaded => Problem::new(
                Code::ResourceExhausted,
                proto::reason::OVERLOADED,
                "too many requests are waiting for a worker",
            )
            .retry_after(Duration::from_secs(1)),
            ComputeError::Panicked => Problem::new(
                Code::Internal,
                proto::reason::INTERNAL,
                "the computation failed; the service's log has the cause",
            ),
        };
        problem.into()
    }
}

/// Tells a running piece of work whether anybody still waits for it.
pub struct Caller {
    gone: Box<dyn Fn() -> bool>,
}

impl Caller {
    /// True when the caller has left: the work may stop, since nobody will read its result.
    pub fn gone(&self) -> bool {
        (self.gone)()
    }
}

/// A pool of worker threads. Clones share it; the threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Pool {
    queue: SyncSender<Task>,
    waiting: Arc<AtomicUsize>,
}

impl Pool {
    /// Starts `workers` threads named after the service, with room for `queue` waiting pieces of work.
    pub fn start(name: &str, workers: NonZeroUsize, queue: usize) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel::<Task>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for index in 0..workers.get() {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new()
                .name(format!("{name}-{index}"))
                .spawn(move || work(&receiver))?;
        }
        Ok(Self {
            queue: sender,
            waiting: Arc::new(AtomicUsize::new(0)),
        })
    }

    /// Runs `work` on a worker thread, inside the current tracing span.
    pub async fn run<T, F>(&self, work: F) -> Result<T, ComputeError>
    where
        T: Send + 'static,
        F: FnOnce(&Caller) -> T + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let span = Span::current();
        let waiting = Arc::clone(&self.waiting);
        waiting.fetch_add(1, Ordering::Relaxed);
        let task: Task = Box::new(move || {
            waiting.fetch_sub(1, Ordering::Relaxed);
            let sender: oneshot::Sender<T> = sender;
            if sender.is_closed() {
                return;
            }
            let sender = Arc::new(Mutex::new(Some(sender)));
            let probe = Arc::clone(&sender);
            let caller = Caller {
                gone: Box::new(move || lock(&probe).as_ref().is_none_or(oneshot::Sender::is_closed)),
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| span.in_scope(|| work(&caller))));
            match outcome {
                Ok(value) => {
                    if let Some(sender) = lock(&sender).take() {
                        let _ = sender.send(value);
                    }
                }
                // Dropping the sender tells the caller. The message may quote what was computed on, so only its place is told:
                // the panic hook has written that.
                Err(_) => span.in_scope(|| tracing::error!("a computation panicked")),
            }
        });
        match self.queue.try_send(task) {
            Ok(()) => receiver.await.map_err(|_| ComputeError::Panicked),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                Err(ComputeError::Overloaded)
            }
        }
    }

    /// Pieces of work that wait for a worker now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// A poisoned lock is taken over: no invariant spans a panic here.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(receiver: &Mutex<Receiver<Task>>) {
    // A pool of one on this very thread: parallel iterators inside the work run here and nowhere else.
    let confined = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build();
    if let Err(error) = &confined {
        tracing::warn!(%error, "inference on this worker is not confined to its thread");
    }
    loop {
        let task = lock(receiver).recv();
        let Ok(task) = task else { return };
        // The task catches its own panic; this is for a panic while its captured values are dropped.
        let dropped: Result<(), Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(task));
        if dropped.is_err() {
            tracing::error!("a computation panicked while it was cleaned up");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    #[tokio::test]
    async fn survives_a_panic() {
        let pool = Pool::start("test", ONE, 4).expect("threads");
        let panicked = pool.run(|_| -> u32 { panic!("as planned") }).await;
        assert!(matches!(panicked, Err(ComputeError::Panicked)));
        assert_eq!(pool.run(|_| 7).await.expect("a result"), 7);
    }

    #[tokio::test]
    async fn stays_on_its_thread() {
        let pool = Pool::start("test", ONE, 4).expect("threads");
        let threads = pool.run(|_| rayon::current_num_threads()).await.expect("a result");
        assert_eq!(threads, 1);
    }

    #[tokio::test]
    async fn refuses_when_full_and_drops_work_of_callers_who_left() {
        let pool = Pool::start("test", ONE, 1).expect("threads");
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let busy = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move |_| {
                    let _ = started.send(());
                    let _ = held.recv();
                })
                .await
            }
        });
        running.await.expect("the worker is busy");

        // One waits; its caller leaves. The next finds the queue full.
        let ran = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ran);
        let mut left = Box::pin(pool.run(move |_| counted.fetch_add(1, Ordering::SeqCst)));
        assert!(futures_util::poll!(&mut left).is_pending());
        drop(left);
        assert!(matches!(pool.run(|_| ()).await, Err(ComputeError::Overloaded)));

        release.send(()).expect("the worker waits");
        busy.await.expect("no panic").expect("a result");
        // The worker has answered, but may not have taken the abandoned piece off the queue yet.
        while let Err(ComputeError::Overloaded) = pool.run(|_| ()).await {
            tokio::task::yield_now().await;
        }
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn tells_running_work_that_its_caller_left() {
        let pool = Pool::start("test", ONE, 1).expect("threads");
        let (started, running) = oneshot::channel();
        let (told, heard) = oneshot::channel();
        let task = tokio::spawn(async move {
            pool.run(move |caller| {
                let _ = started.send(());
                while !caller.gone() {
                    std::thread::yield_now();
                }
                let _ = told.send(());
            })
            .await
        });
        running.await.expect("started");
        task.abort();
        heard.await.expect("the work noticed");
    }
}
