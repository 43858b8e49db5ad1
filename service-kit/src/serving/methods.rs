//! The methods that exist. Anyone can ask for any path, and what they make up must not become a name in metrics, traces or logs.

use std::collections::HashMap;
use std::sync::Arc;

use prost::{DecodeError, Message as _};
use prost_types::FileDescriptorSet;

/// Stands for every path that is no method (OpenTelemetry semantic conventions for RPC, `rpc.method`).
const OTHER: &str = "_OTHER";

/// What a path asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Method {
    /// A method with one answer, such as `bonafide.store.v1.StoreService/GetSession`.
    Answers(Arc<str>),
    /// A method with a stream of answers.
    Streams(Arc<str>),
    /// Nothing that exists.
    Unknown,
}

impl Method {
    /// Its name for telemetry.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Answers(name) | Self::Streams(name) => name,
            Self::Unknown => OTHER,
        }
    }
}

/// All methods by their names.
pub(super) struct Methods(HashMap<Arc<str>, Method>);

impl Methods {
    /// The methods of an encoded `FileDescriptorSet`.
    pub(super) fn of(descriptors: &[u8]) -> Result<Self, DecodeError> {
        let mut methods = HashMap::new();
        for file in FileDescriptorSet::decode(descriptors)?.file {
            for service in &file.service {
                for method in &service.method {
                    let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                    let name: Arc<str> = name.into();
                    let streams = method.server_streaming();
                    let method = if streams { Method::Streams } else { Method::Answers };
                    methods.insert(Arc::clone(&name), method(name));
                }
            }
        }
        Ok(Self(methods))
    }

    /// The method at a request's path.
    pub(super) fn at(&self, path: &str) -> Method {
        let name = path.strip_prefix('/').unwrap_or(path);
        self.0.get(name).cloned().unwrap_or(Method::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_has_one_name() {
        let methods = Methods::of(proto::DESCRIPTOR_SET).expect("our own");
        let answers = methods.at("/bonafide.document.v1.DocumentCheckService/CheckDocument");
        assert_eq!(
            answers.name(),
            "bonafide.document.v1.DocumentCheckService/CheckDocument"
        );
        assert!(matches!(answers, Method::Answers(_)));
        let streams = methods.at("/bonafide.identity.v1.VerificationSessionService/WatchVerificationSession");
        assert!(matches!(streams, Method::Streams(_)));
        for path in [
            "",
            "/",
            "/ANNA MARIA",
            "/bonafide.document.v1.DocumentCheckService/Anna",
        ] {
            assert_eq!(methods.at(path).name(), "_OTHER", "{path}");
        }
    }
}
