//! The implementations that a build can test.

use iut::{Implementation, Manifest};
use std::collections::BTreeMap;

/// The implementations of this build, by name.
pub struct Registry {
    implementations: BTreeMap<String, Box<dyn Implementation>>,
    manifests: BTreeMap<String, Manifest>,
}

impl Registry {
    /// A registry of these implementations; of two with one name the later one counts.
    pub fn new(implementations: Vec<Box<dyn Implementation>>) -> Self {
        let named: BTreeMap<String, _> = implementations.into_iter().map(|entry| (entry.manifest().name.to_owned(), entry)).collect();
        let manifests = named.iter().map(|(name, entry)| (name.clone(), entry.manifest())).collect();
        Self { implementations: named, manifests }
    }

    /// Adds the implementations of another registry.
    #[must_use]
    pub fn with(mut self, other: Registry) -> Self {
        self.implementations.extend(other.implementations);
        self.manifests.extend(other.manifests);
        self
    }

    /// One implementation.
    pub fn get(&self, name: &str) -> Option<&dyn Implementation> {
        self.implementations.get(name).map(AsRef::as_ref)
    }

    /// What all of them claim.
    pub fn manifests(&self) -> &BTreeMap<String, Manifest> {
        &self.manifests
    }
}

/// The implementations that the features of this build select.
pub fn built_in() -> Registry {
    Registry::new(vec![
        #[cfg(feature = "rtc")]
        Box::new(adapter_rtc::Rtc),
        #[cfg(feature = "str0m")]
        Box::new(adapter_str0m::Str0m),
        #[cfg(feature = "webrtc")]
        Box::new(adapter_webrtc::Webrtc),
        #[cfg(feature = "dimpl")]
        Box::new(adapter_dimpl::Dimpl),
        #[cfg(feature = "turn-proto")]
        Box::new(adapter_turn_proto::TurnClientProto),
        #[cfg(feature = "turn-proto")]
        Box::new(adapter_turn_proto::TurnServerProto),
        #[cfg(feature = "webrtc17")]
        Box::new(adapter_webrtc17::Turn),
        #[cfg(feature = "webrtc17")]
        Box::new(adapter_webrtc17::Dtls),
        #[cfg(feature = "rice")]
        Box::new(adapter_rice::Rice),
        #[cfg(feature = "turn-rs")]
        Box::new(adapter_turn_rs::TurnRs),
    ])
}
