//! Configuration that every service takes alike, and typed values for it.
//!
//! Every flag has an environment variable; a flag wins over its variable. A service embeds [`ServeConfig`] and
//! [`TelemetryConfig`] with `#[command(flatten)]` and validates the whole before it opens anything.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::thread::available_parallelism;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::tls::TlsConfig;

/// A value that never shows: prints as `***` and is wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(value))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How a service listens.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeConfig {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "BONAFIDE_LISTEN", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Address for probes and metrics over plain HTTP: /livez, /readyz and /metrics; off without one.
    #[arg(long, env = "BONAFIDE_ADMIN_LISTEN", value_name = "ADDR")]
    pub admin_listen: Option<SocketAddr>,
    /// Token that callers must present; needed to listen beyond loopback, unless the service is the public one.
    #[arg(long, env = "BONAFIDE_SERVICE_TOKEN", hide_env_values = true)]
    pub service_token: Option<Secret>,
    /// Requests served at once; more are refused with RESOURCE_EXHAUSTED.
    #[arg(long, env = "BONAFIDE_MAX_REQUESTS", default_value_t = 1024)]
    pub max_requests: usize,
    /// Longest time that a request may take when its caller sets no deadline.
    #[arg(long, env = "BONAFIDE_REQUEST_TIMEOUT", default_value = "60s", value_parser = humantime::parse_duration)]
    pub request_timeout: Duration,
    /// Age at which a connection takes no more calls, so that clients spread over new replicas; those that run may end. Streams
    /// end at this age of theirs.
    #[arg(long, env = "BONAFIDE_MAX_CONNECTION_AGE", default_value = "5m", value_parser = humantime::parse_duration)]
    pub max_connection_age: Duration,
    /// Time after SIGTERM for which calls are still taken while health checks say NOT_SERVING: until nobody sends new ones here.
    #[arg(long, env = "BONAFIDE_LAME_DUCK", default_value = "5s", value_parser = humantime::parse_duration)]
    pub lame_duck: Duration,
    /// Time that requests have to finish after that.
    #[arg(long, env = "BONAFIDE_DRAIN_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub drain_timeout: Duration,
    /// Certificates.
    #[command(flatten)]
    pub tls: TlsConfig,
}

impl Default for ServeConfig {
    /// The defaults of the flags, for a service inside another program: on a free loopback port, and without a lame-duck time, since
    /// nobody but that program sends calls.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin_listen: None,
            service_token: None,
            max_requests: 1024,
            request_timeout: Duration::from_secs(60),
            max_connection_age: Duration::from_secs(300),
            lame_duck: Duration::ZERO,
            drain_timeout: Duration::from_secs(30),
            tls: TlsConfig::default(),
        }
    }
}

/// Who may call a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Only these services call: the service token is checked on every call, and with TLS the name in the caller's certificate.
    Internal(&'static [&'static str]),
    /// Anyone may call: the service checks its callers' credentials itself.
    Public,
}

/// A configuration that must not be started with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An internal service would be open to the network.
    #[error("listening on {0} needs --service-token (BONAFIDE_SERVICE_TOKEN): without one only loopback is allowed")]
    Exposed(SocketAddr),
    /// Credentials and pictures would cross the network readable.
    #[error(
        "listening on {0} needs TLS: name a certificate with --tls-cert and --tls-key (BONAFIDE_TLS_CERT, BONAFIDE_TLS_KEY), or, \
         where a mesh or a proxy protects the network, set --allow-plaintext (BONAFIDE_ALLOW_PLAINTEXT=true)"
    )]
    Plaintext(SocketAddr),
    /// A token so short that it can be guessed.
    #[error("the service token must have at least {MIN_TOKEN_LENGTH} characters")]
    ShortToken,
    /// A limit that would refuse everything.
    #[error("{0} must be greater than zero")]
    Zero(&'static str),
}

const MIN_TOKEN_LENGTH: usize = 24;

impl ServeConfig {
    /// Checks the whole; called by [`crate::serving::Server::bind`].
    pub fn validate(&self, exposure: Exposure) -> Result<(), ConfigError> {
        match &self.service_token {
            Some(token) if token.expose().len() < MIN_TOKEN_LENGTH => {
                return Err(ConfigError::ShortToken);
            }
            None if matches!(exposure, Exposure::Internal(_)) && !self.listen.ip().is_loopback() => {
                return Err(ConfigError::Exposed(self.listen));
            }
            _ => {}
        }
        if self.tls.cert.is_none() && !self.tls.allow_plaintext && !self.listen.ip().is_loopback() {
            return Err(ConfigError::Plaintext(self.listen));
        }
        for (zero, name) in [
            (self.max_requests == 0, "--max-requests"),
            (self.request_timeout.is_zero(), "--request-timeout"),
            (self.max_connection_age.is_zero(), "--max-connection-age"),
        ] {
            if zero {
                return Err(ConfigError::Zero(name));
            }
        }
        Ok(())
    }
}

/// What a service tells about itself.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct TelemetryConfig {
    /// OTLP endpoint (gRPC) for traces and metrics, e.g. http://localhost:4317; off without one.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// Which log lines are written, e.g. `info,session_svc=debug`.
    #[arg(long, env = "BONAFIDE_LOG", default_value = "info")]
    pub log: String,
}

