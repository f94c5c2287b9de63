//! A clause and the words it is described with.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// One requirement of one RFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Such as `RFC8656-9-1`; never reused.
    pub id: String,
    /// The number of the RFC.
    pub rfc: u32,
    /// Section of the RFC, such as `7.2`; appendices begin with a letter.
    pub section: String,
    /// The keyword of its sentence.
    pub keyword: Keyword,
    /// Who has to obey: at least one.
    pub roles: Vec<Role>,
    /// Where a breach would show.
    pub testable: Testable,
    /// Clauses of the same RFC that say the same. Coverage counts those instead of this one.
    pub dup_of: Vec<String>,
    /// The clause of an obsoleted RFC that says the same.
    pub twin: Option<String>,
    /// What it requires, in our words: at most 140 characters.
    pub summary: String,
    /// Numbers of the RFC Editor's errata that touch it.
    pub errata: Vec<u32>,
    /// First 12 hexadecimal digits of SHA-256 over its sentence.
    pub hash: String,
}

impl Clause {
    /// The strength of the clause.
    pub fn level(&self) -> Level {
        self.keyword.level()
    }

    /// The address of the section at the RFC Editor.
    pub fn url(&self) -> String {
        let anchor = if self.section.starts_with(|c: char| c.is_ascii_alphabetic()) { "appendix" } else { "section" };
        format!("https://www.rfc-editor.org/rfc/rfc{}#{anchor}-{}", self.rfc, self.section)
    }
}

/// An RFC with registered clauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc {
    /// Its number.
    pub number: u32,
    /// A short name of what it specifies.
    pub title: &'static str,
}

/// How strong a clause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// MUST, MUST NOT, SHALL.
    Must,
    /// SHOULD, SHOULD NOT, RECOMMENDED, NOT RECOMMENDED.
    Should,
    /// MAY. No clause of this level is registered at present.
    May,
    /// Behaviour stated without a keyword, as binding as a MUST.
    Unmarked,
}

/// What a breach of a clause amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// The implementation does not conform.
    Fail,
    /// It conforms and departs from good practice.
    Deviates,
    /// Noted without judgement.
    Recorded,
}

impl Level {
    /// The grade of a breach.
    pub fn breach(self) -> Breach {
        match self {
            Level::Must | Level::Unmarked => Breach::Fail,
            Level::Should => Breach::Deviates,
            Level::May => Breach::Recorded,
        }
    }

    /// `MUST`, `SHOULD`, `MAY` or `unmarked`, as in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::May => "MAY",
            Level::Unmarked => "unmarked",
        }
    }
}

/// Declares an enum whose values have one name each, with conversions both ways.
macro_rules! named {
    ($(#[$outer:meta])* $type:ident { $($(#[$inner:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $type { $($(#[$inner])* $variant,)+ }

        impl $type {
            /// The name in the data files.
            pub fn as_str(self) -> &'static str {
                match self { $($type::$variant => $name,)+ }
            }
        }

        impl FromStr for $type {
            type Err = ();

            fn from_str(name: &str) -> Result<Self, ()> {
                match name { $($name => Ok($type::$variant),)+ _ => Err(()) }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

named! {
    /// The keyword of a sentence (RFC 2119, RFC 8174), or its absence.
    Keyword {
        /// An absolute requirement.
        Must = "MUST",
        /// An absolute prohibition.
        MustNot = "MUST NOT",
        /// The same as MUST.
        Shall = "SHALL",
        /// To be done unless there is a good reason.
        Should = "SHOULD",
        /// Not to be done unless there is a good reason.
        ShouldNot = "SHOULD NOT",
        /// The same as SHOULD.
        Recommended = "RECOMMENDED",
        /// The same as SHOULD NOT.
        NotRecommended = "NOT RECOMMENDED",
        /// A permission.
        May = "MAY",
        /// Behaviour stated without any keyword.
        Unmarked = "unmarked",
    }
}

impl Keyword {
    /// The strength behind the keyword.
    pub fn level(self) -> Level {
        match self {
            Keyword::Must | Keyword::MustNot | Keyword::Shall => Level::Must,
            Keyword::Should | Keyword::ShouldNot | Keyword::Recommended | Keyword::NotRecommended => Level::Should,
            Keyword::May => Level::May,
            Keyword::Unmarked => Level::Unmarked,
        }
    }
}

named! {
    /// Who has to obey a clause.
    Role {
        /// STUN client (RFC 8489).
        StunClient = "stun-client",
        /// STUN server (RFC 8489).
        StunServer = "stun-server",
        /// TURN client (RFC 8656).
        TurnClient = "turn-client",
        /// TURN server (RFC 8656).
        TurnServer = "turn-server",
        /// Full ICE agent (RFC 8445).
        IceAgent = "ice-agent",
        /// Lite ICE agent (RFC 8445, section 2.5).
        IceAgentLite = "ice-agent-lite",
        /// DTLS client (RFC 6347, RFC 9147).
        DtlsClient = "dtls-client",
        /// DTLS server (RFC 6347, RFC 9147).
        DtlsServer = "dtls-server",
        /// Endpoint of SCTP data channels (RFC 8831).
        DataChannel = "data-channel",
        /// NAT (RFC 4787).
        Nat = "nat",
        /// Authors of further specifications, and operators.
        Other = "other",
    }
}

named! {
    /// Where a breach of a clause would show.
    Testable {
        /// In packets.
        Wire = "blackbox-wire",
        /// In what the implementation reports or accepts through its interface.
        Api = "needs-api",
        /// Neither.
        No = "not-testable",
    }
}

/// Two clauses at odds, and which reading the checks follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// One of the two.
    pub id: String,
    /// The other.
    pub other: String,
    /// The id that decides; `either`: both pass; `usage`: each holds in its own situation.
    pub choice: String,
    /// Why, and how the situations are told apart.
    pub reason: String,
}

named! {
    /// What was decided about an erratum.
    Decision {
        /// The corrected text is judged.
        Applied = "applied",
        /// The printed text is judged.
        Original = "original",
        /// Either behaviour passes.
        Both = "both",
    }
}

/// A correction proposed to or verified by the RFC Editor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erratum {
    /// Its number at the RFC Editor.
    pub number: u32,
    /// The RFC it corrects.
    pub rfc: u32,
    /// The section it corrects.
    pub section: String,
    /// The RFC Editor's status, such as `Verified`.
    pub status: String,
    /// The RFC Editor's type, `Technical` or `Editorial`.
    pub kind: String,
    /// What the checks follow.
    pub decision: Decision,
    /// Why.
    pub reason: String,
}

impl Erratum {
    /// Its address at the RFC Editor.
    pub fn url(&self) -> String {
        format!("https://www.rfc-editor.org/errata/eid{}", self.number)
    }
}
