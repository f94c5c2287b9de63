//! `show`: a case in the terminal.

use crate::run::{replay::Token, style};
use os::process::terminal_size;
use reports::exit::Exit;
use reports::record::{CaseFile, Verdict};
use reports::render::text;
use std::path::Path;

/// Columns where the terminal does not say.
const WIDTH: usize = 120;
/// Bytes of an offending packet that are shown.
const BYTES: usize = 256;

/// Shows checks, ladder and NAT tables of a case of the last run, and the bytes of the packets that a violation cites.
pub(super) fn show(case: &str, out: &Path) -> anyhow::Result<Exit> {
    let id = Token::parse(case).map_or_else(|_| case.to_owned(), |token| token.case);
    let folder = out.join("cases").join(&id);
    let Ok(content) = std::fs::read_to_string(folder.join("case.json")) else {
        eprintln!("natproof: {} holds no case `{id}`; run it first: cargo xtask run-scenarios '{id}'", out.display());
        return Ok(Exit::Usage);
    };
    let file: CaseFile = serde_json::from_str(&content)?;
    let width = terminal_size().map_or(WIDTH, |(columns, _)| usize::from(columns));
    print!("{}", text::case_line(&file.case, None, style()));
    for check in &file.case.checks {
        println!("  {:>14}  {} on {} ({})", check.verdict.to_string(), check.id, check.subject, check.clauses_text());
        if check.verdict != Verdict::Pass {
            println!("                  expected  {}", check.expected_text);
            println!("                  observed  {}", check.observed_text);
            println!("                  packets   {:?}", check.packets);
        }
    }
    println!();
    print!("{}", text::ladder(&file.ladder, width, style()));
    println!();
    print!("{}", text::nat_table(&file.nat_table));
    bytes(&file, &folder)?;
    Ok(Exit::AsExpected)
}

/// The bytes of the packets that violations cite.
fn bytes(file: &CaseFile, folder: &Path) -> anyhow::Result<()> {
    let cited: Vec<u64> =
        file.case.checks.iter().filter(|check| check.verdict.is_departure()).flat_map(|check| check.packets.clone()).collect();
    if cited.is_empty() {
        return Ok(());
    }
    let capture = std::fs::File::open(folder.join("trace.pcapng"))?;
    let (trace, _) = harness::trace::read_capture(std::io::BufReader::new(capture))?;
    for (frame, _, packet) in trace.packets().filter(|(frame, ..)| cited.contains(&u64::from(*frame))) {
        let Some(payload) = packet.packet.udp_payload() else { continue };
        println!("\npacket {frame}: {}", wire::describe(payload));
        for (row, chunk) in payload[..payload.len().min(BYTES)].chunks(16).enumerate() {
            let numbers: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
            let letters: String = chunk.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect();
            println!("  {:04x}  {:47}  {letters}", row * 16, numbers.join(" "));
        }
    }
    Ok(())
}
