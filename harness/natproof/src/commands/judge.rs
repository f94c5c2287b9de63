//! `judge`: the checks on a capture, whoever made it.

use crate::cli::JudgeArguments;
use harness::check::{Context, Credentials, Judgement, Level, Party, catalogue, judge as run_checks};
use harness::scenario::model::RoleName;
use harness::trace::{Trace, read_capture};
use reports::exit::Exit;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use wire::stun::{Class, Message};

/// Judges every server that is named or that answers STUN requests, and every address that sends them.
pub(super) fn judge(options: &JudgeArguments) -> anyhow::Result<Exit> {
    let opened = std::fs::File::open(&options.capture).map_err(anyhow::Error::from);
    let read = opened.and_then(|file| Ok(read_capture(std::io::BufReader::new(file))?));
    let (mut trace, skipped) = match read {
        Ok(read) => read,
        Err(error) => {
            eprintln!("natproof: {}: {error:#}", options.capture.display());
            return Ok(Exit::Usage);
        }
    };
    let context = context(&trace, options);
    if context.parties.is_empty() {
        eprintln!("natproof: the capture shows no STUN message; name the servers with --server");
        return Ok(Exit::NothingSelected);
    }
    let addresses: Vec<Vec<IpAddr>> = context.parties.iter().map(|party| party.addresses.clone()).collect();
    let numbers = trace.place(&addresses);
    println!("{} packets, {skipped} left out; {} parties", trace.packets().count(), context.parties.len());
    let mut violations = 0;
    for record in run_checks(&trace, &context, &catalogue(), &BTreeSet::new()) {
        let (word, observed, frames) = match record.judgement {
            Judgement::NotApplicable => continue,
            Judgement::Pass { observed, frames } => ("pass", observed, frames),
            Judgement::Inconclusive { reason } => ("inconclusive", reason, Vec::new()),
            Judgement::Violation { observed, frames, .. } => {
                violations += 1;
                (if record.level == Level::Should { "deviates" } else { "fail" }, observed, frames)
            }
        };
        let subject = &context.parties[record.subject].name;
        let frames: Vec<u32> = frames.iter().filter_map(|frame| numbers.get((*frame as usize).checked_sub(1)?).copied()).collect();
        println!("{word:>14}  {} on {subject} ({}): {observed} {frames:?}", record.id, record.clauses.join(", "));
    }
    Ok(if violations > 0 { Exit::Unexpected } else { Exit::AsExpected })
}

/// Who is who: servers as named or by their answers; whoever sends requests is a client.
fn context(trace: &Trace, options: &JudgeArguments) -> Context {
    let mut roles: BTreeMap<IpAddr, (RoleName, u16)> = BTreeMap::new();
    for server in &options.server {
        roles.insert(server.ip(), (RoleName::TurnServer, server.port()));
    }
    for (_, _, packet) in trace.packets() {
        let (Some(source), Some(destination), Some(payload)) =
            (packet.packet.udp_source(), packet.packet.udp_destination(), packet.packet.udp_payload())
        else {
            continue;
        };
        let Ok(message) = Message::parse(payload) else { continue };
        if message.class() == Class::Request && options.server.contains(&destination) {
            let role = if message.method().is_turn() { RoleName::TurnClient } else { RoleName::StunClient };
            roles.entry(source.ip()).or_insert((role, source.port()));
        } else if message.class() == Class::Request && options.server.is_empty() && message.method().is_turn() {
            roles.entry(destination.ip()).or_insert((RoleName::TurnServer, destination.port()));
            roles.entry(source.ip()).or_insert((RoleName::TurnClient, source.port()));
        }
    }
    let party = |(address, (role, port)): (IpAddr, (RoleName, u16))| {
        let name = SocketAddr::new(address, port).to_string();
        Party {
            implementation: Some(name.clone()),
            name,
            role,
            addresses: vec![address],
            port,
            offerer: false,
            gathering_by_adapter: false,
            credentials: Vec::new(),
            dtls_mtu: None,
        }
    };
    let credentials = match (&options.realm, &options.user, &options.password) {
        (Some(realm), Some(username), Some(password)) => {
            vec![Credentials { realm: realm.clone(), username: username.clone(), password: password.clone() }]
        }
        _ => Vec::new(),
    };
    Context { parties: roles.into_iter().map(party).collect(), credentials, ..Context::default() }
}
