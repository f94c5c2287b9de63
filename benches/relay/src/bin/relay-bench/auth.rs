//! How clients prove who they are.

use clap::ValueEnum;
use relay_bench::client::User;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A way of proving it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Auth {
    /// Not at all.
    None,
    /// Name and password of the long-term credential mechanism.
    LongTerm,
    /// Name and password made from a secret that is shared with the server (TURN REST API): the name says when it expires.
    RestSecret,
}

impl Auth {
    /// Name in commands and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::LongTerm => "long-term",
            Self::RestSecret => "rest-secret",
        }
    }
}

/// How long a user that is made from a secret lives: longer than any run.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A user made from a shared secret, who expires in a day.
pub(crate) fn user_of_secret(secret: &str, name: &str) -> User {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    User::of_secret(secret, name, (now + LIFETIME).as_secs())
}
