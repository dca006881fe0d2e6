//! What a helper has to do. A module holds a group.

use crate::Candidate;

mod claude_v1;
mod core;
mod strict;

const AUTHTYPE: &str = "capability[]=authtype";
const CLAUDE: &str = "capability[]=claude.v1";

/// A group of cases, by what a helper announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// git's protocol: for every helper.
    Core,
    /// Malformed messages and limits: for a helper that announces `claude.v1`.
    Strict,
    /// The keys and classes of `claude.v1`: for a helper that announces it.
    ClaudeV1,
}

/// One thing that a helper has to do.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The sentence.
    pub name: &'static str,
    /// The group that it belongs to.
    pub group: Group,
    pub(crate) needs_failure: bool,
    pub(crate) check: fn(&Candidate),
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Core, Self::Strict, Self::ClaudeV1];

    /// The name of the group.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Strict => "strict",
            Self::ClaudeV1 => "claude-v1",
        }
    }

    /// The cases of the group.
    #[must_use]
    pub fn cases(self) -> &'static [Case] {
        match self {
            Self::Core => CORE,
            Self::Strict => STRICT,
            Self::ClaudeV1 => CLAUDE_V1,
        }
    }

    /// The groups for a helper that answers `capability` with this.
    pub(crate) fn of_announcement(capabilities: &str) -> &'static [Self] {
        if capabilities.lines().any(|line| line == "capability claude.v1") { &Self::ALL } else { &[Self::Core] }
    }
}

macro_rules! cases {
    ($group:ident $module:ident: $($case:ident)*; if it can fail: $($failing:ident)*) => {
        &[
            $(Case { name: stringify!($case), group: Group::$group, needs_failure: false, check: $module::$case },)*
            $(Case { name: stringify!($failing), group: Group::$group, needs_failure: true, check: $module::$failing },)*
        ]
    };
}

const CORE: &[Case] = cases! {
    Core core:
    capability_is_a_list_or_silence
    an_operation_that_it_does_not_know_is_silence
    every_answer_ends_with_an_empty_line
    git_gets_username_and_password_and_nothing_that_it_did_not_announce
    an_answer_speaks_of_the_request_and_of_nothing_else
    another_host_gets_silence
    another_protocol_gets_silence
    an_account_that_it_has_nothing_for_gets_silence
    the_usernames_that_mean_no_account_are_none
    keys_that_it_does_not_know_are_ignored
    the_end_of_the_stream_ends_a_message_too
    the_empty_line_ends_a_message_though_the_stream_goes_on
    what_follows_the_empty_line_is_not_read
    line_ends_may_have_a_carriage_return
    only_a_line_feed_ends_a_line
    a_long_line_is_one_line
    erasing_what_is_not_there_is_no_failure
    another_host_is_neither_stored_nor_erased
    storing_what_is_not_to_be_kept_keeps_nothing;
    if it can fail: a_helper_that_fails_says_quit_and_nothing_else
};

const STRICT: &[Case] = cases! {
    Strict strict:
    a_carriage_return_inside_a_line_is_refused
    a_nul_is_refused
    what_is_not_utf_8_is_refused
    a_missing_host_or_protocol_is_no_wildcard
    a_key_of_no_form_is_refused
    the_longest_line_has_65535_bytes
    a_message_of_more_than_a_mebibyte_is_refused
    a_line_without_equals_is_refused_and_never_shown
    an_expiry_of_no_form_is_refused;
    if it can fail:
};

const CLAUDE_V1: &[Case] = cases! {
    ClaudeV1 claude_v1:
    capability_lists_what_it_understands
    every_answer_ends_with_an_empty_line
    a_caller_with_authtype_gets_authtype_and_credential
    a_caller_of_ours_learns_kind_and_source
    the_secret_is_the_same_in_every_form
    an_answer_speaks_of_the_request_and_of_nothing_else
    what_is_no_host_gets_silence_whoever_asks
    an_account_that_it_has_nothing_for_gets_silence
    a_value_of_no_form_is_refused;
    if it can fail: a_helper_that_has_to_stop_says_quit_and_its_class
};
