//! Rules that the `.proto` files keep.

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// What people call, and what these packages may import.
const PUBLIC: [&str; 3] = ["bonafide.identity.v1", "bonafide.face.v1", "google.protobuf"];

fn files() -> Vec<FileDescriptorProto> {
    FileDescriptorSet::decode(crate::DESCRIPTOR_SET).expect("our own").file
}

/// All messages of ours, with their packages.
fn messages() -> Vec<(String, DescriptorProto)> {
    let ours = files()
        .into_iter()
        .filter(|file| file.package().starts_with("bonafide."));
    ours.flat_map(|file| {
        let package = file.package().to_owned();
        let named = move |message| (package.clone(), message);
        file.message_type.into_iter().map(named)
    })
    .collect()
}

#[test]
fn public_packages_import_public_ones_alone() {
    let files = files();
    let package = |name: &str| {
        let file = files.iter().find(|file| file.name() == name);
        file.expect("imports are there").package()
    };
    for file in files.iter().filter(|file| PUBLIC.contains(&file.package())) {
        for import in &file.dependency {
            assert!(PUBLIC.contains(&package(import)), "{} imports {import}", file.name());
        }
    }
}

#[test]
fn messages_are_not_optional_since_they_always_are() {
    for (_, message) in messages() {
        for field in &message.field {
            let optional = field.proto3_optional() && field.r#type() == Type::Message;
            assert!(!optional, "{}.{}", message.name(), field.name());
        }
    }
}

/// `id` is what an object calls itself. Who refers to it says what it is.
#[test]
fn requests_name_sessions_and_reports_in_one_way() {
    let requests: Vec<_> = messages()
        .into_iter()
        .filter(|(_, message)| message.name().ends_with("Request"))
        .collect();
    assert!(requests.len() > 20);
    for (package, message) in requests {
        for field in message.field.iter().filter(|field| field.r#type() == Type::String) {
            let other = ["id", "session", "session_id", "report", "report_id"].contains(&field.name());
            assert!(!other, "{package}.{}.{}", message.name(), field.name());
        }
    }
}
