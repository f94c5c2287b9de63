//! The same seed gives the same packets in another process, and another seed gives others.
//!
//! Not under libtest: it runs itself as a child process for each case.

mod case;

use case::{LIMIT, connect, peer, run, say, start};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::{Command, ExitCode};

const SEED: &str = "WEBRTC_TEST_SEED";

fn main() -> ExitCode {
    if let Ok(seed) = std::env::var(SEED) {
        println!("{}", packets(seed.parse().expect("a number")));
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|argument| argument == "--list") {
        println!("the_same_seed_gives_the_same_packets_in_another_process: test");
        return ExitCode::SUCCESS;
    }
    let (first, again, other) = (child(7), child(7), child(8));
    assert!(first.ends_with("packets"), "{first}");
    assert_eq!(first, again, "the same seed");
    assert_ne!(first, other, "another seed");
    println!("the_same_seed_gives_the_same_packets_in_another_process ... ok ({first})");
    ExitCode::SUCCESS
}

fn child(seed: u64) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new(program).env(SEED, seed.to_string()).output().expect("a child process starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().into()
}

/// A digest of times, addresses and bytes of a whole session.
fn packets(seed: u64) -> String {
    run(seed, async {
        let mut case = start(&[peer("a", &["10.0.0.1", "2001:db8::1"]), peer("b", &["10.0.0.2", "2001:db8::2"])]);
        connect(&mut case).await;
        assert!(say(&mut case, "a", "b", "chat", "ping").await && say(&mut case, "b", "a", "chat", "pong").await);
        case.run_for(LIMIT).await;
        let mut digest = DefaultHasher::new();
        for packet in case.packets() {
            (packet.sent, packet.from, packet.to, packet.bytes).hash(&mut digest);
        }
        format!("{:016x} {} packets", digest.finish(), case.packets().len())
    })
}
