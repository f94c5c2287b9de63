//! Calls of cargo.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map_or(own.clone(), PathBuf::from)
}

/// A call of the cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Features of a build.
pub(crate) fn features(full: bool) -> &'static [&'static str] {
    if full { &["--features", "natproof/full"] } else { &[] }
}

/// Builds natproof and becomes it.
pub(crate) fn natproof(full: bool, arguments: &[String]) -> ExitCode {
    let mut build = cargo();
    build.args(["build", "--quiet", "--package", "natproof", "--bin", "natproof"]).args(features(full));
    built(&mut build, "natproof").unwrap_or_else(|| become_program(Command::new(program("natproof")).args(arguments)))
}

/// Builds relay-bench, optimised since it would measure itself otherwise, and becomes it.
pub(crate) fn relay_bench(arguments: &[String]) -> ExitCode {
    let mut build = cargo();
    build.args(["build", "--quiet", "--release", "--package", "relay-bench", "--bin", "relay-bench"]);
    built(&mut build, "relay-bench").unwrap_or_else(|| become_program(Command::new(program("../release/relay-bench")).args(arguments)))
}

/// Runs a build; an exit code where it has failed.
fn built(build: &mut Command, name: &str) -> Option<ExitCode> {
    match build.status() {
        Ok(status) if status.success() => return None,
        Ok(_) => eprintln!("cargo xtask: {name} does not build"),
        Err(error) => eprintln!("cargo xtask: cannot call cargo: {error}"),
    }
    Some(ExitCode::from(3))
}

/// Where cargo has put a program, seen from our own folder.
fn program(path: &str) -> PathBuf {
    let beside = env::current_exe().ok().and_then(|own| own.parent().map(|folder| folder.join(path)));
    beside.unwrap_or_else(|| path.into())
}

/// Replaces this process, so that signals and the exit code are the program's own.
fn become_program(command: &mut Command) -> ExitCode {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        let error = command.exec();
        eprintln!("cargo xtask: cannot start {}: {error}", command.get_program().to_string_lossy());
        ExitCode::from(3)
    }
    #[cfg(not(unix))]
    match command.status() {
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(3)),
        Err(_) => ExitCode::from(3),
    }
}
