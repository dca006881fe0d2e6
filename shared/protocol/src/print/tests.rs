use super::{Format, PrintOptions, Shell, print};
use crate::{Auth, Credential};

fn printed(auth: Auth, format: Format, shell: Shell) -> String {
    let credential = Credential { expires_at: Some(1_785_576_600), ..Credential::new(auth) };
    let mut out = Vec::new();
    match print(&credential, PrintOptions { format, shell }, &mut out) {
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
    assert_eq!(printed(key(), Format::Env, Shell::Sh), "export ANTHROPIC_API_KEY='a'\\''b\"c\\d'\n");
    assert_eq!(printed(key(), Format::Env, Shell::Fish), "set -gx ANTHROPIC_API_KEY 'a\\'b\"c\\\\d'\n");
    assert_eq!(printed(key(), Format::Env, Shell::Powershell), "$env:ANTHROPIC_API_KEY = 'a''b\"c\\d'\n");
    assert_eq!(printed(key(), Format::Curl, Shell::Sh), "header = \"x-api-key: a'b\\\"c\\\\d\"\n");
}

#[test]
fn what_an_earlier_key_of_awss_left_in_a_shell_is_taken_away() {
    let printed = |shell| {
        let mut out = Vec::new();
        let options = PrintOptions { format: Format::Env, shell };
        print(&Credential::new(aws(false)), options, &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().skip(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        printed(Shell::Sh),
        ["unset AWS_SESSION_TOKEN", "export AWS_REGION='us-east-1'", "unset AWS_CREDENTIAL_EXPIRATION"]
    );
    assert_eq!(printed(Shell::Fish)[0], "set -e AWS_SESSION_TOKEN");
    assert_eq!(printed(Shell::Powershell)[0], "$env:AWS_SESSION_TOKEN = $null");
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
        print(&vertex, PrintOptions { format, ..PrintOptions::default() }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(printed(Format::Key), "t\n");
    assert_eq!(
        printed(Format::Env),
        "export ANTHROPIC_AUTH_TOKEN='t'\nexport ANTHROPIC_VERTEX_PROJECT_ID='p'\nexport CLOUD_ML_REGION='global'\n"
    );
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
