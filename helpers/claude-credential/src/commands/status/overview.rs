use std::time::Duration;

use claude_credential_protocol::{millis, now};

use super::profile_status::{ProfileState, ProfileStatus};

/// The status of all profiles, and for how long the user wants their credentials to live.
pub(super) struct Overview {
    pub(super) profiles: Vec<ProfileStatus>,
    pub(super) min_ttl: Option<Duration>,
}

impl Overview {
    /// Whether the profile's credential expires sooner than the user wants.
    pub(super) fn is_short(&self, status: &ProfileStatus) -> bool {
        let min_ttl = self.min_ttl.map_or(0, millis);
        self.min_ttl.is_some() && status.expires_at.is_some_and(|at| (at * 1000).saturating_sub(now()) < min_ttl)
    }

    /// 1 if the user wants a minimum and a credential expires sooner, or no profile has one.
    pub(super) fn exit_code(&self) -> u8 {
        let has_any = |status: &ProfileStatus| matches!(status.state, ProfileState::Answers | ProfileState::Asked);
        let is_any = self.profiles.iter().any(has_any);
        u8::from(self.min_ttl.is_some() && (!is_any || self.profiles.iter().any(|status| self.is_short(status))))
    }
}
