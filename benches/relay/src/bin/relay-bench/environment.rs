//! What the figures depend on besides the servers.

use crate::cpus::Cpus;
use crate::servers::BuiltIn;
use schemars::JsonSchema;
use serde::Serialize;
use std::fs;

/// Where, how and with what a benchmark ran.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Environment {
    /// This program.
    pub(crate) version: &'static str,
    /// `release`, or `debug` for a build whose generator measures itself.
    pub(crate) build: &'static str,
    /// The command line, without the path of the program, passwords and secrets.
    pub(crate) command: String,
    /// Versions of the servers that are not our own.
    pub(crate) servers: Vec<String>,
    pub(crate) kernel: String,
    pub(crate) processor: String,
    /// How many this process may use.
    pub(crate) processors: usize,
    pub(crate) cpus: Cpus,
    /// What the kernel does against leaks between processes; each costs time in every system call.
    pub(crate) mitigations: Vec<String>,
    /// The most that sockets may buffer, in bytes.
    pub(crate) rmem_max: Option<u64>,
    pub(crate) wmem_max: Option<u64>,
    pub(crate) open_files: Option<u64>,
    /// Processes that wanted to run in the last minute before the benchmark, on average.
    pub(crate) load_before: Option<f64>,
    /// Share of processor time that went to other virtual machines during the benchmark, 0 to 1.
    pub(crate) steal: Option<f64>,
    /// Share of processor time, of all processors, that was in use during the benchmark, 0 to 1.
    pub(crate) busy: Option<f64>,
}

impl Environment {
    /// Reads what does not change.
    pub(crate) fn read(cpus: Cpus, open_files: Option<u64>) -> Self {
        let load = text("/proc/loadavg").and_then(|load| load.split(' ').next()?.parse().ok());
        Self {
            version: env!("CARGO_PKG_VERSION"),
            build: env!("RELAY_BENCH_PROFILE"),
            command: without_secrets(std::env::args().skip(1)),
            servers: BuiltIn::versions(),
            kernel: text("/proc/sys/kernel/osrelease").unwrap_or_default(),
            processor: processor().unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            cpus,
            mitigations: mitigations(),
            rmem_max: number("/proc/sys/net/core/rmem_max"),
            wmem_max: number("/proc/sys/net/core/wmem_max"),
            open_files,
            load_before: load,
            steal: None,
            busy: None,
        }
    }
}

/// Options whose values are nobody's business.
const SECRET: [&str; 2] = ["--user", "--secret"];

/// The arguments in one line, with `...` for secret values: reports are passed on.
fn without_secrets(arguments: impl Iterator<Item = String>) -> String {
    let (mut shown, mut hide) = (Vec::new(), false);
    for argument in arguments {
        let name = argument.split_once('=').map_or(argument.as_str(), |(name, _)| name).to_owned();
        let secret = SECRET.contains(&name.as_str());
        shown.push(match argument {
            _ if hide => "...".to_owned(),
            both if secret && both.contains('=') => format!("{name}=..."),
            other => other,
        });
        hide = !hide && secret && shown.last().is_some_and(|last| *last == name);
    }
    shown.join(" ")
}

fn text(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn number(path: &str) -> Option<u64> {
    text(path)?.parse().ok()
}

fn processor() -> Option<String> {
    let info = text("/proc/cpuinfo")?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// `name: what is done`, in the order of names; what does not affect this processor is left out.
fn mitigations() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else { return Vec::new() };
    let line = |entry: fs::DirEntry| {
        let state = fs::read_to_string(entry.path()).ok()?;
        let active = !state.starts_with("Not affected");
        active.then(|| format!("{}: {}", entry.file_name().to_string_lossy(), state.trim()))
    };
    let mut lines: Vec<String> = entries.filter_map(Result::ok).filter_map(line).collect();
    lines.sort();
    lines
}

/// Ticks of all processors since the start of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    total: u64,
    idle: u64,
    steal: u64,
}

impl Ticks {
    pub(crate) fn now() -> Option<Self> {
        Self::parse(&text("/proc/stat")?)
    }

    /// `cpu user nice system idle iowait irq softirq steal ...` (proc_stat(5)); guest time is part of user time.
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line.split_whitespace().take(8).map(|word| word.parse().ok()).collect::<Option<_>>()?;
        Some(Self { total: ticks.iter().sum(), idle: ticks.get(3)? + ticks.get(4)?, steal: *ticks.get(7)? })
    }

    /// Shares of what has passed since `earlier`: busy and steal.
    pub(crate) fn shares_since(self, earlier: Self) -> Option<(f64, f64)> {
        let total = self.total.checked_sub(earlier.total).filter(|total| *total > 0)? as f64;
        let of = |now: u64, then: u64| now.saturating_sub(then) as f64 / total;
        let (idle, steal) = (of(self.idle, earlier.idle), of(self.steal, earlier.steal));
        Some((1.0 - idle - steal, steal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_secrets_are_in_no_report() {
        let shown = |line: &str| without_secrets(line.split(' ').map(str::to_owned));
        assert_eq!(shown("--user a:b --size 100"), "--user ... --size 100");
        assert_eq!(shown("--secret=s --user=a:b --size=100"), "--secret=... --user=... --size=100");
        assert_eq!(shown("--secret --user --user x"), "--secret ... --user ...");
        assert_eq!(shown("--size 100 --secret"), "--size 100 --secret");
    }

    #[test]
    fn shares_are_of_the_time_between() {
        let earlier = Ticks::parse("cpu  10 0 10 80 0 0 0 0 0 0\ncpu0 1").expect("a line for all processors");
        let later = Ticks::parse("cpu  40 0 20 130 0 0 0 10 0 0").expect("a line for all processors");
        let (busy, steal) = later.shares_since(earlier).expect("time has passed");
        assert!((busy - 0.4).abs() < 1e-9 && (steal - 0.1).abs() < 1e-9, "{busy} {steal}");
        assert_eq!(earlier.shares_since(earlier), None);
    }
}
