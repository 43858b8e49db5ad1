//! What is made of the files, and made again when they change.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::TlsConfig;
use super::files::{Files, TlsError};

/// A value made of the files. Clones share it, and the task that looks at the files, which ends with the last of them.
#[derive(Debug)]
pub(super) struct Reloading<T>(watch::Receiver<Arc<T>>);

impl<T: Send + Sync + 'static> Reloading<T> {
    /// Reads the files that `config` names, and again when they have changed.
    pub(super) fn open<B>(config: &TlsConfig, build: B) -> Result<Self, TlsError>
    where
        B: Fn(&Files) -> Result<T, TlsError> + Send + 'static,
    {
        if config.reload.is_zero() {
            return Err(TlsError::Reload);
        }
        let files = Files::read(config)?;
        let (sender, receiver) = watch::channel(Arc::new(build(&files)?));
        tokio::spawn(look(config.clone(), files, build, sender));
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
async fn look<T, B>(config: TlsConfig, mut used: Files, build: B, sender: watch::Sender<Arc<T>>)
where
    T: Send + Sync + 'static,
    B: Fn(&Files) -> Result<T, TlsError> + Send + 'static,
{
    let config = Arc::new(config);
    let mut looks = interval(config.reload);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    loop {
        tokio::select! {
            () = sender.closed() => return,
            _ = looks.tick() => {}
        }
        let named = Arc::clone(&config);
        let Ok(read) = tokio::task::spawn_blocking(move || Files::read(&named)).await else {
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
    }
}
