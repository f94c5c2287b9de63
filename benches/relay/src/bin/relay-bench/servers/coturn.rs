//! coturn, where `turnserver` is installed: one relay thread, nothing but UDP, no configuration file.

use super::{Auth, REALM, SECRET, USER, free_port};
use anyhow::Context as _;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use relay_bench::null::relay_ip;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use wire::stun::AddressFamily;

const PROGRAM: &str = "turnserver";

/// Where the program is, if it is installed.
pub(crate) fn installed() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(PROGRAM)).find(|path| path.is_file())
}

/// `coturn` and its version, as it says itself.
pub(crate) fn version() -> Option<String> {
    let output = Command::new(installed()?).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(format!("coturn {}", text.lines().next().unwrap_or_default().trim()))
}

/// Tells the address and becomes coturn, which ends with the parent of this process.
pub(crate) fn serve(listen: SocketAddr, auth: Auth) -> anyhow::Result<()> {
    let program = installed().context("turnserver is not installed")?;
    let address = free_port(listen)?;
    let mut command = Command::new(program);
    command.args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp", "--no-stdout-log", "--allow-loopback-peers"]);
    command.args(["--log-file", "/dev/null", "--pidfile", "/dev/null", "--relay-threads", "1", "--realm", REALM]);
    command.args(["--listening-ip", &address.ip().to_string(), "--listening-port", &address.port().to_string()]);
    for family in [AddressFamily::IPV4, AddressFamily::IPV6] {
        // A host without the other family has no such address to relay from.
        if let Some(ip) = relay_ip(address.ip(), family).filter(|ip| std::net::UdpSocket::bind((*ip, 0)).is_ok()) {
            command.args(["--relay-ip", &ip.to_string()]);
        }
    }
    match auth {
        Auth::None => command.arg("--no-auth"),
        Auth::LongTerm => command.args(["--lt-cred-mech", "--user", &format!("{USER}:{USER}")]),
        Auth::RestSecret => command.args(["--use-auth-secret", "--static-auth-secret", SECRET]),
    };
    set_pdeathsig(Signal::SIGKILL).context("coturn cannot be tied to this program")?;
    super::tell(address)?;
    let error = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).exec();
    Err(error).context("turnserver does not start")
}
