//! Tells the program how it was built: a generator without optimisation measures itself, and the report says so.

fn main() {
    println!("cargo:rustc-env=RELAY_BENCH_PROFILE={}", std::env::var("PROFILE").unwrap_or_default());
    println!("cargo:rerun-if-changed=build.rs");
}
