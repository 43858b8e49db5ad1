//! Worker threads for inference, outside the async runtime.
//!
//! A fixed number of workers take work from one bounded queue. Each is a rayon pool of its own threads, the worker's among them, so
//! that whatever the work calls stays there and two pieces of work never fight over the same cores: many workers of one thread, or
//! one worker of many, as [`crate::config::ComputeMode`] has it. A full queue refuses at once; work whose caller has gone is not
//! started; a panic ends that piece of work and nothing else.

mod instruments;

use std::any::Any;
use std::io::{Error, Result as IoResult};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tonic::Status;
use tracing::Span;

use self::instruments::Instruments;
use crate::config::ComputeConfig;
use crate::status::Problem;
use crate::threads;

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
            ComputeError::Overloaded => {
                Problem::new(proto::reason::OVERLOADED, "too many requests are waiting for a worker")
                    .retry_after(Duration::from_secs(1))
            }
            ComputeError::Panicked => Problem::logged("the computation failed"),
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
    instruments: Arc<Instruments>,
}

impl Pool {
    /// Starts workers, their threads named after the service, with as many threads and as much space for waiting work as configured.
    ///
    /// # Errors
    /// When the system refuses a worker or one of its threads.
    pub fn start(name: &str, config: &ComputeConfig) -> IoResult<Self> {
        let (sender, receiver) = sync_channel::<Task>(config.queue());
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = config.threads_per_worker();
        for index in 0..config.workers().get() {
            let receiver = Arc::clone(&receiver);
            let name = format!("{name}-{index}");
            let (started, starting) = sync_channel(1);
            let worker = std::thread::Builder::new().name(name.clone());
            worker.spawn(move || match threads::pool_around_this(&name, threads) {
                Ok(_confined) => {
                    let _ = started.send(Ok(()));
                    work(&receiver);
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            })?;
            starting.recv().map_err(Error::other)?.map_err(Error::other)?;
        }
        Ok(Self {
            queue: sender,
            instruments: Arc::new(Instruments::new(name, config)),
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
        let instruments = Arc::clone(&self.instruments);
        let queued = instruments.queue();
        let task: Task = Box::new(move || {
            instruments.take(queued);
            let sender: oneshot::Sender<T> = sender;
            if sender.is_closed() {
                instruments.abandon();
                return;
            }
            let sender = Arc::new(Mutex::new(Some(sender)));
            let probe = Arc::clone(&sender);
            let caller = Caller {
                gone: Box::new(move || lock(&probe).as_ref().is_none_or(oneshot::Sender::is_closed)),
            };
            let outcome = instruments.work(|| catch_unwind(AssertUnwindSafe(|| span.in_scope(|| work(&caller)))).ok());
            match outcome {
                Some(value) => {
                    if let Some(sender) = lock(&sender).take() {
                        let _ = sender.send(value);
                    }
                }
                // Dropping the sender tells the caller. The message may quote what was computed on, so only its place is told:
                // the panic hook has written that.
                None => span.in_scope(|| tracing::error!("a computation panicked")),
            }
        });
        match self.queue.try_send(task) {
            Ok(()) => receiver.await.map_err(|_| ComputeError::Panicked),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.instruments.refuse();
                Err(ComputeError::Overloaded)
            }
        }
    }
}

/// A poisoned lock is taken over: no invariant spans a panic here.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(receiver: &Mutex<Receiver<Task>>) {
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
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    use crate::config::ComputeMode;

    /// So many threads, used so, and space for so much that waits.
    fn pool(threads: usize, compute_mode: ComputeMode, queue: usize) -> Pool {
        let config = ComputeConfig {
            workers: NonZeroUsize::new(threads),
            queue: Some(queue),
            compute_mode,
            ..ComputeConfig::default()
        };
        Pool::start("test", &config).expect("threads")
    }

    #[tokio::test]
    async fn survives_a_panic() {
        let pool = pool(1, ComputeMode::Throughput, 4);
        let panicked = pool.run(|_| -> u32 { panic!("as planned") }).await;
        assert!(matches!(panicked, Err(ComputeError::Panicked)));
        assert_eq!(pool.run(|_| 7).await.expect("a result"), 7);
    }

    #[tokio::test]
    async fn work_has_as_many_threads_as_the_mode_gives_it() {
        for (mode, each) in [(ComputeMode::Throughput, 1), (ComputeMode::Latency, 3)] {
            let pool = pool(3, mode, 4);
            // Each of them says its name: work that ran elsewhere, or not on all, would show.
            let named = |_: &Caller| {
                let names = rayon::broadcast(|_| std::thread::current().name().map(str::to_owned));
                names.into_iter().flatten().collect::<Vec<_>>()
            };
            let names = pool.run(named).await.expect("a result");
            assert_eq!(names.len(), each);
            assert!(names.iter().all(|name| name.starts_with("test-")), "{names:?}");
        }
    }

    #[tokio::test]
    async fn requests_do_not_share_the_threads_in_latency_mode() {
        let pool = pool(2, ComputeMode::Latency, 4);
        let at_once = Arc::new(AtomicUsize::new(0));
        let work = || {
            let at_once = Arc::clone(&at_once);
            pool.run(move |_| {
                let others = at_once.fetch_add(1, Ordering::SeqCst);
                // Both threads have a part in it, so that neither is free for the next.
                rayon::join(
                    || std::thread::sleep(Duration::from_millis(5)),
                    || std::thread::sleep(Duration::from_millis(5)),
                );
                at_once.fetch_sub(1, Ordering::SeqCst);
                others
            })
        };
        let others = futures_util::future::join_all([work(), work(), work()]).await;
        assert!(others.into_iter().all(|others| others.expect("a result") == 0));
    }

    #[tokio::test]
    async fn survives_a_panic_on_any_of_its_threads() {
        let pool = pool(2, ComputeMode::Latency, 4);
        let panicked = pool
            .run(|_| rayon::broadcast(|_| -> u32 { panic!("as planned") }))
            .await;
        assert!(matches!(panicked, Err(ComputeError::Panicked)));
        assert_eq!(pool.run(|_| rayon::broadcast(|_| 7)).await.expect("a result"), [7, 7]);
    }

    #[tokio::test]
    async fn refuses_when_full_and_drops_work_of_callers_who_left() {
        let pool = pool(1, ComputeMode::Throughput, 1);
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
        let pool = pool(1, ComputeMode::Throughput, 1);
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
