use super::{DEFAULT, Kind, Section, Sections, Type};

fn config(text: &str) -> Sections {
    let mut sections = Sections::default();
    sections.add(text, Kind::Config, "config");
    sections
}

#[track_caller]
fn profile<'a>(sections: &'a Sections, name: &str) -> &'a Section {
    sections.get(Type::Profile, name).unwrap_or_else(|| panic!("no profile {name}"))
}

/// `tests/tests/clouds/bedrock/botocore.rs` asks botocore for the same and more.
#[test]
fn names_are_read_as_the_aws_cli_writes_them() {
    for (line, name) in [
        ("[profile work]", "work"),
        ("[profile \"work\"]", "work"),
        ("[profile 'my work']", "my work"),
        ("[profile \"my work\"]", "my work"),
        ("[profile my\\ work]", "my work"),
        ("[profile r&d]", "r&d"),
        ("[profile büro]", "büro"),
        ("[profile 工作]", "工作"),
        ("[profile \"it's\"]", "it's"),
        ("[profile a#b]", "a#b"),
        ("[profile \t work ]", "work"),
        ("[profile work] # of mine", "work"),
        ("[profile work] ; of [mine]", "work"),
        ("[default]", "default"),
        ("[profile default]", "default"),
    ] {
        let sections = config(&format!("{line}\nregion = eu-west-1\n"));
        assert_eq!(profile(&sections, name).setting("region").as_deref(), Some("eu-west-1"), "{line}");
    }
    for line in ["[profile my work]", "[profile it's]", "[work]", "[profile]", "[plugins x]"] {
        assert_eq!(config(&format!("{line}\nregion = x\n")).names(Type::Profile).count(), 0, "{line}");
    }
    let sections =
        config("[sso-session 'my org']\nsso_region = us-east-1\n[services \"local\"]\nsts =\n  endpoint_url = x\n");
    assert!(sections.get(Type::SsoSession, "my org").is_some());
    let services = sections.get(Type::Services, "local").unwrap();
    assert_eq!(services.settings["sts"], "\nendpoint_url = x");
}

#[test]
fn names_in_the_credentials_are_taken_as_they_are() {
    for name in ["work", "my work", "r&d", "büro", "\"work\"", "profile work"] {
        let mut sections = Sections::default();
        sections.add(&format!("[{name}]\naws_access_key_id = A\n"), Kind::Credentials, "credentials");
        assert_eq!(profile(&sections, name).setting("aws_access_key_id").as_deref(), Some("A"));
    }
}

/// The files of `findings` of the issue.
#[test]
fn lines_may_be_indented_below_a_section() {
    let sections = config(
        "[default]\nregion = us-east-1\n\n[profile work]\n    region = us-west-2\n    # a comment\n    \
         aws_access_key_id = AKIAX\n  [profile other]\n\tregion : eu-west-1 ; there\r\n",
    );
    assert_eq!(profile(&sections, "work").setting("region").as_deref(), Some("us-west-2"));
    assert_eq!(profile(&sections, "work").setting("aws_access_key_id").as_deref(), Some("AKIAX"));
    assert_eq!(profile(&sections, "other").setting("region").as_deref(), Some("eu-west-1"));
    let deeper = config("[default]\ns3 =\n  max_concurrent_requests = 4\nregion = x\n");
    assert_eq!(profile(&deeper, DEFAULT).settings["s3"], "\nmax_concurrent_requests = 4");
    assert_eq!(profile(&deeper, DEFAULT).setting("region").as_deref(), Some("x"));
}

#[test]
fn a_fault_concerns_its_own_section() {
    let sections = config("[profile bad]\nregion\n[profile good]\nregion = x\n[profile torn\nregion = y\n");
    assert_eq!(
        profile(&sections, "bad").fault.as_deref(),
        Some("config line 2: there is no = after the name of a setting")
    );
    assert!(profile(&sections, "good").fault.is_none());
    assert_eq!(profile(&sections, "good").setting("region").as_deref(), Some("x"), "and not y");
    assert_eq!(profile(&sections, "torn").fault.as_deref(), Some("config line 5: the section has no ]"));
    let sections = config("\u{feff}aws_access_key_id = A\n[profile good]\n");
    assert!(profile(&sections, DEFAULT).fault.as_deref().is_some_and(|fault| fault.starts_with("config line 1: ")));
    assert!(profile(&sections, "good").fault.is_none());
    assert!(profile(&config("\u{feff}[default]\n"), DEFAULT).fault.is_none());
}

#[test]
fn the_later_value_counts_and_a_prefixed_default_replaces_the_other() {
    let mut sections = config("[default]\nregion = a\noutput = json\n[default]\nREGION = b\n");
    sections.add("[default]\nregion = c\n", Kind::Credentials, "credentials");
    assert_eq!(profile(&sections, DEFAULT).setting("region").as_deref(), Some("c"));
    assert_eq!(profile(&sections, DEFAULT).setting("output").as_deref(), Some("json"));
    for text in [
        "[default]\noutput = json\n[profile default]\nregion = p\n",
        "[profile default]\nregion = p\n[default]\noutput = json\n",
    ] {
        let sections = config(text);
        assert_eq!(profile(&sections, DEFAULT).setting("region").as_deref(), Some("p"));
        assert_eq!(profile(&sections, DEFAULT).setting("output"), None);
    }
}
