use clap::ValueEnum;

use super::variables::Variables;
use crate::Secret;

/// The shells whose assignments we write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// POSIX: sh, bash, zsh, dash.
    #[default]
    Sh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}

impl Shell {
    /// The lines that set what is to be set, and take away what must not be. Always all of them: where the text is
    /// evaluated is not known, and unsetting a variable that is not set does no harm.
    pub(super) fn lines(self, variables: &Variables) -> impl Iterator<Item = String> {
        let set = variables.set.iter().map(move |(name, value)| self.assignment(name, value));
        set.chain(self.removals(&variables.removed))
    }

    fn assignment(self, name: &str, value: &Secret) -> String {
        let value = value.expose();
        match self {
            Self::Sh => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Self::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
            Self::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
        }
    }

    fn removals(self, names: &[&str]) -> Vec<String> {
        match self {
            _ if names.is_empty() => Vec::new(),
            Self::Sh => vec![format!("unset {}", names.join(" "))],
            // Erasing a universal variable would take it from every shell for ever: it is hidden from this one, by an
            // empty one, which counts as unset.
            Self::Fish => {
                names.iter().map(|name| format!("set -eg {name}; set -q {name}; and set -gx {name} ''")).collect()
            }
            Self::Powershell => {
                let names: Vec<String> = names.iter().map(|name| format!("Env:{name}")).collect();
                vec![format!("Remove-Item {} -ErrorAction SilentlyContinue", names.join(","))]
            }
        }
    }
}
