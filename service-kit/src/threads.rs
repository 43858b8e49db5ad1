//! Threads that compute one thing together.

use std::num::NonZeroUsize;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// A pool of so many threads. Parallel iterators inside [`ThreadPool::install`] run in it and nowhere else.
///
/// Where there are as many as cores that the process may use, each stays on a core of its own: a thread that wakes is otherwise put
/// beside the one that woke it often enough that short work gains nothing from a second thread. Where the process may use more
/// cores, a quota say, others may need just those, and the system chooses.
///
/// # Errors
/// When the system refuses a thread.
pub fn pool(name: &str, count: NonZeroUsize) -> Result<ThreadPool, ThreadPoolBuildError> {
    builder(name, count, cores::one_each(count)).build()
}

/// The same with the calling thread as its first: it takes part in whatever it calls. All of them give way to the process's other threads,
/// which answer calls: these need little, and soon.
///
/// # Errors
/// When the system refuses a thread.
pub fn pool_around_this(name: &str, count: NonZeroUsize) -> Result<ThreadPool, ThreadPoolBuildError> {
    let cores = cores::one_each(count);
    if let Some(core) = cores.first() {
        cores::stay_on(*core);
    }
    cores::give_way();
    // Threads have the priority of the one that starts them.
    builder(name, count, cores).use_current_thread().build()
}

fn builder(name: &str, count: NonZeroUsize, cores: Vec<usize>) -> ThreadPoolBuilder {
    let name = name.to_owned();
    ThreadPoolBuilder::new()
        .num_threads(count.get())
        .thread_name(move |thread| format!("{name}-{thread}"))
        .start_handler(move |thread| {
            if let Some(core) = cores.get(thread) {
                cores::stay_on(*core);
            }
        })
}

#[cfg(target_os = "linux")]
mod cores {
    use std::num::NonZeroUsize;

    use rustix::process::nice;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// A thread that gives way gets a third of what one that does not gets of a core.
    const LESS: i32 = 5;

    /// The cores that this thread may use, where that is one for each of several threads; none otherwise.
    pub(super) fn one_each(threads: NonZeroUsize) -> Vec<usize> {
        let Ok(allowed) = sched_getaffinity(None) else {
            return vec![];
        };
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        match cores.len() {
            count if count > 1 && count == threads.get() => cores,
            _ => vec![],
        }
    }

    /// Where the system does not allow it the thread goes on as it is.
    pub(super) fn stay_on(core: usize) {
        let mut only = CpuSet::new();
        only.set(core);
        if let Err(error) = sched_setaffinity(None, &only) {
            tracing::debug!(%error, core, "a thread for inference is not kept on its core");
        }
    }

    /// On Linux this is of the calling thread alone.
    pub(super) fn give_way() {
        if let Err(error) = nice(LESS) {
            tracing::debug!(%error, "a thread for inference does not give way");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod cores {
    use std::num::NonZeroUsize;

    pub(super) fn one_each(_: NonZeroUsize) -> Vec<usize> {
        vec![]
    }

    pub(super) fn stay_on(_: usize) {}

    pub(super) fn give_way() {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::collections::BTreeSet;

    use rustix::process::getpriority_process;
    use rustix::thread::{CpuSet, sched_getaffinity};

    use super::*;

    fn allowed() -> Vec<usize> {
        let set = sched_getaffinity(None).expect("an affinity");
        (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
    }

    /// The cores that each thread of a pool may use.
    fn of_each(pool: &ThreadPool) -> Vec<Vec<usize>> {
        pool.broadcast(|_| allowed())
    }

    #[test]
    fn each_of_as_many_threads_as_cores_has_its_own() {
        let cores = allowed();
        let count = NonZeroUsize::new(cores.len()).expect("a core");
        let around_this = std::thread::spawn(move || of_each(&pool_around_this("test", count).expect("threads")));
        let around_this = around_this.join().expect("no panic");
        for pool in [of_each(&pool("test", count).expect("threads")), around_this] {
            assert!(pool.iter().all(|cores| cores.len() == 1), "{pool:?}");
            assert_eq!(pool.concat().into_iter().collect::<BTreeSet<_>>().len(), cores.len());
        }
    }

    #[test]
    fn threads_that_compute_give_way_to_those_that_answer() {
        let priorities = || {
            let this = getpriority_process(None).expect("a priority");
            let two = NonZeroUsize::new(2).expect("two");
            let pool = pool_around_this("test", two).expect("threads");
            let others = pool.broadcast(|_| getpriority_process(None).expect("a priority"));
            (this, others)
        };
        let (before, inside) = std::thread::spawn(priorities).join().expect("no panic");
        assert!(inside.iter().all(|priority| *priority > before), "{before} {inside:?}");
        assert_eq!(
            getpriority_process(None).expect("a priority"),
            before,
            "of this thread alone"
        );
    }

    #[test]
    fn fewer_or_more_go_where_the_system_puts_them() {
        let cores = allowed();
        for count in [1, cores.len() + 1] {
            let pool = pool("test", NonZeroUsize::new(count).expect("a thread")).expect("threads");
            assert!(of_each(&pool).iter().all(|of| *of == cores));
        }
    }
}
