use super::{Family, Format, PrintOptions, Shell, print};
use crate::{Auth, Credential};

/// The variables that are set, and those that are taken away.
fn variables(credential: &Credential) -> (Vec<(String, String)>, Vec<String>) {
    let mut out = Vec::new();
    let options = PrintOptions { format: Format::Env, shell: Shell::Sh };
    print(credential, Family::of(credential, None), options, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let set = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    let removed = text.lines().filter_map(|line| line.strip_prefix("unset ")).flat_map(str::split_whitespace);
    (set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), removed.map(str::to_owned).collect())
}

fn lines(credential: &Credential, family: Family, shell: Shell) -> Vec<String> {
    let mut out = Vec::new();
    print(credential, family, PrintOptions { format: Format::Env, shell }, &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

fn printed(auth: Auth, format: Format, shell: Shell) -> String {
    let credential = Credential { expires_at: Some(1_785_576_600), ..Credential::new(auth) };
    let mut out = Vec::new();
    match print(&credential, Family::of(&credential, None), PrintOptions { format, shell }, &mut out) {
        Ok(()) => String::from_utf8(out).unwrap(),
        Err(error) => format!("{}: {error}", error.class().exit_code()),
    }
}

fn aws(token: bool) -> Auth {
    Auth::Aws {
        access_key_id: "AKIA".to_owned(),
        secret_access_key: "s".into(),
        session_token: token.then(|| "t".into()),
        region: Some("us-east-1".to_owned()),
    }
}

#[test]
fn quotes_in_a_secret_end_no_quotation() {
    let key = || Auth::ApiKey(r#"a'b"c\d"#.into());
    let first = |shell| lines(&Credential::new(key()), Family::Anthropic, shell).swap_remove(0);
    assert_eq!(first(Shell::Sh), "export ANTHROPIC_API_KEY='a'\\''b\"c\\d'");
    assert_eq!(first(Shell::Fish), "set -gx ANTHROPIC_API_KEY 'a\\'b\"c\\\\d'");
    assert_eq!(first(Shell::Powershell), "$env:ANTHROPIC_API_KEY = 'a''b\"c\\d'");
    assert_eq!(printed(key(), Format::Curl, Shell::Sh), "header = \"x-api-key: a'b\\\"c\\\\d\"\n");
}

#[test]
fn what_an_earlier_key_of_awss_left_in_a_shell_is_taken_away() {
    let (set, removed) = variables(&Credential::new(aws(false)));
    let set: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(set, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "CLAUDE_CODE_USE_BEDROCK"]);
    for name in ["AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"] {
        assert!(removed.iter().any(|other| other == name), "{name}: {removed:?}");
    }
}

#[test]
fn each_shell_takes_away_in_its_own_language_and_none_takes_away_what_it_sets() {
    let key = Credential::new(Auth::ApiKey("k".into()));
    let (set, removed) = variables(&key);
    assert_eq!(set, [("ANTHROPIC_API_KEY".to_owned(), "'k'".to_owned())]);
    assert!(!removed.contains(&"ANTHROPIC_API_KEY".to_owned()) && removed.len() > 10, "{removed:?}");
    let last = |shell| lines(&key, Family::Anthropic, shell).pop().unwrap();
    assert!(last(Shell::Sh).starts_with("unset ANTHROPIC_AUTH_TOKEN "));
    let name = "CLAUDE_CODE_USE_VERTEX";
    assert_eq!(last(Shell::Fish), format!("set -eg {name}; set -q {name}; and set -gx {name} ''"));
    let powershell = last(Shell::Powershell);
    assert!(powershell.starts_with("Remove-Item Env:ANTHROPIC_AUTH_TOKEN,Env:"), "{powershell}");
    assert!(powershell.ends_with(" -ErrorAction SilentlyContinue"), "{powershell}");
}

#[test]
fn a_token_is_in_the_variable_of_those_who_take_it() {
    let token = |headers: &[&str]| Credential {
        headers: headers.iter().map(|&header| header.to_owned()).collect(),
        ..Credential::new(Auth::Bearer("t".into()))
    };
    let oauth = "anthropic-beta: oauth-2025-04-20";
    assert_eq!(variables(&token(&[])).0, [("ANTHROPIC_AUTH_TOKEN".to_owned(), "'t'".to_owned())]);
    assert_eq!(variables(&token(&[oauth])).0, [("CLAUDE_CODE_OAUTH_TOKEN".to_owned(), "'t'".to_owned())]);
    let bedrock = lines(&token(&[]), Family::BedrockKey, Shell::Sh);
    assert_eq!(bedrock[..2], ["export AWS_BEARER_TOKEN_BEDROCK='t'", "export CLAUDE_CODE_USE_BEDROCK='1'"]);
    // The other headers that it needs are told as well, and one that nobody can tell is an error.
    assert!(variables(&token(&[oauth, "X-Tenant: a"])).0[1].1.contains("X-Tenant: a"));
    let mut out = Vec::new();
    let options = PrintOptions { format: Format::Env, shell: Shell::Sh };
    let error = print(&token(&["Anthropic-Beta: other"]), Family::Anthropic, options, &mut out).unwrap_err();
    assert_eq!((error.class().exit_code(), out.len()), (78, 0));
    assert!(error.to_string().contains("anthropic-beta") && error.to_string().contains("--format curl"), "{error}");
}

#[test]
fn each_kind_is_sent_in_its_own_header() {
    assert_eq!(printed(Auth::ApiKey("k".into()), Format::Header, Shell::Sh), "x-api-key: k\n");
    assert_eq!(printed(Auth::Bearer("t".into()), Format::Header, Shell::Sh), "Authorization: Bearer t\n");
    assert_eq!(printed(Auth::Bearer("t".into()), Format::HeadersJson, Shell::Sh), "{\"Authorization\":\"Bearer t\"}\n");
}

#[test]
fn a_token_for_vertex_says_its_project_its_region_and_whose_quota_it_uses() {
    let vertex = Credential {
        project: Some("p".to_owned()),
        quota_project: Some("q".to_owned()),
        region: Some("global".to_owned()),
        ..Credential::new(Auth::Bearer("t".into()))
    };
    let printed = |format| {
        let mut out = Vec::new();
        let family = Family::of(&vertex, None);
        print(&vertex, family, PrintOptions { format, ..PrintOptions::default() }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(printed(Format::Key), "t\n");
    // Without the switch it would be sent to Anthropic.
    let expected = [
        ("ANTHROPIC_AUTH_TOKEN", "'t'"),
        ("ANTHROPIC_VERTEX_PROJECT_ID", "'p'"),
        ("CLOUD_ML_REGION", "'global'"),
        ("CLAUDE_CODE_USE_VERTEX", "'1'"),
        ("CLAUDE_CODE_SKIP_VERTEX_AUTH", "'1'"),
        ("ANTHROPIC_CUSTOM_HEADERS", "'x-goog-user-project: q'"),
    ];
    assert_eq!(variables(&vertex).0, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(printed(Format::Header), "Authorization: Bearer t\nx-goog-user-project: q\n");
    let json: serde_json::Value = serde_json::from_str(&printed(Format::Json)).unwrap();
    assert_eq!(
        (&json["project"], &json["quota_project"], &json["region"]),
        (&"p".into(), &"q".into(), &"global".into())
    );
}

#[test]
fn aws_formats_are_exact() {
    assert_eq!(
        printed(aws(true), Format::Sts, Shell::Sh),
        "{\"Credentials\":{\"AccessKeyId\":\"AKIA\",\"Expiration\":\"2026-08-01T09:30:00Z\",\
         \"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}}\n"
    );
    assert_eq!(
        printed(aws(false), Format::CredentialProcess, Shell::Sh),
        "{\"AccessKeyId\":\"AKIA\",\"Expiration\":\"2026-08-01T09:30:00Z\",\"SecretAccessKey\":\"s\",\
         \"Version\":1}\n"
    );
    assert!(printed(aws(false), Format::Sts, Shell::Sh).starts_with("78: "));
    assert!(printed(aws(true), Format::Key, Shell::Sh).starts_with("78: "));
    assert!(printed(Auth::ApiKey("CANARY".into()), Format::Sts, Shell::Sh).starts_with("78: "));
}
