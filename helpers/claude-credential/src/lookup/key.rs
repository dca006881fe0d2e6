//! The key under which an answer is cached and a run is single.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use claude_credential_config::{Environment, Program, generation};
use claude_credential_files::{Identity, hex};

use crate::cache::hash::KeyedHasher;
use crate::cache::variables::is_per_terminal;
use crate::chain::entry::{Dependency, ResolvedEntry};
use crate::client::cloud::Cloud;
use crate::context::Context;
use crate::query::Query;

/// The key that identifies lookups of `query` to the processes that they start.
pub(crate) fn of_lookup(context: &Context, query: &Query) -> String {
    match context.cache() {
        Some(cache) => of_query(&cache.hasher, query, context),
        None => of_query(&KeyedHasher::unkeyed(), query, context),
    }
}

/// The key of a question: everything that its answer depends on, and nothing of it readable.
pub(crate) fn of_query(hasher: &KeyedHasher, query: &Query, context: &Context) -> String {
    let mut parts = hasher.parts();
    let mut put = |part: &[u8]| parts.put(part);
    put(b"key 1");
    // Where things are found and run: another home or PATH is another helper, or another file that it reads.
    put(context.folders.home.as_os_str().as_bytes());
    put(context.environment.get_os("PATH").unwrap_or_default().as_bytes());
    put(std::env::current_exe().unwrap_or_default().as_os_str().as_bytes());
    // Every setting may change an answer; an edit that does not costs one run.
    put(context.config.text.as_bytes());
    put(query.profile.name.as_bytes());
    put(query.request.protocol.as_bytes());
    put(query.request.host.as_bytes());
    put(query.request.path.as_deref().unwrap_or_default().as_bytes());
    put(query.request.username.as_deref().unwrap_or_default().as_bytes());
    put(&Identity::of(&generation::path(&context.folders)).to_bytes());
    let live = || query.chain.iter().filter(|entry| entry.is_live());
    // Where an answer may be one that the client can't send, the client's chain goes on where a script's ends.
    put(&[u8::from(context.for_client && live().any(|entry| entry.opaque))]);
    for entry in live() {
        put_entry(entry, &mut put);
        for depends in &entry.dependencies {
            put_dependency(depends, &context.environment, &mut put);
        }
    }
    hex(&parts.hash())
}

/// The key of signing in for an entry with a command: what chooses the account, and not the whole environment, in
/// which sessions differ that are to share one sign-in.
pub(crate) fn of_sign_in(hasher: &KeyedHasher, entry: &ResolvedEntry, command: &[&[u8]], context: &Context) -> String {
    let mut parts = hasher.parts();
    let mut put = |part: &[u8]| parts.put(part);
    put(b"refresh 1");
    put(context.folders.home.as_os_str().as_bytes());
    put_entry(entry, &mut put);
    let folder = entry.claude_config_dir.as_deref().unwrap_or(&context.folders.claude);
    put(folder.as_os_str().as_bytes());
    for part in command {
        put(part);
    }
    put(b"end");
    let of_cloud = Cloud::of_program(&entry.definition.program).map_or(&[][..], Cloud::account_variables);
    let vary = entry.definition.vary.clone().map(Dependency::Vary);
    for depends in of_cloud.iter().map(|name| Dependency::Variable(name)).chain(vary) {
        put_dependency(&depends, &context.environment, &mut put);
    }
    hex(&parts.hash())
}

fn put_entry(entry: &ResolvedEntry, put: &mut impl FnMut(&[u8])) {
    put(entry.definition.name.as_bytes());
    put(entry.definition.kind.name().as_bytes());
    match &entry.definition.program {
        Program::Helper { name, args } => {
            put(b"helper");
            put(name.as_bytes());
            for arg in args {
                put(arg.as_bytes());
            }
        }
        Program::Command(words) => {
            put(b"command");
            for word in words {
                put(word.as_bytes());
            }
        }
        Program::Shell(script) => {
            put(b"shell");
            put(script.as_bytes());
        }
    }
    put(b"end");
}

fn put_dependency(depends: &Dependency, environment: &Environment, put: &mut impl FnMut(&[u8])) {
    let mut matching = |matches: &dyn Fn(&str) -> bool| {
        for (name, value) in environment.iter().filter(|(name, _)| name.to_str().is_none_or(matches)) {
            put(name.as_bytes());
            put(value.as_bytes());
        }
    };
    match depends {
        Dependency::Variable(name) => put(environment.get_os(name).map(OsStr::as_bytes).unwrap_or_default()),
        Dependency::Vary(patterns) => matching(&|name| patterns.iter().any(|pattern| is_match(pattern, name))),
        Dependency::Everything => matching(&|name| !is_per_terminal(name)),
        Dependency::File(path) => put(&Identity::of(path).to_bytes()),
        Dependency::Text(text) => put(text.as_bytes()),
    }
    put(b"end");
}

fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use claude_credential_config::Environment;

    use super::{Dependency, is_match, put_dependency};

    fn hashed(depends: &Dependency, pairs: &[(&str, &str)]) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        let environment = Environment::from_pairs(pairs.iter().copied());
        put_dependency(depends, &environment, &mut |part| parts.push(part.to_vec()));
        parts
    }

    #[test]
    fn a_terminals_own_variables_change_no_key_and_all_others_do() {
        let everything = Dependency::Everything;
        let base = hashed(&everything, &[("HOME", "/h"), ("TERM", "a"), ("TMUX_PANE", "%1"), ("SHLVL", "1")]);
        assert_eq!(base, hashed(&everything, &[("HOME", "/h"), ("TERM", "b"), ("CLAUDE_CODE_MESSAGING_TOKEN", "x")]));
        assert_ne!(base, hashed(&everything, &[("HOME", "/h"), ("VAULT_ADDR", "https://other")]));
    }

    #[test]
    fn only_the_named_variables_count_where_some_are_named() {
        let vary = Dependency::Vary(vec!["VAULT_*".to_owned(), "USER".to_owned()]);
        let base = hashed(&vary, &[("VAULT_ADDR", "a"), ("USER", "me")]);
        assert_eq!(base, hashed(&vary, &[("VAULT_ADDR", "a"), ("USER", "me"), ("USERNAME", "x")]));
        assert_ne!(base, hashed(&vary, &[("VAULT_ADDR", "b"), ("USER", "me")]));
        assert!(is_match("A*", "A") && !is_match("A", "AB"));
    }
}
