//! What can go wrong between a package and a tensor.

use std::io;
use std::path::{Path, PathBuf};

/// Why weights or other fetched files are not to be had. Every message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Neither a flag nor the environment names a directory.
    #[error("no directory for models: set BONAFIDE_MODELS or HOME")]
    NoDirectory,
    /// The file system refused.
    #[error("cannot {action} {path}: check that it exists, that you may use it and that there is space")]
    Io {
        /// What was tried, as an infinitive.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// No package client could be started.
    #[error(
        "pip is needed to get models and was not found: install it (Debian: apt install python3-pip) or import files you \
         already have with `bonafide models fetch --from DIR`"
    )]
    PipMissing,
    /// The package client could not get a package.
    #[error(
        "pip could not download {package}: check the network connection and run it again, or import files you already have \
         with `bonafide models fetch --from DIR`{}", said(.detail)
    )]
    Download {
        /// Package and version.
        package: String,
        /// The last error line of the package client, empty when it holds nothing of use.
        detail: String,
    },
    /// What was received is not what was pinned.
    #[error(
        "{file} has the SHA-256 {found} where {expected} is pinned: do not use it; run it again, and if that does not help ask \
         whoever runs the package index or mirror"
    )]
    WrongHash {
        /// Package file, or the file within it.
        file: String,
        /// The pinned hash.
        expected: String,
        /// The hash of what was received.
        found: String,
    },
    /// A directory given for import does not hold what is needed.
    #[error("{directory} holds neither {file} nor {package_file} with the pinned SHA-256: put one of them there")]
    NotInDirectory {
        /// The directory searched.
        directory: PathBuf,
        /// The file itself.
        file: &'static str,
        /// The package that would contain it.
        package_file: &'static str,
    },
    /// A file was to be fetched that no package carries.
    #[error("no package carries {file}: take it from {project} and run `bonafide models fetch --from DIR`")]
    NotPackaged {
        /// The file.
        file: &'static str,
        /// The repository of the project that publishes it.
        project: &'static str,
    },
    /// A directory given for import does not hold the file of a project as the project publishes it.
    #[error(
        "{directory} does not hold {file} with the pinned SHA-256: take it from {project} again, whole and unchanged"
    )]
    NotAsPublished {
        /// The directory searched.
        directory: PathBuf,
        /// The file.
        file: &'static str,
        /// The repository of the project that publishes it.
        project: &'static str,
    },
    /// A package could not be unpacked.
    #[error("cannot unpack {file}: {detail}; run it again")]
    Archive {
        /// The package file.
        file: String,
        /// What is wrong with it.
        detail: String,
    },
    /// An ONNX file is malformed or uses something that the converter does not know.
    #[error("cannot use the onnx file: {0}")]
    Onnx(String),
    /// A PyTorch file is malformed or uses something that the converter does not know.
    #[error("cannot use the PyTorch file: {0}")]
    PyTorch(String),
    /// Converted weights could not be written as a file.
    #[error("cannot write converted weights: {0}")]
    Unwritable(String),
    /// A file is not in the store.
    #[error("{0} is not there yet: run `bonafide models fetch`")]
    Absent(&'static str),
    /// A file in the store is not what was written there.
    #[error("{0} is damaged: run `bonafide models fetch` to replace it")]
    Damaged(&'static str),
    /// A network asks for a tensor that the weights do not have.
    #[error("the weights of {model} have no tensor {name}: these are weights of another network")]
    MissingTensor {
        /// The weights' model.
        model: String,
        /// The tensor asked for.
        name: String,
    },
    /// A network asks for a tensor in another shape.
    #[error(
        "tensor {name} of {model} has the shape {found:?} where {expected:?} is needed: these are weights of another network"
    )]
    WrongShape {
        /// The weights' model.
        model: String,
        /// The tensor asked for.
        name: String,
        /// The shape asked for.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// A network asks for a property that the model file did not carry.
    #[error("the weights of {model} have no property {key}: these are weights of another network")]
    MissingProperty {
        /// The weights' model.
        model: String,
        /// The property asked for.
        key: String,
    },
    /// The device refused a tensor.
    #[error("cannot place the weights on the device")]
    Device(#[from] candle_core::Error),
}

impl ModelError {
    /// Makes the closure for `map_err` that remembers what was tried on which path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ModelError {
        let path = path.to_path_buf();
        move |source| ModelError::Io { action, path, source }
    }
}

fn said(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(" (pip said: {detail})")
    }
}
