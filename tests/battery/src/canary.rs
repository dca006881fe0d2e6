use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const MARK: &str = "CANARY";
const DIGITS: usize = 12;

/// A word that stands in every secret of one sandbox. Wherever it shows up, a secret did.
#[derive(Debug, Clone)]
pub struct Canary(String);

impl Canary {
    /// One that nobody has seen.
    #[must_use]
    pub fn new() -> Self {
        Self(format!("{MARK}{}", random_digits()))
    }

    /// A made-up secret of that name.
    #[must_use]
    pub fn secret(&self, name: &str) -> String {
        format!("sk-ant-{}-{name}", self.0)
    }

    /// Whether `bytes` hold one of the secrets.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        bytes.windows(self.0.len()).any(|window| window == self.0.as_bytes())
    }

    /// What in and below `folder` holds a secret and is not `known` to. Private stores may, if nobody else can read
    /// them; a name may nowhere.
    pub(crate) fn search(&self, folder: &Path, known: &dyn Fn(&Path) -> bool, leaks: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            if self.is_in(path.as_os_str().as_encoded_bytes()) {
                leaks.push(format!("the name of {}", path.display()));
            }
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            if found.is_dir() {
                self.search(&path, known, leaks);
            } else if found.is_file() && !known(&path) && fs::read(&path).is_ok_and(|bytes| self.is_in(&bytes)) {
                let store = path.components().any(|part| part.as_os_str() == "claude-credential");
                if !store {
                    leaks.push(format!("the file {}", path.display()));
                } else if found.mode() & 0o077 != 0 {
                    leaks.push(format!("the file {}, which others can read", path.display()));
                }
            }
        }
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

/// The name of a made-up secret, for logs and assertions; `other` for what is none.
#[must_use]
pub fn label(secret: &str) -> String {
    let name = secret.find(MARK).and_then(|at| secret.get(at + MARK.len() + DIGITS + 1..));
    name.unwrap_or("other").to_owned()
}

fn random_digits() -> String {
    let mut bytes = [0; DIGITS / 2];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).expect("/dev/urandom gives bytes");
    format!("{:0width$x}", bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)), width = DIGITS)
}
