//! Durations, shares and bytes as scenarios write them.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::str::FromStr;

/// A duration with its unit: `250us`, `30ms`, `5s`, `2m`, `1h`. Stored in nanoseconds; at most 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

/// The longest duration that a scenario may name.
pub const LONGEST: u64 = 24 * 3_600 * 1_000_000_000;

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let help = || format!("expected a duration with its unit, such as `30ms`, `5s`, `2m` or `1h`, found `{text}`");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = text[..digits].parse().map_err(|_| help())?;
        let unit = match &text[digits..] {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(help()),
        };
        match number.checked_mul(unit) {
            Some(ns) if ns <= LONGEST => Ok(Self(ns)),
            _ => Err(format!("`{text}` is longer than 24h, the longest duration of a scenario")),
        }
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [(3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
        let (size, unit) = units.into_iter().find(|(size, _)| self.0.is_multiple_of(*size)).expect("every number is a multiple of 1");
        if self.0 == 0 { f.write_str("0s") } else { write!(f, "{}{unit}", self.0 / size) }
    }
}

/// A share between 0 % and 100 %: `5%`, `0.1%`. Stored as a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

impl FromStr for Percent {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
        match number {
            Some(number) if (0.0..=100.0).contains(&number) => Ok(Self(number / 100.0)),
            Some(_) => Err(format!("`{text}` lies outside 0% to 100%")),
            None => Err(format!("expected a share with its sign, such as `5%`, found `{text}`")),
        }
    }
}

/// Bits per second with their unit: `64kbps`, `10Mbps`, `1Gbps`, in powers of ten; at least 1 bit per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitRate(pub u64);

impl FromStr for BitRate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("kbps", 1_000), ("Mbps", 1_000_000), ("Gbps", 1_000_000_000), ("bps", 1)];
        match in_units(text, &units) {
            Some(rate) if rate > 0 => Ok(Self(rate)),
            _ => Err(format!("expected bits per second above 0 with their unit, such as `64kbps`, `10Mbps` or `1Gbps`, found `{text}`")),
        }
    }
}

/// Octets with their unit: `1500B`, `64kB`, `2MB`, in powers of ten; at most 4 GB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Octets(pub u32);

impl FromStr for Octets {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let octets = in_units(text, &[("kB", 1_000), ("MB", 1_000_000), ("B", 1)]).and_then(|octets| octets.try_into().ok());
        octets
            .map(Self)
            .ok_or_else(|| format!("expected octets with their unit, such as `1500B`, `64kB` or `2MB`, at most 4 GB, found `{text}`"))
    }
}

/// A whole number with the first unit that fits.
fn in_units(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, size) = units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)))?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(size)
}

/// Bytes in hexadecimal, with spaces wherever they help: `2112a442 0001`. At most 65,535 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl FromStr for Hex {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = hex::decode(&digits).map_err(|error| format!("expected bytes in hexadecimal: {error}"))?;
        if bytes.len() > 65_535 { Err(format!("{} bytes do not fit into a datagram", bytes.len())) } else { Ok(Self(bytes)) }
    }
}

macro_rules! from_text {
    ($type:ty, $name:literal, $pattern:literal, $docs:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $docs })
            }
        }
    };
}
from_text!(Span, "Duration", "^[0-9]+(ns|us|ms|s|m|h)$", "A duration with its unit: 30ms, 5s, 2m, 1h.");
from_text!(Percent, "Share", "^[0-9]+(\\.[0-9]+)? ?%$", "A share: 5%.");
from_text!(BitRate, "BitRate", "^[0-9]+(bps|kbps|Mbps|Gbps)$", "Bits per second: 64kbps, 10Mbps.");
from_text!(Octets, "Octets", "^[0-9]+(B|kB|MB)$", "Octets: 1500B, 64kB.");
from_text!(Hex, "Bytes", "^([0-9a-fA-F]{2}|\\s)*$", "Bytes in hexadecimal.");
