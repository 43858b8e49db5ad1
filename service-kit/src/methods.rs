//! The methods that exist, and what the contract says of each: whether it answers with a stream, and whether it is safe to send
//! again.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::{DecodeError, Message as _};
use prost_types::FileDescriptorSet;
use prost_types::method_options::IdempotencyLevel;

/// Stands for every path that is no method (OpenTelemetry semantic conventions for RPC, `rpc.method`). Anyone can ask for any
/// path, and what they make up must not become a name in metrics, traces or logs.
const OTHER: &str = "_OTHER";

/// A method of the contract.
#[derive(Debug)]
pub(crate) struct Method {
    name: String,
    /// Whether its answers are a stream.
    pub(crate) streams: bool,
    /// Whether two calls do no more than one: `idempotency_level` is NO_SIDE_EFFECTS or IDEMPOTENT.
    pub(crate) idempotent: bool,
}

/// Its name for telemetry, such as `bonafide.store.v1.StoreService/GetSession`.
pub(crate) fn name(method: Option<&'static Method>) -> &'static str {
    method.map_or(OTHER, |method| &method.name)
}

/// All methods by their names.
#[derive(Debug)]
pub(crate) struct Methods(HashMap<String, Method>);

impl Methods {
    /// Those of our contract.
    pub(crate) fn ours() -> Result<&'static Self, DecodeError> {
        static OURS: LazyLock<Result<Methods, DecodeError>> = LazyLock::new(|| Methods::of(proto::DESCRIPTOR_SET));
        OURS.as_ref().map_err(Clone::clone)
    }

    /// The methods of an encoded `FileDescriptorSet`.
    fn of(descriptors: &[u8]) -> Result<Self, DecodeError> {
        let mut methods = HashMap::new();
        for file in FileDescriptorSet::decode(descriptors)?.file {
            for service in &file.service {
                for method in &service.method {
                    let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                    let level = method.options.as_ref().map(|options| options.idempotency_level());
                    let method = Method {
                        name: name.clone(),
                        streams: method.server_streaming(),
                        idempotent: match level {
                            Some(IdempotencyLevel::NoSideEffects | IdempotencyLevel::Idempotent) => true,
                            Some(IdempotencyLevel::IdempotencyUnknown) | None => false,
                        },
                    };
                    methods.insert(name, method);
                }
            }
        }
        Ok(Self(methods))
    }

    /// The method at a request's path; `None` when there is none.
    pub(crate) fn at(&'static self, path: &str) -> Option<&'static Method> {
        self.0.get(path.strip_prefix('/').unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_has_one_name() {
        let methods = Methods::ours().expect("our own");
        let answers = methods.at("/bonafide.document.v1.DocumentCheckService/CheckDocument");
        assert_eq!(name(answers), "bonafide.document.v1.DocumentCheckService/CheckDocument");
        assert!(answers.is_some_and(|method| !method.streams));
        let streams = methods.at("/bonafide.identity.v1.VerificationSessionService/WatchVerificationSession");
        assert!(streams.is_some_and(|method| method.streams));
        for path in [
            "",
            "/",
            "/ANNA MARIA",
            "/bonafide.document.v1.DocumentCheckService/Anna",
        ] {
            assert_eq!(name(methods.at(path)), "_OTHER", "{path}");
        }
    }

    /// Whoever adds a method decides: it is marked in the contract, or named here.
    #[test]
    fn what_is_not_safe_to_send_again_is_known() {
        let methods = Methods::ours().expect("our own");
        let mut not_idempotent: Vec<_> = methods.0.values().filter(|method| !method.idempotent).collect();
        not_idempotent.sort_by_key(|method| &method.name);
        let names: Vec<_> = not_idempotent.iter().map(|method| method.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "bonafide.identity.v1.CaptureService/SubmitVerificationSession",
                "bonafide.identity.v1.CaptureService/UploadImage",
                "bonafide.identity.v1.TestHelperService/SimulateVerification",
                "bonafide.identity.v1.VerificationSessionService/CancelVerificationSession",
                "bonafide.identity.v1.VerificationSessionService/CreateVerificationSession",
                "bonafide.identity.v1.VerificationSessionService/UpdateVerificationSession",
                "bonafide.store.v1.QueueService/FailJob",
                "bonafide.store.v1.StoreService/CancelSession",
                "bonafide.store.v1.StoreService/CreateSession",
                "bonafide.store.v1.StoreService/PutImage",
                "bonafide.store.v1.StoreService/SimulateSession",
                "bonafide.store.v1.StoreService/SubmitSession",
                "bonafide.store.v1.StoreService/UpdateSession",
            ]
        );
    }
}
