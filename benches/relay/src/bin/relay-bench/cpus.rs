//! Which processor runs what.

use anyhow::Context as _;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use schemars::JsonSchema;
use serde::Serialize;
use std::str::FromStr;

/// Processors of the servers (all share one) and of the generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Cpus {
    pub(crate) server: usize,
    pub(crate) generator: usize,
}

impl FromStr for Cpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut server, mut generator) = (None, None);
        for part in text.split(',') {
            let (name, number) = part.split_once('=').ok_or("server=N,generator=N")?;
            let number: usize = number.parse().ok().filter(|number| *number < CpuSet::count()).ok_or("N is the number of a processor")?;
            match name {
                "server" => server = Some(number),
                "generator" => generator = Some(number),
                other => return Err(format!("server or generator, not {other}")),
            }
        }
        Ok(Self { server: server.ok_or("server=N is missing")?, generator: generator.ok_or("generator=N is missing")? })
    }
}

impl Cpus {
    /// The first two processors that this process may use, or the only one.
    pub(crate) fn choose() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(Pid::from_raw(0)).context("which processors may be used is not told")?;
        let mut usable = (0..CpuSet::count()).filter(|number| allowed.is_set(*number).unwrap_or(false));
        let generator = usable.next().context("no processor may be used")?;
        Ok(Self { generator, server: usable.next().unwrap_or(generator) })
    }

    /// Whether server and generator take time from each other: then no rate means anything.
    pub(crate) fn shared(self) -> bool {
        self.server == self.generator
    }
}

/// Keeps the calling thread, and what it starts from now on, on a processor.
pub(crate) fn pin(number: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(number)?;
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("processor {number} may not be used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_processors_are_named() {
        assert_eq!("generator=0,server=1".parse(), Ok(Cpus { server: 1, generator: 0 }));
        for wrong in ["", "server=1", "generator=1", "server=a,generator=0", "server=1,client=0", "server=99999,generator=0"] {
            assert!(wrong.parse::<Cpus>().is_err(), "{wrong}");
        }
    }
}
