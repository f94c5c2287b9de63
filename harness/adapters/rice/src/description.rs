//! A session description that carries ICE and nothing else (RFC 8839), in both directions.

/// What a description says about ICE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IceDescription {
    /// `a=ice-ufrag`.
    pub(crate) ufrag: String,
    /// `a=ice-pwd`.
    pub(crate) password: String,
    /// Candidate attributes without `a=`.
    pub(crate) candidates: Vec<String>,
    /// Whether more candidates may follow (`a=ice-options:trickle` without `a=end-of-candidates`, RFC 8840).
    pub(crate) more_follow: bool,
}

/// The `a=mid` of the only media description.
pub(crate) const MID: &str = "0";

impl IceDescription {
    /// The SDP text.
    pub(crate) fn to_sdp(&self) -> String {
        let Self { ufrag, password, .. } = self;
        let mut sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-options:trickle\r\nm=application 9 UDP octet-stream\r\nc=IN IP4 0.0.0.0\r\n\
             a=mid:{MID}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n"
        );
        for candidate in &self.candidates {
            sdp.push_str(&format!("a={candidate}\r\n"));
        }
        if !self.more_follow {
            sdp.push_str("a=end-of-candidates\r\n");
        }
        sdp
    }

    /// Reads the ICE lines of any description; of several media descriptions the first one, as with a bundle (RFC 9143).
    pub(crate) fn from_sdp(sdp: &str) -> Result<Self, String> {
        let mut description = Self::default();
        let (mut trickle, mut ended) = (false, false);
        let mut media = 0;
        for line in sdp.lines() {
            if line.starts_with("m=") {
                media += 1;
            }
            let Some(attribute) = line.strip_prefix("a=").filter(|_| media <= 1) else { continue };
            match attribute.split_once(':').unwrap_or((attribute, "")) {
                ("ice-ufrag", value) => description.ufrag = value.into(),
                ("ice-pwd", value) => description.password = value.into(),
                ("ice-options", value) => trickle |= value.split(' ').any(|option| option == "trickle"),
                ("candidate", _) => description.candidates.push(attribute.into()),
                ("end-of-candidates", _) => ended = true,
                _ => {}
            }
        }
        if description.ufrag.is_empty() || description.password.is_empty() {
            return Err("a description without a=ice-ufrag or a=ice-pwd".into());
        }
        description.more_follow = trickle && !ended;
        Ok(description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(more_follow: bool) -> IceDescription {
        let candidates = vec!["candidate:0 1 UDP 2130706431 192.0.2.1 5000 typ host".to_string()];
        IceDescription { ufrag: "abcd".into(), password: "0123456789012345678901".into(), candidates, more_follow }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for more_follow in [false, true] {
            assert_eq!(IceDescription::from_sdp(&description(more_follow).to_sdp()), Ok(description(more_follow)));
        }
    }

    #[test]
    fn without_the_trickle_option_no_more_candidates_follow() {
        let sdp = description(true).to_sdp().replace("a=ice-options:trickle\r\n", "");
        assert_eq!(IceDescription::from_sdp(&sdp).map(|read| read.more_follow), Ok(false));
    }

    #[test]
    fn only_the_first_media_description_counts() {
        let sdp = description(true).to_sdp()
            + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=ice-ufrag:other\r\na=candidate:9 1 UDP 1 192.0.2.9 9 typ host\r\n";
        assert_eq!(IceDescription::from_sdp(&sdp), Ok(description(true)));
    }

    #[test]
    fn credentials_are_required() {
        for without in ["a=ice-ufrag:abcd\r\n", "a=ice-pwd:0123456789012345678901\r\n"] {
            assert!(IceDescription::from_sdp(&description(true).to_sdp().replace(without, "")).is_err());
        }
        assert!(IceDescription::from_sdp("").is_err());
    }
}
