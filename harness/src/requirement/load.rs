//! From the data files to a [`Registry`], refusing whatever does not hold together.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::clause::{Clause, Erratum, Reading, Rfc};

/// All clauses, in the order of their RFCs' numbers and texts.
#[derive(Debug)]
pub struct Registry {
    clauses: Vec<Clause>,
    by_id: BTreeMap<String, usize>,
    by_twin: BTreeMap<String, usize>,
    readings: Vec<Reading>,
    errata: BTreeMap<u32, Erratum>,
}

/// What is wrong with the data files.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not a table of the expected columns.
    #[error("{file}: {source}")]
    Table {
        /// The file.
        file: String,
        /// What the parser found, with its line.
        source: csv::Error,
    },
    /// A value outside its column's vocabulary.
    #[error("{file}: {row}: `{value}` is no {column}")]
    Value {
        /// The file.
        file: String,
        /// The id of the row.
        row: String,
        /// The column.
        column: &'static str,
        /// The value.
        value: String,
    },
    /// An id that does not say its RFC and section.
    #[error("{file}: `{id}` is no clause id of RFC {rfc}, section {section}")]
    Id {
        /// The file.
        file: String,
        /// The id.
        id: String,
        /// The RFC of the file.
        rfc: u32,
        /// The section of the row.
        section: String,
    },
    /// The same id twice.
    #[error("`{0}` is registered twice")]
    Twice(String),
    /// A reference to nothing.
    #[error("`{from}` refers to `{to}`, which is not registered")]
    Dangling {
        /// Where the reference stands.
        from: String,
        /// What it names.
        to: String,
    },
}

const RFCS: [(Rfc, &str); 16] = [
    (Rfc { number: 4787, title: "NAT behaviour for UDP" }, include_str!("../../requirements/rfc4787.csv")),
    (Rfc { number: 5764, title: "DTLS-SRTP" }, include_str!("../../requirements/rfc5764.csv")),
    (Rfc { number: 5780, title: "NAT behaviour discovery" }, include_str!("../../requirements/rfc5780.csv")),
    (Rfc { number: 6062, title: "TURN for TCP" }, include_str!("../../requirements/rfc6062.csv")),
    (Rfc { number: 6347, title: "DTLS 1.2" }, include_str!("../../requirements/rfc6347.csv")),
    (Rfc { number: 7675, title: "consent freshness" }, include_str!("../../requirements/rfc7675.csv")),
    (Rfc { number: 7983, title: "demultiplexing" }, include_str!("../../requirements/rfc7983.csv")),
    (Rfc { number: 8445, title: "ICE" }, include_str!("../../requirements/rfc8445.csv")),
    (Rfc { number: 8489, title: "STUN" }, include_str!("../../requirements/rfc8489.csv")),
    (Rfc { number: 8656, title: "TURN" }, include_str!("../../requirements/rfc8656.csv")),
    (Rfc { number: 8831, title: "data channels" }, include_str!("../../requirements/rfc8831.csv")),
    (Rfc { number: 8832, title: "data channel establishment" }, include_str!("../../requirements/rfc8832.csv")),
    (Rfc { number: 8838, title: "trickle ICE" }, include_str!("../../requirements/rfc8838.csv")),
    (Rfc { number: 9146, title: "DTLS 1.2 connection IDs" }, include_str!("../../requirements/rfc9146.csv")),
    (Rfc { number: 9147, title: "DTLS 1.3" }, include_str!("../../requirements/rfc9147.csv")),
    (Rfc { number: 9443, title: "demultiplexing with QUIC" }, include_str!("../../requirements/rfc9443.csv")),
];
const READINGS: &str = include_str!("../../requirements/readings.csv");
const ERRATA: &str = include_str!("../../requirements/errata.csv");

impl Registry {
    /// The clauses embedded in this build.
    ///
    /// # Errors
    /// When the data files do not hold together.
    pub fn embedded() -> Result<Registry, LoadError> {
        let files: Vec<(u32, &str)> = RFCS.iter().map(|(rfc, table)| (rfc.number, *table)).collect();
        Registry::load(&files, READINGS, ERRATA)
    }

