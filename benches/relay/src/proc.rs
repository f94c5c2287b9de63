//! CPU time and dropped datagrams as Linux tells them under `/proc`, without privileges. Elsewhere there is nothing to read, and nothing is claimed.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::ops::Sub;

/// CPU time of one or more threads, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// On a processor.
    pub run: u64,
    /// Ready to run while others had the processor.
    pub wait: u64,
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { run: self.run.saturating_sub(earlier.run), wait: self.wait.saturating_sub(earlier.wait) }
    }
}

/// CPU time of each thread of a process by thread id; empty where the system does not tell.
#[must_use]
pub fn threads(process: u32) -> BTreeMap<u32, Cpu> {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/task")) else { return BTreeMap::new() };
    let thread = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        Some((id, schedstat(&fs::read_to_string(entry.path().join("schedstat")).ok()?)?))
    };
    entries.filter_map(Result::ok).filter_map(thread).collect()
}

/// Resident memory of a process in kB; `None` where the system does not tell.
#[must_use]
pub fn resident_kb(process: u32) -> Option<u64> {
    resident(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// The line `VmRSS:     1234 kB` (proc_pid_status(5)).
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// CPU time of the calling thread.
#[must_use]
pub fn own_thread() -> Option<Cpu> {
    schedstat(&fs::read_to_string("/proc/thread-self/schedstat").ok()?)
}

/// `run wait timeslices`, the first two in ns (Documentation/scheduler/sched-stats).
fn schedstat(text: &str) -> Option<Cpu> {
    let mut words = text.split_whitespace().map(str::parse);
    Some(Cpu { run: words.next()?.ok()?, wait: words.next()?.ok()? })
}

/// Datagrams that the kernel dropped at the UDP sockets of this host since these were opened, by local port. Sockets of several addresses may share a
/// port: their drops are added up. Empty where the system does not tell; what was lost there then stays unexplained.
#[must_use]
pub fn udp_drops() -> BTreeMap<u16, u64> {
    let mut drops = BTreeMap::new();
    for table in ["/proc/net/udp", "/proc/net/udp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            if let Some((port, dropped)) = udp_line(line) {
                *drops.entry(port).or_default() += dropped;
            }
        }
    }
    drops
}

/// Second word `ADDRESS:PORT` in hexadecimal, last word the drops.
fn udp_line(line: &str) -> Option<(u16, u64)> {
    let mut words = line.split_whitespace();
    let (_, port) = words.nth(1)?.rsplit_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, words.last()?.parse().ok()?))
}

/// Drops at these addresses between two readings of [`udp_drops`].
#[must_use]
pub fn dropped_at(addresses: &[SocketAddr], before: &BTreeMap<u16, u64>, after: &BTreeMap<u16, u64>) -> u64 {
    let of = |table: &BTreeMap<u16, u64>, port| table.get(&port).copied().unwrap_or(0);
    addresses.iter().map(|address| of(after, address.port()).saturating_sub(of(before, address.port()))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_socket_table_gives_port_and_drops() {
        let line =
            "  462: 0100007F:0D96 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 550092";
        assert_eq!(udp_line(line), Some((3478, 550_092)));
        assert_eq!(udp_line("nonsense"), None);
    }

    #[test]
    fn schedstat_gives_run_and_wait() {
        assert_eq!(schedstat("1234 56 7\n"), Some(Cpu { run: 1234, wait: 56 }));
        assert_eq!(schedstat(""), None);
    }

    #[test]
    fn the_status_of_a_process_gives_its_memory() {
        assert_eq!(resident("VmPeak:\t  99 kB\nVmRSS:\t    1234 kB\n"), Some(1234));
        assert_eq!(resident("Name: x\n"), None);
    }

    #[test]
    fn drops_before_the_trial_do_not_count() {
        let (before, after) = (BTreeMap::from([(1, 5), (2, 1)]), BTreeMap::from([(1, 8), (2, 1), (3, 9)]));
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(dropped_at(&[address(1), address(2)], &before, &after), 3);
    }
}
