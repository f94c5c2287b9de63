//! Which cases run.

use crate::Registry;
use crate::cli::Run;
use globset::{Glob, GlobMatcher};
use harness::plan::CasePlan;
use reports::record::Partition;
use sha2::{Digest as _, Sha256};

/// What the command line selects.
pub(crate) struct Selector {
    filters: Vec<Filter>,
    role: Option<String>,
    implementations: Vec<String>,
    nat: Option<(String, String)>,
    partition: Option<Partition>,
}

enum Filter {
    Prefix(String),
    Glob(GlobMatcher),
}

impl Selector {
    /// Reads the selecting options.
    ///
    /// # Errors
    /// An option that can never select anything.
    pub(crate) fn new(options: &Run, registry: &Registry) -> Result<Self, String> {
        let filters = options.filters.iter().map(|text| Filter::new(text)).collect::<Result<_, _>>()?;
        let roles: Vec<&str> = iut::Role::ALL.iter().map(|role| role.name()).collect();
        if let Some(role) = options.role.as_deref().filter(|role| !roles.contains(role)) {
            return Err(format!("`{role}` is not a role; known: {}", roles.join(", ")));
        }
        for name in &options.implementation {
            if name.ends_with(".yaml") {
                return Err(format!("{name}: `kind: process` files need the `live` driver, which this version does not have"));
            }
            if registry.get(name).is_none() {
                let known: Vec<&str> = registry.manifests().keys().map(String::as_str).collect();
                return Err(format!("`{name}` is not an implementation of this build; known: {}", known.join(", ")));
            }
        }
        let nat = options.nat.as_deref().map(|text| {
            let (a, b) =
                text.split_once(',').ok_or_else(|| format!("`--nat {text}`: expected two presets, such as `full-cone,symmetric`"))?;
            Ok::<_, String>((a.trim().to_owned(), b.trim().to_owned()))
        });
        Ok(Self {
            filters,
            role: options.role.clone(),
            implementations: options.implementation.clone(),
            nat: nat.transpose()?,
            partition: options.partition,
        })
    }

    /// Whether a case is selected, before the partition.
    pub(crate) fn selects(&self, plan: &CasePlan) -> bool {
        let plays = |name: &String| plan.nodes.iter().any(|node| node.implementation() == Some(name));
        let role = |role: &String| plan.nodes.iter().any(|node| node.implementation().is_some() && node.config.role.name() == role);
        let behind = |node: &str, nat: &String| plan.nat.get(node) == Some(nat);
        (self.filters.is_empty() || self.filters.iter().any(|filter| filter.fits(&plan.id)))
            && self.role.as_ref().is_none_or(role)
            && (self.implementations.is_empty() || self.implementations.iter().any(plays))
            && self.nat.as_ref().is_none_or(|(a, b)| behind("a", a) && behind("b", b))
    }

    /// Whether a case is in the part that this run takes.
    pub(crate) fn in_partition(&self, id: &str) -> bool {
        self.partition.is_none_or(|partition| {
            let digest = Sha256::digest(id.as_bytes());
            let number = u64::from_be_bytes(std::array::from_fn(|index| digest[index]));
            number % u64::from(partition.of()) + 1 == u64::from(partition.part())
        })
    }
}

impl Filter {
    fn new(text: &str) -> Result<Self, String> {
        if !text.contains(['*', '?', '[', '{']) {
            return Ok(Self::Prefix(text.trim_end_matches('/').to_owned()));
        }
        Glob::new(text).map(|glob| Self::Glob(glob.compile_matcher())).map_err(|error| format!("`{text}`: {error}"))
    }

    fn fits(&self, id: &str) -> bool {
        match self {
            // A prefix ends at a segment: `ice/nat` does not select `ice/nat-pairs`.
            Self::Prefix(prefix) => id.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Glob(glob) => glob.is_match(id),
        }
    }
}