    /// Builds a registry from tables: the clauses of each RFC, readings and errata.
    pub(super) fn load(files: &[(u32, &str)], readings: &str, errata: &str) -> Result<Registry, LoadError> {
        let mut clauses = Vec::new();
        for &(rfc, table) in files {
            let file = format!("rfc{rfc}.csv");
            for row in rows::<ClauseRow>(&file, table)? {
                clauses.push((position(&file, rfc, &row)?, row.clause(&file, rfc)?));
            }
        }
        clauses.sort_by(|(a, _), (b, _)| a.cmp(b));
        let clauses: Vec<Clause> = clauses.into_iter().map(|(_, clause)| clause).collect();
        let mut by_id = BTreeMap::new();
        for (index, clause) in clauses.iter().enumerate() {
            if by_id.insert(clause.id.clone(), index).is_some() {
                return Err(LoadError::Twice(clause.id.clone()));
            }
        }
        let by_twin = clauses.iter().enumerate().filter_map(|(index, clause)| Some((clause.twin.clone()?, index))).collect();
        let readings = rows::<ReadingRow>("readings.csv", readings)?.into_iter().map(Reading::from).collect();
        let errata = rows::<ErratumRow>("errata.csv", errata)?
            .into_iter()
            .map(|row| row.erratum().map(|erratum| (erratum.number, erratum)))
            .collect::<Result<_, _>>()?;
        let registry = Registry { clauses, by_id, by_twin, readings, errata };
        registry.check_references()?;
        Ok(registry)
    }

    /// The clause with this id.
    pub fn get(&self, id: &str) -> Option<&Clause> {
        self.by_id.get(id).map(|&index| &self.clauses[index])
    }

    /// The clause whose older twin has this id.
    pub fn successor(&self, twin: &str) -> Option<&Clause> {
        self.by_twin.get(twin).map(|&index| &self.clauses[index])
    }

    /// All clauses, in the order of their RFCs' numbers and texts.
    pub fn iter(&self) -> impl Iterator<Item = &Clause> {
        self.clauses.iter()
    }

    /// The clauses of one RFC, in the order of its text.
    pub fn by_rfc(&self, rfc: u32) -> impl Iterator<Item = &Clause> {
        self.clauses.iter().filter(move |clause| clause.rfc == rfc)
    }

    /// The RFCs with registered clauses, by number.
    pub fn rfcs(&self) -> impl Iterator<Item = Rfc> {
        RFCS.iter().map(|(rfc, _)| *rfc)
    }

    /// The decided pairs of clauses at odds.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// A decided erratum.
    pub fn erratum(&self, number: u32) -> Option<&Erratum> {
        self.errata.get(&number)
    }

