use std::time::Duration;

use claude_credential_protocol::{millis, now};

use super::profile_status::{ProfileStatus, State};

/// All profiles, and how long their credentials should live.
pub(super) struct Overview {
    pub(super) profiles: Vec<ProfileStatus>,
    pub(super) min_ttl: Option<Duration>,
}

impl Overview {
    /// Whether it lives shorter than it should.
    pub(super) fn is_short(&self, status: &ProfileStatus) -> bool {
        let wanted = self.min_ttl.map_or(0, millis);
        self.min_ttl.is_some() && status.expires_at.is_some_and(|at| (at * 1000).saturating_sub(now()) < wanted)
    }

    /// 1 where something lives shorter than it should, or where there is nothing that could live at all.
    pub(super) fn exit_code(&self) -> u8 {
        let is_any = self.profiles.iter().any(|status| matches!(status.state, State::Answers | State::Asked));
        u8::from(self.min_ttl.is_some() && (!is_any || self.profiles.iter().any(|status| self.is_short(status))))
    }
}
