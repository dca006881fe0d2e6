use std::process::Command;

use crate::{skip, tool};

/// Whether git knows both `password_expiry_utc` and `authtype`, which 2.46 is the first to do; if not, `what` is skipped.
pub fn git_knows_more(what: &str) -> bool {
    let output = Command::new(tool("git").expect("git is installed")).arg("--version").output().expect("its version");
    let said = String::from_utf8_lossy(&output.stdout);
    let version = said.trim().trim_start_matches("git version ");
    let knows = knows_more(version);
    if !knows {
        skip(what, &format!("git is {version}, and 2.46 or later is needed"));
    }
    knows
}

fn knows_more(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (2, 46)
}

#[cfg(test)]
mod tests {
    use super::knows_more;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(["2.46.0", "2.50.1", "2.100", "3.0.rc1"].into_iter().all(knows_more));
        assert!(!["2.39.5", "2.45.9", "1.99", "unknown"].into_iter().any(knows_more));
    }
}
