//! What a server answers, and what it tells of that by reflection: the same, since both are made from one list.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use bytes::Bytes;
use http::{Request, Response};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic_health::pb::health_server::{HealthServer, SERVICE_NAME as HEALTH};
use tonic_health::server::HealthService;
use tonic_reflection::pb::v1::server_reflection_server::SERVICE_NAME as REFLECTION;
use tonic_reflection::server::{Builder, Error};
use tower::{BoxError, Service};

use super::plain_http::Route;

/// The gRPC services of one server, and what it answers over plain HTTP beside them.
#[derive(Default)]
pub struct Services {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    http: Vec<Route>,
}

impl Services {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service of our contract.
    #[must_use]
    pub fn with<S, B>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + NamedService + Clone + Send + Sync,
        S: 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.names.push(S::NAME);
        self.routes.add_service(service);
        self
    }

    /// Answers plain HTTP, too, where the server is a public one: requests whose path begins as `route` does, up to the first variable
    /// in it. `route` is all that telemetry is told of their path, such as `/v1/files/{file}/contents`.
    #[must_use]
    pub fn with_http<F>(
        mut self,
        route: &'static str,
        handler: impl Fn(Request<Body>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        self.http.push(Route::new(route, handler));
        self
    }

    /// All routes of a server: these services, the health check and reflection; and those of plain HTTP.
    pub(super) fn routes(mut self, health: HealthServer<HealthService>) -> Result<(Routes, Vec<Route>), Error> {
        let mut reflection = Builder::configure()
            .register_file_descriptor_set(descriptors(&self.names)?)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        for name in self.names.iter().chain([&HEALTH, &REFLECTION]) {
            reflection = reflection.with_service_name(*name);
        }
        self.routes.add_service(health);
        self.routes.add_service(reflection.build_v1()?);
        Ok((self.routes.routes(), self.http))
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.names).entries(&self.http).finish()
    }
}

/// The files that define these services, and those that they import.
fn descriptors(services: &[&str]) -> Result<FileDescriptorSet, Error> {
    let all = FileDescriptorSet::decode(proto::DESCRIPTOR_SET)?.file;
    let defines = |file: &prost_types::FileDescriptorProto| {
        let name = |service: &prost_types::ServiceDescriptorProto| format!("{}.{}", file.package(), service.name());
        file.service
            .iter()
            .any(|service| services.contains(&name(service).as_str()))
    };
    let mut wanted: BTreeSet<String> = all
        .iter()
        .filter(|file| defines(file))
        .map(|file| file.name().to_owned())
        .collect();
    // Files stand after those that they import.
    for file in all.iter().rev() {
        if wanted.contains(file.name()) {
            wanted.extend(file.dependency.iter().cloned());
        }
    }
    let file = all.into_iter().filter(|file| wanted.contains(file.name())).collect();
    Ok(FileDescriptorSet { file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_services_are_described_without_internal_ones() {
        let names = |services: &[&str]| -> Vec<String> {
            let set = descriptors(services).expect("our own");
            set.file.iter().map(|file| file.name().to_owned()).collect()
        };
        let public = names(&["bonafide.identity.v1.CaptureService"]);
        assert!(public.contains(&"bonafide/identity/v1/capture.proto".to_owned()));
        assert!(
            public
                .iter()
                .all(|name| name.starts_with("bonafide/identity/v1/") || name.starts_with("google/protobuf/")),
            "{public:?}"
        );
        let internal = names(&["bonafide.store.v1.StoreService"]);
        for imported in ["bonafide/store/v1/store.proto", "bonafide/document/v1/document.proto"] {
            assert!(internal.contains(&imported.to_owned()), "{internal:?}");
        }
        assert!(names(&["bonafide.nobody.v1.Service"]).is_empty());
    }
}
