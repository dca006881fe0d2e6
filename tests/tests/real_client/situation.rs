//! What `explain` says of the client, beside what the client sends.

use std::path::PathBuf;

use claude_credential_tests::Call;
use claude_credential_tests::real_client::RealClient;
use claude_credential_tests::script::Script;
use serde_json::{Value, json};

pub(crate) const DESCRIPTOR: &str = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR";

/// Where the situations lead: elsewhere the client would get no key.
const HOSTS: [&str; 6] = [
    "api.anthropic.com",
    "acme.services.ai.azure.com",
    "bedrock-runtime.us-east-1.amazonaws.com",
    "us-east5-aiplatform.googleapis.com",
    "aws-external-anthropic.us-west-2.api.aws",
    "bedrock-mantle.us-west-2.api.aws",
];

const CUSTOM_HEADERS: &str = "ANTHROPIC_CUSTOM_HEADERS";

/// What decides which credential the client sends. Every secret is named after its source, as `explain` calls that: what
/// is sent says by its name what `explain` has to say.
pub(crate) struct Situation {
    pub(crate) client: RealClient,
    folder: PathBuf,
    description: Vec<String>,
}

impl Situation {
    /// With `apiKeyHelper`, with variables that hold a credential of their own name, and with `NAME=VALUE`.
    pub(crate) fn of(there: &[&str]) -> Self {
        let mut client = RealClient::without_setting();
        let fake = client.sandbox.fake("acme", &Script::secrets([client.sandbox.secret("apiKeyHelper")]));
        let entry = fake.entry();
        client.sandbox.config(&format!("[profile.default]\nhosts = {HOSTS:?}\nchain = [\"acme\"]\n\n{entry}"));
        client.sandbox.write("descriptor", client.sandbox.secret(DESCRIPTOR));
        for name in there {
            match name.split_once('=') {
                Some((name, value)) => client.sandbox.set(name, value),
                None if *name == "apiKeyHelper" => client.sets_helper(),
                None if *name == DESCRIPTOR => client.sandbox.set(name, "9"),
                None => client.sandbox.set(name, client.sandbox.secret(name)),
            }
        }
        let folder = client.project();
        Self { client, folder, description: there.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// With a header of the user's own, in which `SECRET` stands for one.
    pub(crate) fn with_header(mut self, header: &str) -> Self {
        let secret = self.client.sandbox.secret(CUSTOM_HEADERS);
        self.client.sandbox.set(CUSTOM_HEADERS, header.replace("SECRET", &secret));
        self.description.push(header.to_owned());
        self
    }

    /// With a file in the home that sets variables to credentials of their own names, as settings do.
    pub(crate) fn with_settings(mut self, file: &str, name: &str) -> Self {
        self.client.sandbox.write(file, json!({"env": {name: self.client.sandbox.secret(name)}}).to_string());
        self.description.push(format!("{name} in {file}"));
        self
    }

    /// Started in that folder below the home.
    pub(crate) fn in_folder(mut self, folder: &str) -> Self {
        self.folder = self.client.sandbox.folder(folder);
        self.description.push(format!("started in {folder}"));
        self
    }

    /// With a repository of git in that folder below the home.
    pub(crate) fn in_repository(mut self, folder: &str) -> Self {
        // A git that is not where it was built finds no templates, and says so.
        let git = self.client.sandbox.git(&["init", "--quiet", "--template="]);
        git.in_folder(&self.client.sandbox.folder(folder)).run().succeeds();
        self.description.push(format!("a repository in {folder}"));
        self
    }

    /// Fails unless `explain` names, for both headers, the sources of what the client sends.
    #[track_caller]
    pub(crate) fn is_explained(&self) {
        // The client does not wait for a key that it could do without: its first request may lack one that the next has.
        self.client.api.wants("true");
        self.call().args(self.client.command()).run();
        let sent = self.client.api.messages().pop();
        let sent = sent.map_or((None, None), |sent| (sent.authorization, sent.x_api_key));
        let explain = self.call().arg(self.client.sandbox.bin("claude-credential"));
        let output = explain.args(["explain", "--json", "--for-client"]).run();
        let said: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"));
        let source = |header: &str| said["client"][header]["source"].as_str().map(str::to_owned);
        assert_eq!((source("authorization"), source("x_api_key")), sent, "{}: {said:#}", self.description.join(", "));
    }

    /// A program, whose words are to be added, with the key on the descriptor.
    fn call(&self) -> Call<'_> {
        let shell = self.client.sandbox.call("/bin/sh", &["-c", r#"exec "$@" 9<"$HOME/descriptor""#, "sh"]);
        shell.in_folder(&self.folder)
    }
}