/// How a service shares its inference threads out among requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ComputeMode {
    /// One thread per request, several requests at once: most requests per second.
    #[default]
    Throughput,
    /// All threads for one request after the other: least time per request where few come.
    Latency,
}

/// What a service's networks run on: `cpu`, or `cuda:N` for the GPU of that number; `cuda` is `cuda:0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// A GPU of NVIDIA, by its number.
    Cuda(usize),
}

impl Device {
    /// The number of the GPU; `None` for the CPU.
    pub fn gpu(self) -> Option<usize> {
        match self {
            Device::Cpu => None,
            Device::Cuda(ordinal) => Some(ordinal),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

/// No device has this name.
#[derive(Debug, thiserror::Error)]
#[error("a device is cpu, cuda or cuda:N")]
pub struct UnknownDevice;

impl FromStr for Device {
    type Err = UnknownDevice;

    fn from_str(name: &str) -> Result<Self, UnknownDevice> {
        match name.split_once(':') {
            None if name == "cpu" => Ok(Device::Cpu),
            None if name == "cuda" => Ok(Device::Cuda(0)),
            Some(("cuda", ordinal)) => ordinal.parse().map(Device::Cuda).map_err(|_| UnknownDevice),
            _ => Err(UnknownDevice),
        }
    }
}

/// Inference of a service: where, and in how many threads.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ComputeConfig {
    /// Threads for inference; one per core (of the cgroup's limit) when not given.
    #[arg(long, env = "BONAFIDE_WORKERS")]
    pub workers: Option<NonZeroUsize>,
    /// Requests that may wait for a worker; four per thread when not given.
    #[arg(long, env = "BONAFIDE_QUEUE")]
    pub queue: Option<usize>,
    /// How requests share the threads.
    #[arg(long, env = "BONAFIDE_COMPUTE_MODE", value_enum, default_value_t)]
    pub compute_mode: ComputeMode,
    /// What the networks run on: cpu, or cuda:N for a GPU where the program was built with CUDA.
    #[arg(long, env = "BONAFIDE_DEVICE", default_value_t)]
    pub device: Device,
}

impl ComputeConfig {
    /// Number of threads. The standard library's count is the least of the host's cores, the process's affinity and the quota of its
    /// cgroup and of those above it (version 2's `cpu.max`, version 1's `cpu.cfs_quota_us`), rounded down, at least one.
    pub fn threads(&self) -> NonZeroUsize {
        self.workers
            .unwrap_or_else(|| available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// Number of requests that are worked on at once.
    pub fn workers(&self) -> NonZeroUsize {
        match self.compute_mode {
            ComputeMode::Throughput => self.threads(),
            ComputeMode::Latency => NonZeroUsize::MIN,
        }
    }

    /// Number of threads that work on one request.
    pub fn threads_per_worker(&self) -> NonZeroUsize {
        match self.compute_mode {
            ComputeMode::Throughput => NonZeroUsize::MIN,
            ComputeMode::Latency => self.threads(),
        }
    }

    /// Number of requests that may wait.
    pub fn queue(&self) -> usize {
        self.queue.unwrap_or(4 * self.threads().get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_service_stays_on_loopback_without_a_token() {
        let mut config = ServeConfig {
            listen: SocketAddr::from(([0, 0, 0, 0], 0)),
            ..ServeConfig::default()
        };
        config.tls.allow_plaintext = true;
        assert!(matches!(
            config.validate(Exposure::Internal(&[])),
            Err(ConfigError::Exposed(_))
        ));
        assert!(config.validate(Exposure::Public).is_ok());
        config.service_token = Some(Secret::new("short"));
        assert!(matches!(
            config.validate(Exposure::Internal(&[])),
            Err(ConfigError::ShortToken)
        ));
        config.service_token = Some(Secret::new("long enough to be a real token"));
        assert!(config.validate(Exposure::Internal(&[])).is_ok());
    }

    #[test]
    fn devices_are_told_by_name() {
        for (name, device) in [
            ("cpu", Device::Cpu),
            ("cuda", Device::Cuda(0)),
            ("cuda:0", Device::Cuda(0)),
            ("cuda:3", Device::Cuda(3)),
        ] {
            assert_eq!(name.parse::<Device>().expect("a device"), device);
            assert_eq!(device.to_string().parse::<Device>().expect("its own name"), device);
        }
        for name in ["", "CPU", "gpu", "cpu:0", "cuda:", "cuda:-1", "cuda:0:1"] {
            assert!(name.parse::<Device>().is_err(), "{name}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let secret = Secret::new("sk_live_visible");
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        compute: ComputeConfig,
    }

    #[test]
    fn the_mode_shares_the_same_threads_out() {
        let counts = |mode: &[&str]| {
            let flags = ["program", "--workers", "6"].into_iter().chain(mode.iter().copied());
            let compute = <Program as clap::Parser>::parse_from(flags).compute;
            let (workers, each) = (compute.workers().get(), compute.threads_per_worker().get());
            (workers, each, compute.queue())
        };
        assert_eq!(counts(&["--compute-mode", "throughput"]), (6, 1, 24));
        assert_eq!(counts(&["--compute-mode", "latency"]), (1, 6, 24));
    }
}
