//! Companies' authorities and proxies: whom the helpers believe, and what they say of variables that can't be used.

use std::path::Path;

use claude_credential_tests::oauth::{CertificateAuthority, Fixture, Machines, Proxy, Signer};
use claude_credential_tests::{Output, skip};
use serde_json::json;

/// A provider behind an authority of a company's own.
struct Company {
    fixture: Fixture,
    /// The authority's certificate.
    pem: String,
    _proxy: Proxy,
}

impl Company {
    fn new() -> Self {
        let mut fixture = Fixture::new();
        let machines = Machines::start(&fixture.sandbox, &Signer::new());
        let authority = CertificateAuthority::new();
        let pem = authority.pem();
        let proxy = Proxy::start(authority, machines.answers());
        fixture.sandbox.set("MACHINE_SECRET", fixture.sandbox.secret("client"));
        fixture.sandbox.set("HTTPS_PROXY", proxy.url());
        fixture.provider(
            "flow = \"client-credentials\"\nstore = \"file\"\ntoken_endpoint = \"https://idp.acme.example/client\"\n\
             client_id = \"machine\"\nscopes = [\"inference\", \"batch\"]\naudience = \"https://gateway.example\"\n\
             client_secret_variable = \"MACHINE_SECRET\"",
        );
        Self { fixture, pem, _proxy: proxy }
    }

    fn authority(&self) -> std::path::PathBuf {
        self.fixture.sandbox.write("acme.pem", &self.pem)
    }

    /// Another that has signed nothing.
    fn other(&self) -> std::path::PathBuf {
        self.fixture.sandbox.write("other.pem", CertificateAuthority::new().pem())
    }

    fn print(&self) -> Output {
        self.fixture.print().args(["--no-cache"]).run()
    }
}

#[test]
fn a_company_s_authority_is_added_by_node_s_variable_in_the_environment_or_the_user_s_settings() {
    let mut company = Company::new();
    let unknown = company.print();
    assert!(unknown.fails(75).contains("NODE_EXTRA_CA_CERTS="), "{unknown:#?}");
    assert!(unknown.error_line().contains("certificate of idp.acme.example"), "{unknown:#?}");
    let (authority, other) = (company.authority(), company.other());
    company.fixture.sandbox.settings(&json!({ "env": {"NODE_EXTRA_CA_CERTS": authority} }));
    assert_eq!(company.print().key(), "machine-1");
    // As for Claude Code, the settings win.
    company.fixture.sandbox.set("NODE_EXTRA_CA_CERTS", &other);
    assert_eq!(company.print().key(), "machine-1");
    company.fixture.sandbox.settings(&json!({ "env": {"NODE_EXTRA_CA_CERTS": other} }));
    std::fs::remove_dir_all(company.fixture.sandbox.home().join(".local/share/claude-credential")).expect("the tokens");
    company.print().fails(75);
    company.fixture.sandbox.settings(&json!({}));
    company.fixture.sandbox.set("NODE_EXTRA_CA_CERTS", &authority);
    assert_eq!(company.print().key(), "machine-2");
}

#[test]
fn further_authorities_are_added_to_one_another() {
    for (variable, value) in [("SSL_CERT_FILE", "other.pem"), ("SSL_CERT_DIR", "folder")] {
        let mut company = Company::new();
        company.other();
        company.fixture.sandbox.write("folder/00000000.0", CertificateAuthority::new().pem());
        let authority = company.authority();
        company.fixture.sandbox.set("NODE_EXTRA_CA_CERTS", authority);
        company.fixture.sandbox.set(variable, company.fixture.sandbox.home().join(value));
        assert_eq!(company.print().key(), "machine-1", "{variable}");
    }
    let mut company = Company::new();
    company.fixture.sandbox.write("folder/acme.crt", &company.pem);
    company.fixture.sandbox.set("SSL_CERT_DIR", company.fixture.sandbox.home().join("folder"));
    assert_eq!(company.print().key(), "machine-1");
}

#[test]
fn the_system_s_authorities_count_beside_openssl_s_variables_and_none_at_all_is_told() {
    let mut company = Company::new();
    let in_system = |company: &Company, prepare: &str| {
        let helper = company.fixture.sandbox.bin("claude-credential-oauth");
        let script = format!("{prepare} && exec \"$0\" --provider acme print");
        let call = company.fixture.sandbox.call("unshare", &["-m", "/bin/sh", "-c", &script]).arg(helper);
        call.shows_secret().run()
    };
    if in_system(&company, "exit 0").code() != Some(0) || !Path::new("/etc/ssl/certs").is_dir() {
        return skip("the system's authorities", "mount namespaces are not to be had");
    }
    let (authority, other) = (company.authority(), company.other());
    let with = format!(
        "mount -t tmpfs none /etc/ssl && mkdir /etc/ssl/certs && cp {} /etc/ssl/certs/ca-certificates.crt",
        authority.display()
    );
    let without = "mount -t tmpfs none /etc/ssl && if test -d /etc/pki; then mount -t tmpfs none /etc/pki; fi";
    for variable in ["", "SSL_CERT_FILE"] {
        if !variable.is_empty() {
            company.fixture.sandbox.set(variable, &other);
        }
        assert_eq!(in_system(&company, &with).printed_key(), "machine-1", "{variable}");
    }
    // One that is there and empty stands for nothing.
    company.fixture.sandbox.set("SSL_CERT_FILE", "");
    assert_eq!(in_system(&company, &with).printed_key(), "machine-1");
    std::fs::remove_dir_all(company.fixture.sandbox.home().join(".local/share/claude-credential")).expect("the tokens");
    company.fixture.sandbox.unset("SSL_CERT_FILE");
    let none = in_system(&company, without);
    assert!(none.fails(78).contains("no certificates of authorities"), "{none:#?}");
    assert!(none.error_line().contains("ca-certificates"), "{none:#?}");
    company.fixture.sandbox.set("SSL_CERT_FILE", &authority);
    assert_eq!(in_system(&company, without).printed_key(), "machine-2");
}

