//! What is made of files, and made again when they change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::files::TlsError;

/// A value made of files. Clones share it, and the task that looks at the files, which ends with the last of them.
#[derive(Debug)]
pub(super) struct Reloading<T>(watch::Receiver<Arc<T>>);

impl<T: Send + Sync + 'static> Reloading<T> {
    /// Reads the files, and again when they have changed. At each look at them `notice` gets what they hold.
    pub(super) fn open<F, R, B, N>(every: Duration, read: R, build: B, notice: N) -> Result<Self, TlsError>
    where
        F: PartialEq + Send + 'static,
        R: Fn() -> Result<F, TlsError> + Send + Sync + 'static,
        B: Fn(&F) -> Result<T, TlsError> + Send + 'static,
        N: FnMut(&T) + Send + 'static,
    {
        if every.is_zero() {
            return Err(TlsError::Reload);
        }
        let files = read()?;
        let (sender, receiver) = watch::channel(Arc::new(build(&files)?));
        tokio::spawn(look(every, files, read, build, notice, sender));
        Ok(Self(receiver))
    }

    /// A value that stays.
    pub(super) fn fixed(value: T) -> Self {
        Self(watch::channel(Arc::new(value)).1)
    }

    /// The value for a new connection.
    pub(super) fn now(&self) -> Arc<T> {
        Arc::clone(&self.0.borrow())
    }
}

impl<T> Clone for Reloading<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Looks at the files for as long as anybody wants to know. Files that are not a pair, or half written, are read again at the next
/// look; each complaint about them is told once.
async fn look<F, R, T, B, N>(
    every: Duration,
    mut used: F,
    read: R,
    build: B,
    mut notice: N,
    sender: watch::Sender<Arc<T>>,
) where
    F: PartialEq + Send + 'static,
    R: Fn() -> Result<F, TlsError> + Send + Sync + 'static,
    T: Send + Sync + 'static,
    B: Fn(&F) -> Result<T, TlsError> + Send + 'static,
    N: FnMut(&T) + Send + 'static,
{
    let read = Arc::new(read);
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    loop {
        tokio::select! {
            () = sender.closed() => return,
            _ = looks.tick() => {}
        }
        let reading = Arc::clone(&read);
        let Ok(read) = tokio::task::spawn_blocking(move || reading()).await else {
            return;
        };
        let complaint = match read {
            Ok(files) if files == used => None,
            Ok(files) => match build(&files) {
                Ok(value) => {
                    tracing::info!("the files of TLS have changed: new connections use what they hold now");
                    sender.send_replace(Arc::new(value));
                    used = files;
                    None
                }
                Err(error) => Some(error.to_string()),
            },
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = &complaint
            && complaint != told
        {
            tracing::warn!(%error, "the files of TLS have changed and cannot be used: what they held before stays in use");
        }
        told = complaint;
        notice(&sender.borrow());
    }
}