    fn check_references(&self) -> Result<(), LoadError> {
        let known = |from: &str, to: &str| match self.by_id.contains_key(to) {
            true => Ok(()),
            false => Err(LoadError::Dangling { from: from.to_owned(), to: to.to_owned() }),
        };
        for clause in &self.clauses {
            clause.dup_of.iter().try_for_each(|original| known(&clause.id, original))?;
            if let Some(missing) = clause.errata.iter().find(|number| !self.errata.contains_key(number)) {
                return Err(LoadError::Dangling { from: clause.id.clone(), to: format!("erratum {missing}") });
            }
        }
        for reading in &self.readings {
            known("readings.csv", &reading.id)?;
            known("readings.csv", &reading.other)?;
            if !["either", "usage", &reading.id, &reading.other].contains(&reading.choice.as_str()) {
                return Err(LoadError::Dangling { from: reading.id.clone(), to: reading.choice.clone() });
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClauseRow {
    id: String,
    section: String,
    level: String,
    role: String,
    testable: String,
    dup_of: String,
    twin: String,
    summary: String,
    errata: String,
    hash: String,
}

impl ClauseRow {
    fn clause(self, file: &str, rfc: u32) -> Result<Clause, LoadError> {
        let value = |column, value: &str| LoadError::Value { file: file.to_owned(), row: self.id.clone(), column, value: value.to_owned() };
        Ok(Clause {
            rfc,
            keyword: self.level.parse().map_err(|()| value("level", &self.level))?,
            roles: self.role.split(';').map(|role| role.parse().map_err(|()| value("role", role))).collect::<Result<_, _>>()?,
            testable: self.testable.parse().map_err(|()| value("testability", &self.testable))?,
            dup_of: list(&self.dup_of).map(str::to_owned).collect(),
            twin: (!self.twin.is_empty()).then(|| self.twin.clone()),
            errata: list(&self.errata).map(|number| number.parse().map_err(|_| value("erratum", number))).collect::<Result<_, _>>()?,
            id: self.id,
            section: self.section,
            summary: self.summary,
            hash: self.hash,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadingRow {
    id: String,
    other: String,
    choice: String,
    reason: String,
}

impl From<ReadingRow> for Reading {
    fn from(ReadingRow { id, other, choice, reason }: ReadingRow) -> Reading {
        Reading { id, other, choice, reason }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErratumRow {
    erratum: u32,
    rfc: u32,
    section: String,
    status: String,
    kind: String,
    decision: String,
    reason: String,
}

impl ErratumRow {
    fn erratum(self) -> Result<Erratum, LoadError> {
        let wrong = || LoadError::Value {
            file: "errata.csv".into(),
            row: self.erratum.to_string(),
            column: "decision",
            value: self.decision.clone(),
        };
        let decision = self.decision.parse().map_err(|()| wrong())?;
        let ErratumRow { erratum: number, rfc, section, status, kind, reason, .. } = self;
        Ok(Erratum { number, rfc, section, status, kind, decision, reason })
    }
}

fn rows<Row: DeserializeOwned>(file: &str, table: &str) -> Result<Vec<Row>, LoadError> {
    csv::Reader::from_reader(table.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|source| LoadError::Table { file: file.to_owned(), source })
}

fn list(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(';').filter(|item| !item.is_empty())
}

/// Where a clause stands: its RFC, its section part by part, marked clauses first, then its number.
type Position = (u32, Vec<SectionPart>, bool, u32);

/// Numbers before letters, so that appendices follow the body.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SectionPart {
    Number(u32),
    Letter(String),
}

fn position(file: &str, rfc: u32, row: &ClauseRow) -> Result<Position, LoadError> {
    let number = row.id.strip_prefix(&format!("RFC{rfc}-{}-", row.section));
    let unmarked = number.and_then(|number| number.strip_prefix('u'));
    let Some(Ok(number)) = unmarked.or(number).map(str::parse) else {
        return Err(LoadError::Id { file: file.to_owned(), id: row.id.clone(), rfc, section: row.section.clone() });
    };
    let part = |part: &str| part.parse().map_or_else(|_| SectionPart::Letter(part.to_owned()), SectionPart::Number);
    Ok((rfc, row.section.split('.').map(part).collect(), unmarked.is_some(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "id,section,level,role,testable,dup_of,twin,summary,errata,hash\n";

    fn load(rows: &str) -> Result<Registry, LoadError> {
        Registry::load(&[(8656, &format!("{HEAD}{rows}"))], "id,other,choice,reason\n", "erratum,rfc,section,status,kind,decision,reason\n")
    }

    fn refusal(rows: &str) -> String {
        load(rows).expect_err("refused").to_string()
    }

    #[test]
    fn clauses_follow_the_order_of_the_text() {
        let row = |section: &str, number: &str| format!("RFC8656-{section}-{number},{section},MUST,nat,blackbox-wire,,,summary,,hash\n");
        let rows = [row("A", "1"), row("10", "1"), row("9", "u2"), row("9", "10"), row("9", "2"), row("9.1", "1")].concat();
        let registry = load(&rows).unwrap();
        let ids: Vec<&str> = registry.iter().map(|clause| clause.id.as_str()).collect();
        assert_eq!(ids, ["RFC8656-9-2", "RFC8656-9-10", "RFC8656-9-u2", "RFC8656-9.1-1", "RFC8656-10-1", "RFC8656-A-1"]);
    }

    #[test]
    fn a_row_that_does_not_hold_together_is_refused_with_its_place() {
        let row = |change: (&str, &str)| "RFC8656-9-1,9,MUST,nat,blackbox-wire,,,summary,,hash\n".replacen(change.0, change.1, 1);
        assert_eq!(refusal(&row(("MUST", "MUSt"))), "rfc8656.csv: RFC8656-9-1: `MUSt` is no level");
        assert_eq!(refusal(&row(("nat", "nat;router"))), "rfc8656.csv: RFC8656-9-1: `router` is no role");
        assert_eq!(refusal(&row(("blackbox-wire", "yes"))), "rfc8656.csv: RFC8656-9-1: `yes` is no testability");
        assert_eq!(refusal(&row(("RFC8656-9-1", "RFC8656-8-1"))), "rfc8656.csv: `RFC8656-8-1` is no clause id of RFC 8656, section 9");
        assert_eq!(refusal(&row((",,hash", ",12,hash"))), "`RFC8656-9-1` refers to `erratum 12`, which is not registered");
        assert_eq!(
            refusal(&row((",,,summary", ",RFC8656-9-7,,summary"))),
            "`RFC8656-9-1` refers to `RFC8656-9-7`, which is not registered"
        );
        assert_eq!(refusal(&row(("", "")).repeat(2)), "`RFC8656-9-1` is registered twice");
        assert!(refusal("RFC8656-9-1,9\n").starts_with("rfc8656.csv: CSV error: record 1 (line: 2"));
    }

    #[test]
    fn a_reading_chooses_one_of_its_clauses() {
        let rows =
            format!("{HEAD}RFC8656-9-1,9,MUST,nat,blackbox-wire,,,summary,,hash\nRFC8656-9-2,9,MUST,nat,blackbox-wire,,,summary,,hash\n");
        let load = |choice: &str| {
            let readings = format!("id,other,choice,reason\nRFC8656-9-1,RFC8656-9-2,{choice},because\n");
            Registry::load(&[(8656, &rows)], &readings, "erratum,rfc,section,status,kind,decision,reason\n").map(|_| ())
        };
        assert!(load("RFC8656-9-2").is_ok());
        assert!(load("either").is_ok());
        assert_eq!(load("RFC8656-9-3").unwrap_err().to_string(), "`RFC8656-9-1` refers to `RFC8656-9-3`, which is not registered");
    }
}
