//! What the process itself takes, read from the system when somebody asks. Names: semantic conventions for process metrics.

use opentelemetry::metrics::Meter;

pub(super) fn observe(meter: &Meter) {
    #[cfg(target_os = "linux")]
    {
        // The SDK keeps what is observed for as long as the process runs.
        meter
            .f64_observable_counter("process.cpu.time")
            .with_description("CPU time of all threads")
            .with_unit("s")
            .with_callback(|observer| observer.observe(linux::cpu_seconds(), &[]))
            .build();
        meter
            .u64_observable_gauge("process.memory.usage")
            .with_description("Resident memory")
            .with_unit("By")
            .with_callback(|observer| {
                if let Some(bytes) = linux::resident_bytes() {
                    observer.observe(bytes, &[]);
                }
            })
            .build();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = meter;
}

#[cfg(target_os = "linux")]
mod linux {
    use rustix::time::{ClockId, clock_gettime};

    pub(super) fn cpu_seconds() -> f64 {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    }

    /// `VmRSS`, in KiB (proc_pid_status(5)).
    pub(super) fn resident_bytes() -> Option<u64> {
        resident_of(&std::fs::read_to_string("/proc/self/status").ok()?)
    }

    fn resident_of(status: &str) -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
        Some(kibibytes * 1024)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_process_takes_time_and_memory() {
            assert!(cpu_seconds() > 0.0);
            assert!(resident_bytes().expect("procfs") > 1024 * 1024);
            assert_eq!(resident_of("VmPeak:\t  9 kB\nVmRSS:\t    1204 kB\n"), Some(1204 * 1024));
            assert_eq!(resident_of("VmPeak:\t  9 kB\n"), None);
        }
    }
}
