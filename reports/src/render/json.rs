//! `report.json` and `case.json`: what every other rendering can be made from again.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::record::{Case, CaseFile, Invalid, Run, RunHeader};

/// A growing report is rewritten at most this often.
const REWRITE: Duration = Duration::from_secs(1);
/// And a larger one once per second and this many bytes, so that writing takes a few percent of a run however long it grows.
const REWRITE_BYTES: usize = 1 << 20;

/// A run as text of `report.json`.
pub fn report(run: &Run) -> String {
    pretty(run)
}

/// A case as text of its `case.json`.
pub fn case(case: &CaseFile) -> String {
    let mut text = serde_json::to_string(case).expect("records have string keys and no failing serialiser");
    text.push('\n');
    text
}

fn pretty(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("records have string keys and no failing serialiser");
    text.push('\n');
    text
}

/// Replaces `path` in one step: readers see the old content or the new, at any moment and after any kill. Creates the folder. One
/// writer per path. Nothing is synced to the medium, because a killed process loses nothing that a rename has published.
///
/// # Errors
/// The folder cannot be made, or the file beside `path` cannot be written or renamed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    let beside = PathBuf::from(beside);
    fs::write(&beside, bytes)?;
    fs::rename(&beside, path)
}

/// A `report.json` that grows with its run.
///
/// It exists from the start with `complete: false` and the planned ids, takes results in any order, and is replaced atomically at most
/// every second (every few seconds once it has megabytes), so that a run killed at any moment leaves a valid report that says it is incomplete.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
    run: Run,
    due_at: Duration,
    is_stale: bool,
}

/// Why a result could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The result contradicts the plan or itself.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The report could not be written.
    #[error("write {}: {source}", path.display())]
    Write {
        /// The report.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ReportFile {
    /// Writes the first report.
    ///
    /// # Errors
    /// The report cannot be written.
    pub fn create(path: PathBuf, header: RunHeader, planned: BTreeSet<String>) -> Result<Self, RecordError> {
        let mut file = Self { path, run: Run::started(header, planned), due_at: Duration::ZERO, is_stale: true };
        file.write(Duration::ZERO)?;
        Ok(file)
    }

    /// Adds a finished case; `elapsed` is the real time since the run began.
    ///
    /// # Errors
    /// The case contradicts the plan or itself, or the report cannot be written.
    pub fn record(&mut self, case: Case, elapsed: Duration) -> Result<(), RecordError> {
        self.run.record(case)?;
        self.is_stale = true;
        self.flush(elapsed)
    }

    /// Writes what is new if the last write is long enough ago: for callers that wait long for the next result.
    ///
    /// # Errors
    /// The report cannot be written.
    pub fn flush(&mut self, elapsed: Duration) -> Result<(), RecordError> {
        if self.is_stale && elapsed >= self.due_at { self.write(elapsed) } else { Ok(()) }
    }

    /// The record so far. Its summary is that of the last write.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Writes the last report and hands the record over. `mark` may set `expected` ([`crate::expectation::Gate::mark`]). The report
    /// says `complete` exactly when every planned case was recorded.
    ///
    /// # Errors
    /// The report cannot be written.
    pub fn finish(mut self, mark: impl FnOnce(&mut Run)) -> Result<Run, RecordError> {
        self.run.finish();
        mark(&mut self.run);
        self.write(self.due_at)?;
        Ok(self.run)
    }

    fn write(&mut self, elapsed: Duration) -> Result<(), RecordError> {
        self.run.count();
        let text = report(&self.run);
        write_atomic(&self.path, text.as_bytes()).map_err(|source| RecordError::Write { path: self.path.clone(), source })?;
        self.due_at = elapsed + REWRITE * u32::try_from(1 + text.len() / REWRITE_BYTES).unwrap_or(u32::MAX);
        self.is_stale = false;
        Ok(())
    }
}
