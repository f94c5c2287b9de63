//! `natproof.toml` in the working directory: folders that a repository names once, so that its commands need no flags.

use anyhow::Context as _;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The file's name.
pub(crate) const FILE: &str = "natproof.toml";

/// What the file may say. Flags of a command win over it.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Scenarios in place of the built-in ones: `--scenarios`.
    pub(crate) scenarios: Option<PathBuf>,
    /// Expectations in place of the built-in ones: `--expected`.
    pub(crate) expected: Option<PathBuf>,
}

impl Settings {
    /// Reads the file of a folder; without one nothing is set. Paths in it are relative to that folder.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no TOML, or has a key that does not exist: the message names line and column.
    pub(crate) fn of(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        let settings: Self = toml::from_str(&text).with_context(|| format!("{} cannot be read", path.display()))?;
        let below = |named: PathBuf| folder.join(named);
        Ok(Self { scenarios: settings.scenarios.map(below), expected: settings.expected.map(below) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let settings = Settings::of(folder.path())?;
        let relative = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().to_path_buf();
        Ok(Settings { scenarios: settings.scenarios.map(relative), expected: settings.expected.map(relative) })
    }

    #[test]
    fn folders_are_found_beside_the_file() {
        let settings = read("expected = \"ci/expected\"\n").unwrap();
        assert_eq!(settings, Settings { scenarios: None, expected: Some("ci/expected".into()) });
    }

    #[test]
    fn no_file_sets_nothing() {
        assert_eq!(Settings::of(tempfile::tempdir().unwrap().path()).unwrap(), Settings::default());
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place() {
        let message = format!("{:#}", read("scenarios = \"s\"\nexpectd = \"e\"\n").unwrap_err());
        assert!(message.contains("line 2") && message.contains("expectd"), "{message}");
    }
}