#[test]
fn a_file_that_has_no_authorities_is_named_with_its_variable() {
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "settings"] {
        let mut company = Company::new();
        let sandbox = &mut company.fixture.sandbox;
        sandbox.write("empty.pem", "");
        sandbox.write("junk.pem", "no certificate");
        sandbox.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        sandbox.write("binary.pem", [0x30, 0x82, 1, 2, 3, 255]);
        for file in ["missing.pem", "empty.pem", "junk.pem", "broken.pem", "binary.pem"] {
            let path = sandbox.home().join(file);
            if variable == "settings" {
                sandbox.settings(&json!({ "env": {"NODE_EXTRA_CA_CERTS": path} }));
            } else {
                sandbox.set(variable, &path);
            }
            let output = sandbox.print().args(["--no-cache", "--chain", "acme"]).run();
            let line = output.fails(78);
            let shown = if variable == "settings" { "settings.json" } else { variable };
            assert!(line.contains(shown) && line.contains(file), "{output:#?}");
            assert!(!line.contains("can't be reached"), "{output:#?}");
        }
    }
}

#[test]
fn a_certificate_in_der_is_told_with_the_command_that_converts_it() {
    let mut company = Company::new();
    let text: String = company.pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).expect("base64");
    let file = company.fixture.sandbox.write("acme.der", der);
    company.fixture.sandbox.set("NODE_EXTRA_CA_CERTS", &file);
    let output = company.print();
    let expected = format!("openssl x509 -inform der -in {} -out", file.display());
    assert!(output.fails(78).contains(&expected), "{output:#?}");
}

#[test]
fn a_variable_of_trust_that_a_project_sets_is_refused_whatever_asks() {
    for variable in ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"] {
        let mut company = Company::new();
        let authority = company.authority();
        let clone = company.fixture.sandbox.folder("clone");
        company
            .fixture
            .sandbox
            .write("clone/.claude/settings.json", json!({ "env": {variable: authority} }).to_string());
        // Not in the environment it is nobody's, and read nowhere.
        let alone = company.fixture.print().in_folder(&clone).run();
        assert!(alone.fails(75).contains("certificate"), "{alone:#?}");
        company.fixture.sandbox.set(variable, &authority);
        for call in [company.fixture.print(), company.fixture.helper(&["print"])] {
            let output = call.in_folder(&clone).run();
            assert!(output.fails(78).contains(&format!("clone/.claude/settings.json:1: {variable}")), "{output:#?}");
        }
        assert_eq!(company.print().key(), "machine-1");
    }
}

#[test]
fn a_proxy_that_can_t_be_used_is_named_unless_none_is_needed() {
    let mut company = Company::new();
    let authority = company.authority();
    company.fixture.sandbox.set("NODE_EXTRA_CA_CERTS", authority);
    for (variable, value, words) in [
        ("HTTPS_PROXY", "socks5://me:CANARY@127.0.0.1:9", "SOCKS"),
        ("HTTPS_PROXY", "socks5h://127.0.0.1:9", "SOCKS"),
        ("HTTPS_PROXY", "ftp://127.0.0.1:9", "is not the URL of a proxy"),
        ("HTTPS_PROXY", "http://", "is not the URL of a proxy"),
        ("HTTPS_PROXY", "http://a b", "is not the URL of a proxy"),
        ("ALL_PROXY", "socks4://127.0.0.1:9", "SOCKS"),
        ("all_proxy", "socks4://127.0.0.1:9", "SOCKS"),
    ] {
        company.fixture.sandbox.unset("HTTPS_PROXY");
        let call = company.fixture.print().args(["--no-cache"]).with(variable, value);
        let output = call.run();
        let line = output.fails(78);
        assert!(
            line.contains(&format!("{variable} {words}")) || line.contains(variable) && line.contains(words),
            "{line}"
        );
        assert!(!line.contains("CANARY") && !line.contains("socks5"), "{line}");
        let call = company.fixture.print().args(["--no-cache"]).with(variable, value).with("NO_PROXY", "acme.example");
        // Nobody is there without it.
        assert!(call.run().fails(75).contains("can't be reached"));
    }
}
