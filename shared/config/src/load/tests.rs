use std::path::Path;
use std::time::Duration;

use claude_credential_protocol::Origin;

use crate::{Config, Environment, Flow, Folders, KeyStore, Program, TokenSource, ValueSource};

fn parse(text: &str) -> Result<Config, String> {
    let folders = Folders::of(&Environment::from_pairs([("HOME", "/home/me")])).unwrap();
    Config::parse(text.as_bytes(), Path::new("/c.toml"), &folders).map_err(|error| error.to_string())
}

#[test]
fn the_documented_example_is_understood() {
    let config = parse(
        r#"
        ttl = "5m"
        key_store = "file"
        [profile.work]
        hosts = ["gateway.acme.example", "http://127.0.0.1:8080"]
        chain = ["acme", "vault-key", "api-key"]
        directories = ["~/code/acme"]
        [entry.vault-key]
        command = ["vault", "kv", "get", "-field=key", "secret/claude"]
        kind = "bearer"
        ttl = "1h"
        vary = ["VAULT_*"]
        on_error = "next"
        [provider.acme]
        issuer = "https://acme.okta.example/oauth2/default"
        client_id = "0oa"
        scopes = ["openid", "offline_access"]
        "#,
    )
    .unwrap();
    assert_eq!(config.ttl, Some(Duration::from_mins(5)));
    assert_eq!(config.key_store, KeyStore::File);
    let work = &config.profiles["work"];
    assert!(work.lists(&Origin::of_url("http://127.0.0.1:8080").unwrap(), "v1").is_some());
    assert_eq!(work.directories, [Path::new("/home/me/code/acme")]);
    assert_eq!(config.profiles["default"].chain.len(), 6);
    assert!(config.entries["vault-key"].on_error_next);
    let acme = Program::Helper { name: "oauth".into(), args: vec!["--provider".into(), "acme".into()] };
    assert_eq!(config.entries["acme"].program, acme);
}

#[test]
fn a_mistake_is_named_by_file_and_line_and_no_value_is_shown() {
    for (text, line, says) in [
        ("\nttl = \"CANARY\"", 2, "`ttl`"),
        ("key_store = \"CANARY\"", 1, "\"auto\", \"keychain\", \"file\""),
        ("\n\nkey_stare = 1", 3, "key_stare"),
        ("[profile.x]\nhosts = [\"a.example\",\n\"CANARY@b.example\"]", 3, "not a host"),
        ("[profile.x]\nhosts = []", 2, "empty"),
        ("[profile.x]\nchain = [\"nope\"]", 2, "[entry.NAME]"),
        ("[profile.x]\ndirectories = [\"code\"]", 2, "directories"),
        ("[profile.x]\nclaude_config_dir = \"CANARY\"", 2, "claude_config_dir"),
        ("[entry.x]\nhelper = \"../x\"", 2, "absolute path"),
        ("[entry.x]\nhelper = \"a\"\nshell = \"CANARY\"", 1, "one of"),
        ("[entry.x]\nshell = [\"CANARY\"]", 2, "expected a string"),
        ("[entry.x]\nshell = \"x\"\nstore = true", 1, "needs a `helper`"),
        ("[entry.X]\nshell = \"x\"", 1, "lower-case"),
        ("[entry.x]\ncommand = []", 2, "empty"),
        ("a = \"CANARY", 1, ""),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(&format!("/c.toml:{line}: ")), "{text}: {error}");
        assert!(error.contains(says) && !error.contains("CANARY"), "{text}: {error}");
    }
}

