//! Compiles the `.proto` files with protox, so that no `protoc` is needed.

use std::fmt::Write as _;
use std::path::PathBuf;

use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorSet};

const FILES: &[&str] = &[
    "bonafide/identity/v1/types.proto",
    "bonafide/identity/v1/session.proto",
    "bonafide/identity/v1/capture.proto",
    "bonafide/identity/v1/report.proto",
    "bonafide/identity/v1/file.proto",
    "bonafide/identity/v1/test_helper.proto",
    "bonafide/face/v1/face.proto",
    "bonafide/document/v1/document.proto",
    "bonafide/selfie/v1/selfie.proto",
    "bonafide/store/v1/queue.proto",
    "bonafide/store/v1/store.proto",
    "bonafide/store/v1/records.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // tonic-build keeps its own rerun switch but does not act on it.
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptor_set.bin"), descriptors.encode_to_vec())?;
    for package in ["identity", "face", "document", "selfie", "store"] {
        let package = format!("bonafide.{package}.v1");
        let debug = opaque_debug(&descriptors, &package);
        std::fs::write(out.join(format!("{package}.debug.rs")), debug)?;
    }
    tonic_prost_build::configure()
        .skip_debug(["."])
        .compile_fds(descriptors)?;
    Ok(())
}

/// `Debug` for every type of a package; messages show their name alone.
///
/// Messages carry pictures, names and document numbers. A derived `Debug` would put them into a log the first time that
/// somebody writes `?request`.
fn opaque_debug(descriptors: &FileDescriptorSet, package: &str) -> String {
    let mut code = String::new();
    let files = descriptors.file.iter().filter(|file| file.package() == package);
    for file in files {
        for message in &file.message_type {
            debug_of_message(message, &mut code);
        }
        for value in &file.enum_type {
            debug_of_enum(value.name(), &mut code);
        }
    }
    code
}

fn debug_of_message(message: &DescriptorProto, code: &mut String) {
    // Types nested in a message live in a module of their own; of messages, the contract has only map entries there.
    assert!(
        message
            .nested_type
            .iter()
            .all(|nested| nested.options.as_ref().is_some_and(|options| options.map_entry())),
        "nested message types need a Debug of their own: {}",
        message.name()
    );
    let name = message.name();
    debug(name, &format!("\"{name} {{ .. }}\""), code);
    for value in &message.enum_type {
        debug_of_enum(&format!("{}::{}", snake_case(name), value.name()), code);
    }
}

/// Enums hold no personal data: they show their value.
fn debug_of_enum(path: &str, code: &mut String) {
    debug(path, "self.as_str_name()", code);
}

fn debug(path: &str, shown: &str, code: &mut String) {
    let _ = writeln!(
        code,
        "impl ::core::fmt::Debug for {path} {{\n    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{\n        f.write_str({shown})\n    }}\n}}"
    );
}

/// The name that prost gives to the module of a message's nested types.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
