//! The files of a case: its capture, which grows while the case runs, and its record.
//!
//! What stands in the folder belongs to this run from the start, so that a case that is killed is never read with the capture of an older run. Nothing is
//! renamed over a file: file systems take that for a sign that the data must reach the medium at once, and a run has thousands of them.

use harness::trace::{CaptureError, StreamedCapture};
use reports::record::CaseFile;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const CAPTURE: &str = "trace.pcapng";
const ANNOTATED: &str = "trace.pcapng.part";
const RECORD: &str = "case.json";
/// Octets of an annotated capture that are written at once.
const BUFFER: usize = 1 << 16;

/// Removes what an older run left.
///
/// # Errors
/// When something is there and cannot be removed.
pub(crate) fn clear(folder: &Path) -> io::Result<()> {
    for name in [CAPTURE, ANNOTATED, RECORD] {
        remove(&folder.join(name))?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A capture's file, which is made when the first octets arrive: most cases end before.
pub(crate) struct Growing {
    path: PathBuf,
    file: Option<File>,
}

impl Growing {
    /// The capture of the case of this folder.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { path: folder.join(CAPTURE), file: None }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            self.file = Some(File::options().read(true).write(true).create_new(true).open(&self.path)?);
        }
        Ok(self.file.as_mut().expect("it was just opened"))
    }
}

impl Write for Growing {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.file()?.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

impl Read for Growing {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        self.file()?.read(octets)
    }
}

impl Seek for Growing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file()?.seek(to)
    }
}

/// Writes the annotated capture in place of the one that grew, and the record.
///
/// # Errors
/// When the folder takes no more.
pub(crate) fn write(
    folder: &Path,
    record: &CaseFile,
    capture: StreamedCapture<Growing>,
    annotate: impl FnOnce(StreamedCapture<Growing>, &mut BufWriter<File>) -> Result<(), CaptureError>,
) -> anyhow::Result<()> {
    let (grown, annotated) = (folder.join(CAPTURE), folder.join(ANNOTATED));
    let has_grown = capture.has_spilled();
    let mut sink = BufWriter::with_capacity(BUFFER, File::create(&annotated)?);
    annotate(capture, &mut sink)?;
    sink.flush()?;
    if has_grown {
        os::process::exchange(&annotated, &grown)?;
        remove(&annotated)?;
    } else {
        std::fs::rename(&annotated, &grown)?;
    }
    reports::render::json::write_atomic(&folder.join(RECORD), reports::render::json::case(record).as_bytes())?;
    Ok(())
}
