//! Where the files of a suite come from: the folder of the source tree as it was at build time, or folders that the user names.

use super::Released;
use super::settings::Settings;
use anyhow::Context as _;
use include_dir::{Dir, include_dir};
use std::path::{Path, PathBuf};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios");

/// Folders of the suite that hold no scenarios to run.
const NOT_SCENARIOS: &[&str] = &["expected/", "topologies/", "invalid/"];

/// A file with its path below its folder.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

impl SourceFile {
    /// The path without its extension.
    pub(crate) fn id(&self) -> String {
        self.path.strip_suffix(".yaml").unwrap_or(&self.path).to_owned()
    }

    /// The file name without its extension.
    pub(crate) fn stem(&self) -> String {
        let id = self.id();
        id.rsplit('/').next().unwrap_or(&id).to_owned()
    }
}

/// Where scenarios and expectations come from.
pub(crate) struct Source {
    pub(crate) scenarios: Option<PathBuf>,
    pub(crate) expected: Option<PathBuf>,
}

impl Source {
    /// What a command was told, else `natproof.toml` in the working directory, else what is built in.
    ///
    /// # Errors
    ///
    /// See [`Settings::of`].
    pub(crate) fn told(scenarios: Option<PathBuf>, expected: Option<PathBuf>) -> anyhow::Result<Self> {
        let settings = Settings::of(Path::new("."))?;
        Ok(Self { scenarios: scenarios.or(settings.scenarios), expected: expected.or(settings.expected) })
    }

    /// What the last released version had.
    pub(crate) fn released(&self) -> anyhow::Result<Released> {
        let path = "released.txt";
        let text = match &self.scenarios {
            Some(folder) => match std::fs::read_to_string(folder.join(path)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                text => text.with_context(|| format!("read {}", folder.join(path).display()))?,
            },
            None => BUILT_IN.get_file(path).and_then(|file| file.contents_utf8()).unwrap_or_default().to_owned(),
        };
        Ok(Released::parse(&text))
    }

    pub(crate) fn scenarios(&self) -> anyhow::Result<Vec<SourceFile>> {
        let files = self.suite_files()?;
        Ok(files.into_iter().filter(|file| !NOT_SCENARIOS.iter().any(|folder| file.path.starts_with(folder))).collect())
    }

    pub(crate) fn topologies(&self) -> anyhow::Result<Vec<SourceFile>> {
        Ok(self.suite_files()?.into_iter().filter(|file| file.path.starts_with("topologies/")).collect())
    }

    pub(crate) fn expectations(&self) -> anyhow::Result<Vec<SourceFile>> {
        if let Some(folder) = &self.expected {
            return read_folder(folder, folder);
        }
        Ok(self.suite_files()?.into_iter().filter(|file| file.path.starts_with("expected/")).collect())
    }

    fn suite_files(&self) -> anyhow::Result<Vec<SourceFile>> {
        let mut files = match &self.scenarios {
            Some(folder) => read_folder(folder, folder)?,
            None => built_in(&BUILT_IN),
        };
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

fn built_in(folder: &Dir<'_>) -> Vec<SourceFile> {
    let own = folder.files().filter(|file| file.path().extension().is_some_and(|extension| extension == "yaml"));
    let own = own.map(|file| SourceFile { path: file.path().to_string_lossy().into_owned(), bytes: file.contents().to_vec() });
    own.chain(folder.dirs().flat_map(built_in)).collect()
}

fn read_folder(root: &Path, folder: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(read_folder(root, &path)?);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            // A file that is far too large is refused by its size, not read into memory.
            let size = std::fs::metadata(&path)?.len();
            let bytes = if size > 4 * harness::scenario::LARGEST_FILE as u64 {
                vec![b' '; harness::scenario::LARGEST_FILE + 1]
            } else {
                std::fs::read(&path)?
            };
            files.push(SourceFile { path: name, bytes });
        }
    }
    Ok(files)
}
