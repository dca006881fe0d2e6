//! What we read in AWS's files and times beside what botocore reads, which is the AWS CLI's library. Where the two differ
//! on purpose, docs/design/aws-profiles.md says so.
//!
//! `tests/run.sh` runs these, in a network of their own.

use claude_credential_tests::aws::{Answered, Fixture};
use claude_credential_tests::cloud::python_program;
use claude_credential_tests::workspace;
use serde_json::{Value, json};

const NAMES: [&str; 14] = [
    "work", "my work", "r&d", "büro", "工作", "it's", "a#b", "a;b", "a:b/c", "a=b", "a\"b", "a\\b", "$HOME", "default",
];

/// Everything that may stand between two brackets for a name.
fn written(name: &str) -> [String; 5] {
    let escaped = name.replace('\\', "\\\\").replace(' ', "\\ ").replace('\'', "\\'").replace('"', "\\\"");
    [name.to_owned(), format!("'{name}'"), format!("\"{name}\""), escaped, format!("  {name}\t")]
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn names_of_profiles_are_read_as_botocore_reads_them() {
    let mut cases = Vec::new();
    for name in NAMES {
        for written in written(name) {
            cases.push(case(name, &format!("[profile {written}]\n{}", keys("")), ""));
        }
        cases.push(case(name, "", &format!("[{name}]\n{}", keys(""))));
        cases.push(case(name, &format!("[{name}]\n{}", keys("")), ""));
    }
    assert_eq!(differences(&cases), Vec::<String>::new());
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn lines_are_read_as_botocore_reads_them() {
    let indented = keys("    ");
    let plain = keys("");
    let configs = [
        format!("[profile work]\n{indented}"),
        format!("[default]\nregion = us-east-1\n\n[profile work]\n{indented}"),
        format!("[profile other]\n    region = us-east-1\n[profile work]\n{plain}"),
        format!("[profile work]\n    # a comment\n\t; another\n{plain}"),
        format!("[profile work] # a comment\n{plain}"),
        format!("[profile work]\ns3 =\n  max_queue_size = 1\n{plain}"),
        format!("[profile work]\n{}", plain.replace(" = ", ":")),
        format!("[profile work]\n{}", plain.replace(" = ", "=").to_uppercase().replace("EU-WEST-1", "eu-west-1")),
        format!("[profile work]\n{plain}").replace('\n', "\r\n"),
        format!("[profile work]\n\n\n{plain}\n\n[plugins]\ncli = x\n"),
        format!("# first\n[sso-session 'my org']\nsso_region = us-east-1\n[profile work]\n{plain}"),
        format!("[profile\twork]\n{plain}"),
    ];
    let cases: Vec<_> = configs.iter().map(|config| case("work", config, "")).collect();
    let both = case("work", "[profile work]\nregion = us-west-2\n", &format!("[work]\n{plain}"));
    assert_eq!(differences(&[cases, vec![both]].concat()), Vec::<String>::new());
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn times_are_read_as_botocore_reads_them() {
    let (days, clocks) = (["2099-01-02", "20990102"], ["03:04:05", "03:04", "030405", "03:04:05.678"]);
    let zones = ["Z", "+00:00", "+0000", "-0500", "+01", "-03:30", "UTC"];
    let mut times = Vec::new();
    for (day, clock, between) in days
        .iter()
        .flat_map(|day| clocks.map(|clock| (*day, clock)))
        .flat_map(|(day, clock)| ["T", " "].map(|between| (day, clock, between)))
    {
        // The basic form has no colons anywhere, as ISO 8601 has it.
        if day.contains('-') == clock.contains(':') {
            times.extend(zones.map(|zone| format!("{day}{between}{clock}{zone}")));
        }
    }
    let cases: Vec<_> = times.iter().map(|time| json!({ "time": time })).collect();
    let theirs = botocore(&Fixture::new(), &cases);
    let mut fixture = Fixture::new();
    fixture.environment("ASIAENV", true);
    let mut different = Vec::new();
    for (time, theirs) in times.iter().zip(theirs) {
        fixture.set("AWS_CREDENTIAL_EXPIRATION", time);
        let get = fixture.get(&[], &[]).run();
        let ours = (get.code() == Some(0)).then(|| Answered::of(&get).until).flatten();
        if ours.is_none() || json!(ours) != theirs {
            different.push(format!("{time}: {ours:?}, and botocore {theirs}"));
        }
    }
    assert_eq!(different, Vec::<String>::new());
}

/// Lines of a section; its secret is put in for each reader.
fn keys(indent: &str) -> String {
    ["region = eu-west-1", "aws_access_key_id = AKIAFILE", "aws_secret_access_key = SECRET"]
        .map(|line| format!("{indent}{line}\n"))
        .concat()
}

fn case(profile: &str, config: &str, credentials: &str) -> Value {
    json!({ "profile": profile, "config": config, "credentials": credentials })
}

/// The cases in which we don't read what botocore reads.
fn differences(cases: &[Value]) -> Vec<String> {
    let mut different = Vec::new();
    for (case, theirs) in cases.iter().zip(botocore(&Fixture::new(), cases)) {
        let ours = ours(case);
        if ours != theirs {
            different.push(format!("{case}: {ours}, and botocore {theirs}"));
        }
    }
    different
}

fn ours(case: &Value) -> Value {
    let mut fixture = Fixture::new();
    let secret = fixture.sandbox.secret("file-secret");
    for name in ["config", "credentials"] {
        let text = case[name].as_str().expect("a text").replace("SECRET", &secret);
        // Lines in capitals keep theirs: the name of the setting holds the word, too.
        let text = text.replace(&format!("AWS_{secret}_ACCESS_KEY"), "AWS_SECRET_ACCESS_KEY");
        fixture.sandbox.write(format!(".aws/{name}"), text);
    }
    fixture.set("AWS_PROFILE", case["profile"].as_str().expect("a name"));
    let get = fixture.get(&[], &[]).run();
    if get.code() != Some(0) {
        get.exits(78);
        return Value::Null;
    }
    let answered = Answered::of(&get);
    json!({ "region": answered.region, "aws_access_key_id": answered.id })
}

fn botocore(fixture: &Fixture, cases: &[Value]) -> Vec<Value> {
    let oracle = workspace().join("tests/servers/aws_oracle.py");
    let call = fixture.sandbox.call(python_program("python"), &[oracle.to_str().expect("a name in UTF-8")]);
    serde_json::from_str(&call.says(json!(cases).to_string()).run().succeeds().stdout).expect("JSON")
}
