//! A credential helper: answers with an API key from an environment variable.

use std::process::ExitCode;

use claude_credential_protocol::{
    Auth, BaseUrl, Credential, Error, Helper, HelperCli, NoCommands, Request, parse_token,
};

/// Answers with the API key in an environment variable
#[derive(Debug, clap::Args)]
struct Template {
    /// The variable that holds the key
    #[arg(long, value_name = "NAME", default_value = "TEMPLATE_KEY")]
    variable: String,

    /// Where the key may go
    #[arg(long, value_name = "HOST[:PORT]|URL", default_value = "api.anthropic.com", value_parser = BaseUrl::listed)]
    host: BaseUrl,
}

impl Helper for Template {
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        // The key belongs to no account, and goes to one host.
        if request.username.is_some() || !request.is_for(&self.host) {
            return Ok(None);
        }
        let Some(value) = std::env::var_os(&self.variable) else { return Ok(None) };
        let key = parse_token(value.as_encoded_bytes())
            .map_err(|problem| Error::config(format!("{0} holds no key: {problem}; set {0} to one", self.variable)))?;
        Ok(Some(Credential::new(Auth::ApiKey(key)).from_source(format!("env:{}", self.variable))))
    }
}

impl HelperCli for Template {
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    type Commands = NoCommands;

    /// What `print` asks for.
    fn print_host(&self) -> Result<BaseUrl, Error> {
        Ok(self.host.clone())
    }
}

fn main() -> ExitCode {
    claude_credential_protocol::main::<Template>()
}

#[cfg(test)]
mod tests;
