//! The key under which an answer is cached, and under which only one process runs at a time
//! (`docs/design/cache-key.md`).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use claude_credential_config::{Environment, Program, generation};
use claude_credential_files::{Identity, hex};

use crate::cache::{KeyedHasher, deciding};
use crate::chain::{Dependency, ResolvedEntry};
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

/// The key of a query: a hash of everything that its answer depends on.
pub(crate) fn of_query(hasher: &KeyedHasher, query: &Query, context: &Context) -> String {
    let mut parts = hasher.parts();
    let mut put = |part: &[u8]| parts.put(part);
    put(b"key 1");
    // Another home or PATH can mean another helper, or another file that the helper reads.
    put(context.folders.home.as_os_str().as_bytes());
    put(context.environment.get_os("PATH").unwrap_or_default().as_bytes());
    put(std::env::current_exe().unwrap_or_default().as_os_str().as_bytes());
    // Every setting may change an answer; an edit that changes none costs one run.
    put(context.config.text.as_bytes());
    put(query.profile.name.as_bytes());
    // What the entries start finds it, and may start this program with it.
    put(context.profile_in_variable().ok().flatten().unwrap_or_default().as_bytes());
    put(query.request.protocol.as_bytes());
    put(query.request.host.as_bytes());
    put(query.request.path.as_deref().unwrap_or_default().as_bytes());
    put(query.request.username.as_deref().unwrap_or_default().as_bytes());
    put(&Identity::of(&generation::path(&context.folders)).to_bytes());
    let live = || query.chain.iter().filter(|entry| entry.is_live());
    // If an answer may be one that Claude Code can't send, Claude Code's lookup goes on where a script's ends.
    put(&[u8::from(context.for_client && live().any(|entry| entry.opaque))]);
    for entry in live() {
        put_entry(entry, &mut put);
        for dependency in &entry.dependencies {
            put_dependency(dependency, &context.environment, &mut put);
        }
    }
    hex(&parts.hash())
}

/// The key of a sign-in for an entry with a command: a hash of what chooses the account. The whole environment would be
/// too much: sessions that differ in it are to share one sign-in.
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
    let of_account = Cloud::of_program(&entry.definition.program).map_or(&[][..], Cloud::account_variables);
    let vary = entry.definition.vary.clone().map(Dependency::Vary);
    for dependency in of_account.iter().map(|name| Dependency::Variable(name)).chain(vary) {
        put_dependency(&dependency, &context.environment, &mut put);
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

fn put_dependency(dependency: &Dependency, environment: &Environment, put: &mut impl FnMut(&[u8])) {
    let put_variable = |(name, value): (&OsStr, &OsStr)| {
        put(name.as_bytes());
        put(value.as_bytes());
    };
    match dependency {
        Dependency::Variable(name) => put(environment.get_os(name).map(OsStr::as_bytes).unwrap_or_default()),
        Dependency::Vary(patterns) => {
            let varies = |name: &str| patterns.iter().any(|pattern| is_match(pattern, name));
            environment.iter().filter(|(name, _)| name.to_str().is_none_or(varies)).for_each(put_variable);
        }
        Dependency::Everything => deciding(environment).for_each(put_variable),
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

    fn hashed(dependency: &Dependency, pairs: &[(&str, &str)]) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        let environment = Environment::from_pairs(pairs.iter().copied());
        put_dependency(dependency, &environment, &mut |part| parts.push(part.to_vec()));
        parts
    }

    #[test]
    fn only_the_named_variables_count_if_vary_names_some() {
        let vary = Dependency::Vary(vec!["VAULT_*".to_owned(), "USER".to_owned()]);
        let base = hashed(&vary, &[("VAULT_ADDR", "a"), ("USER", "me")]);
        assert_eq!(base, hashed(&vary, &[("VAULT_ADDR", "a"), ("USER", "me"), ("USERNAME", "x")]));
        assert_ne!(base, hashed(&vary, &[("VAULT_ADDR", "b"), ("USER", "me")]));
        assert!(is_match("A*", "A") && !is_match("A", "AB"));
    }
}
