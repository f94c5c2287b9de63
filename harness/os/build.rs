//! Sets `cfg(interposed)` where libc functions can be defined in the executable, so that the condition stands in one place.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(interposed)");
    let target = |name: &str| var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    // The fixed seven-register signature of `syscall` is call-compatible with C's variadic one on these two ABIs. A static glibc has no second definition to
    // forward to.
    let possible = target("OS") == "linux"
        && target("ENV") == "gnu"
        && ["x86_64", "aarch64"].contains(&target("ARCH").as_str())
        && !target("FEATURE").split(',').any(|f| f == "crt-static");
    if possible && var("CARGO_FEATURE_INTERPOSE").is_ok() {
        println!("cargo::rustc-cfg=interposed");
    }
}
