//! One call: its credential, its deadline, and what is sent again.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use crate::Error;

/// How often a call is sent again at most.
const RETRIES: u32 = 4;

/// Longest random pause before the first retry, and before any.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What fits into the eight digits of seconds that gRPC has for it.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(99_999_999);

/// A channel that sends the caller's credential along.
pub(crate) type Authorized = InterceptedService<Channel, Credential>;

/// What precedes a credential in its header.
const SCHEME: &str = "Bearer ";

/// An API key or a client secret.
#[derive(Clone)]
pub(crate) struct Credential(MetadataValue<Ascii>);

impl Credential {
    pub(crate) fn new(credential: &str) -> Result<Self, Error> {
        let credential = credential.trim();
        if credential.is_empty() {
            return Err(Error::invalid("the credential is empty"));
        }
        let mut value: MetadataValue<Ascii> = format!("{SCHEME}{credential}")
            .parse()
            .map_err(|_| Error::invalid("the credential holds characters that none has"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// `text` without the credential, which a server may have repeated.
    pub(crate) fn hide(&self, text: &str) -> String {
        match self.0.to_str().ok().and_then(|header| header.strip_prefix(SCHEME)) {
            Some(credential) => text.replace(credential, "***"),
            None => text.to_owned(),
        }
    }
}

impl Interceptor for Credential {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// How calls are made.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) channel: Channel,
    pub(crate) credential: Credential,
    /// What was given for the client; that of the kind of call when not.
    pub(crate) deadline: Option<Duration>,
    /// How long a watch goes on without an answer.
    pub(crate) reconnect_timeout: Duration,
}

impl Calls {
    fn authorized(&self) -> Authorized {
        Authorized::new(self.channel.clone(), self.credential.clone())
    }

    /// What a call ended with.
    pub(crate) fn error(&self, status: &Status) -> Error {
        Error::of(status, &self.credential)
    }

    /// Makes a call with one answer.
    pub(crate) async fn unary<M, T, F>(
        &self,
        usual: Duration,
        message: M,
        send: impl Fn(Authorized, Request<M>) -> F,
    ) -> Result<T, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let attempt = |left| {
            let answer = send(self.authorized(), request(message.clone(), left));
            async move {
                let answer = answer.await.map_err(|status| self.error(&status))?;
                Ok(answer.into_inner())
            }
        };
        self.within(usual, attempt).await
    }

    /// Begins a call whose answers are a stream; it ends when this time is over.
    pub(crate) async fn stream<M, T, F>(
        &self,
        left: Duration,
        message: M,
        send: impl FnOnce(Authorized, Request<M>) -> F,
    ) -> Result<Streaming<T>, Error>
    where
        F: Future<Output = Result<Response<Streaming<T>>, Status>>,
    {
        let answers = send(self.authorized(), request(message, left)).await;
        Ok(answers.map_err(|status| self.error(&status))?.into_inner())
    }

    /// Tries, each time with what is left of the deadline, until it succeeds, fails for good or is late.
    pub(crate) async fn within<T, F>(&self, usual: Duration, attempt: impl Fn(Duration) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let deadline = self.deadline.unwrap_or(usual);
        let until = until(deadline);
        let mut tries = 0;
        loop {
            let left = until - Instant::now();
            if left.is_zero() {
                return Err(Error::late(deadline));
            }
            let error = match timeout(left, attempt(left)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_elapsed) => return Err(Error::late(deadline)),
            };
            let pause = error.retry_after().unwrap_or_else(|| pause(tries));
            if tries == RETRIES || !error.may_pass() || pause >= until - Instant::now() {
                return Err(error);
            }
            sleep(pause).await;
            tries += 1;
        }
    }
}

fn request<M>(message: M, left: Duration) -> Request<M> {
    let mut request = Request::new(message);
    request.set_timeout(left.min(LONGEST_TIMEOUT));
    request
}

/// When a deadline passes.
pub(crate) fn until(deadline: Duration) -> Instant {
    // What is called without end ends with the machine.
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    Instant::now() + deadline.min(CENTURY)
}

/// A random time up to a limit that doubles each time, so that callers who failed together do not come back together.
pub(crate) fn pause(tries: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << tries.min(8)).min(LONGEST_PAUSE);
    // Without randomness all the same, only less politely.
    let share = getrandom::u32().unwrap_or(u32::MAX);
    longest.mul_f64(f64::from(share) / f64::from(u32::MAX))
}