#[test]
fn a_provider_is_understood() {
    let config = parse(
        r#"
        [provider.acme]
        issuer = "https://acme.okta.example/oauth2/default"
        client_id = "0oa"
        client_secret_file = "~/secret"
        scopes = ["openid", "offline_access"]
        resource = "https://gateway.example"
        parameters = { prompt = "consent" }
        store = "file"
        default = true
        redirect_port = 8085
        hosts = ["gateway.example"]
        [provider.ci]
        flow = "token-exchange"
        token_endpoint = "http://127.0.0.1:1234/token"
        assertion_command = ["mint", "it"]
        "#,
    )
    .unwrap();
    let acme = config.default_provider().unwrap();
    assert_eq!((acme.name.as_str(), acme.place.as_str()), ("acme", "/c.toml:2"));
    assert_eq!((acme.flow, acme.store, acme.redirect_port), (Flow::AuthorizationCode, KeyStore::File, Some(8085)));
    assert_eq!(acme.client_secret, Some(ValueSource::File("/home/me/secret".into())));
    assert_eq!(acme.resource, ["https://gateway.example"]);
    let ci = &config.providers["ci"];
    assert_eq!(ci.assertion, Some(TokenSource::Command(vec!["mint".to_owned(), "it".to_owned()])));
    assert_eq!(ci.flow.name(), "token-exchange");
}

#[test]
fn a_mistake_in_a_provider_is_named_by_file_and_line_and_no_value_is_shown() {
    const TOP: &str = "[provider.x]\nissuer = \"https://a.example\"\nclient_id = \"c\"\n";
    for (text, line, says) in [
        ("client_secret = \"CANARY\"", 4, "client_secret"),
        ("token_endpoint = \"http://CANARY.example/token\"", 4, "https://"),
        ("token_endpoint = \"https://CANARY@a.example/token\"", 4, "https://"),
        ("flow = \"CANARY\"", 4, "\"authorization-code\", \"device-code\""),
        ("scopes = [\"a CANARY\"]", 4, "one word"),
        ("store = \"CANARY\"", 4, "\"auto\", \"keychain\", \"file\""),
        ("redirect_port = 0", 4, "65535"),
        ("redirect_uri = \"https://CANARY.example/callback\"", 4, "on this machine"),
        ("redirect_uri = \"http://localhost/\"\nredirect_port = 1", 1, "only one of"),
        ("token = \"CANARY\"", 4, "\"access\", \"id\""),
        ("token = \"id\"", 1, "openid"),
        ("proxy = \"http://me:CANARY@proxy.example\"", 4, "without a password"),
        ("proxy = \"socks5://CANARY.example\"", 4, "http://"),
        ("client_key_file = \"/CANARY\"\nclient_assertion_file = \"/CANARY\"", 1, "only one of"),
        ("client_key_file = \"/CANARY\"\nclient_secret_variable = \"V\"", 1, "one of them only"),
        ("hosts = [\"CANARY@a\"]", 4, "not a host"),
        ("assertion_file = \"CANARY\"", 4, "begins with"),
        ("assertion_file = \"/CANARY\"\nassertion_variable = \"V\"", 1, "only one of"),
        ("client_secret_file = \"/CANARY\"\nclient_secret_variable = \"V\"", 1, "only one of"),
        ("parameters = { prompt = \"x\", state = \"CANARY\" }", 4, "sent anyway"),
        ("[provider.x.parameters]\nprompt = \"x\"\nredirect_uri = \"CANARY\"", 6, "sent anyway"),
        ("flow = \"client-credentials\"", 1, "client_secret_file"),
        ("flow = \"jwt-bearer\"", 1, "assertion_file"),
        (
            "default = true\n[provider.y]\nissuer = \"https://a.example\"\nclient_id = \"c\"\ndefault = true",
            5,
            "default",
        ),
    ] {
        let error = parse(&format!("{TOP}{text}")).unwrap_err();
        assert!(error.starts_with(&format!("/c.toml:{line}: ")), "{text}: {error}");
        assert!(error.contains(says) && !error.contains("CANARY"), "{text}: {error}");
    }
    let secret = "[provider.x]\nflow = \"jwt-bearer\"\ntoken_endpoint = \"https://a.example\"\nassertion_variable = \"V\"\n\
                  client_secret_variable = \"S\"";
    let error = parse(secret).unwrap_err();
    assert!(error.starts_with("/c.toml:1: ") && error.contains("`client_id`"), "{error}");
    assert!(parse("[provider.x]\nclient_id = \"c\"").unwrap_err().contains("`issuer`"));
}
