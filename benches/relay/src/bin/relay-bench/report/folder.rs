//! All renderings of a report as files of a folder. Each is written beside its place and moved there, so that none is ever half there.

use super::{Format, Report, render};
use anyhow::Context as _;
use std::fs;
use std::path::Path;

/// Name of the file of each format.
const FILES: [(&str, Format); 6] = [
    ("report.json", Format::Json),
    ("report.csv", Format::Csv),
    ("report.md", Format::Md),
    ("report.html", Format::Html),
    ("report.prom", Format::Openmetrics),
    ("report.txt", Format::Human),
];

/// Creates the folder, if it is not there yet, and sees whether it can be written to.
pub(crate) fn prepare(folder: &Path) -> anyhow::Result<()> {
    let place = folder.display();
    fs::create_dir_all(folder).with_context(|| format!("--out {place} cannot be made"))?;
    let probe = folder.join(".relay-bench");
    fs::write(&probe, "").and_then(|()| fs::remove_file(&probe)).with_context(|| format!("--out {place} cannot be written to"))
}

/// Writes all files.
pub(crate) fn write(report: &Report, folder: &Path) -> anyhow::Result<()> {
    for (name, format) in FILES {
        let (path, beside) = (folder.join(name), folder.join(format!(".{name}.part")));
        let written = fs::write(&beside, render(report, format)?).and_then(|()| fs::rename(&beside, &path));
        written.with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}
