use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use clap::Parser;
use claude_credential_config::{Environment, generation};
use claude_credential_files::Identity;
use claude_credential_protocol::{Error, Request, serve};

use crate::options::Apikey;

mod sources;
mod store_erase;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    helper: Apikey,
}

/// The helper with these options and variables, in a home of its own whose keys are kept in files.
pub(crate) struct Fixture {
    pub(crate) home: tempfile::TempDir,
    pub(crate) helper: Apikey,
}

impl Fixture {
    pub(crate) fn new(options: &[&str], variables: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut helper = Line::parse_from([&["apikey"], options].concat()).helper;
        let home_variable = [("HOME", home.path().to_str().unwrap())];
        helper.suite.environment = Environment::from_pairs(home_variable.iter().chain(variables).copied());
        let folder = home.path().join(".config/claude-credential");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), "key_store = \"file\"\n").unwrap();
        Self { home, helper }
    }

    fn set(&mut self, name: &str, value: &str) {
        let pairs = self.helper.suite.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.helper.suite.environment = Environment::from_pairs(pairs.chain([(name.into(), value.into())]));
    }

    fn file(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn setting(&self, command: &str) {
        let command = command.replace('"', "\\\"");
        self.file(".claude/settings.json", &format!("{{\"apiKeyHelper\":\"{command}\"}}"), 0o644);
    }

    fn get(&self, request: &Request) -> Result<String, Error> {
        self.serve("get", &request.to_message().unwrap().to_bytes())
    }

    fn serve(&self, operation: &str, mut message: &[u8]) -> Result<String, Error> {
        let mut stdout = Vec::new();
        serve(&self.helper, operation, &mut message, &mut stdout)?;
        Ok(String::from_utf8(stdout).unwrap())
    }

    /// As git calls without capabilities; `more` are further lines.
    fn git(&self, operation: &str, host: &str, more: &str) -> String {
        self.serve(operation, format!("protocol=https\nhost={host}\n{more}\n").as_bytes()).unwrap()
    }

    fn generation(&self) -> Identity {
        Identity::of(&generation::path(&self.helper.suite.folders().unwrap()))
    }
}

const HOST: &str = "api.anthropic.com";

fn anthropic() -> Request {
    Request::new("https", HOST)
}
