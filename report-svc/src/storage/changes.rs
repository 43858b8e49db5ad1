//! In-process notification of new work and changed sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Who waits for what. Clones share their waiters.
#[derive(Clone, Debug)]
pub struct Changes {
    jobs: watch::Sender<()>,
    sessions: Arc<Mutex<HashMap<String, watch::Sender<()>>>>,
}

/// Waits for changes of one session.
#[derive(Debug)]
pub struct SessionChanges {
    id: String,
    receiver: watch::Receiver<()>,
    changes: Changes,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self {
            jobs: watch::Sender::new(()),
            sessions: Arc::default(),
        }
    }

    /// Marks new work from now on; subscribe before looking for work, and none is missed.
    pub fn jobs(&self) -> watch::Receiver<()> {
        self.jobs.subscribe()
    }

    /// Marks changes of a session from now on; subscribe before reading it, and none is missed.
    pub fn session(&self, id: &str) -> SessionChanges {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = sessions
            .entry(id.to_owned())
            .or_insert_with(|| watch::Sender::new(()))
            .subscribe();
        SessionChanges {
            id: id.to_owned(),
            receiver,
            changes: self.clone(),
        }
    }

    pub(super) fn job_arrived(&self) {
        self.jobs.send_replace(());
    }

    pub(super) fn session_changed(&self, id: &str) {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = sessions.get(id) {
            sender.send_replace(());
        }
    }

    /// For when changes may have gone unheard.
    pub(super) fn everything_changed(&self) {
        self.job_arrived();
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in sessions.values() {
            sender.send_replace(());
        }
    }
}

impl SessionChanges {
    /// Returns when the session changed after the last call, or after the subscription.
    pub async fn changed(&mut self) {
        // The sender lives as long as a receiver does.
        let _ = self.receiver.changed().await;
    }
}

impl Drop for SessionChanges {
    fn drop(&mut self) {
        let mut sessions = self.changes.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions
            .get(&self.id)
            .is_some_and(|sender| sender.receiver_count() <= 1)
        {
            sessions.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wakes_who_waits_for_that_session_and_forgets_who_left() {
        let changes = Changes::new();
        let mut first = changes.session("vs_1");
        let second = changes.session("vs_1");
        let other = changes.session("vs_2");
        changes.session_changed("vs_1");
        first.changed().await;
        assert!(second.receiver.has_changed().expect("open"));
        assert!(!other.receiver.has_changed().expect("open"));
        assert!(!first.receiver.has_changed().expect("open"), "seen once");
        drop((first, other));
        assert_eq!(changes.sessions.lock().expect("not poisoned").len(), 1);
        drop(second);
        assert!(changes.sessions.lock().expect("not poisoned").is_empty());
    }
}
