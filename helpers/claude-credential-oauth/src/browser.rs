//! The user's browser.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use claude_credential_config::Environment;
use claude_credential_process::{Active, find_on_path};

/// Opens `url`; `false` if there is no browser to open it.
pub(crate) fn open(environment: &Environment, active: &Active, url: &str) -> bool {
    candidates(environment, url).into_iter().any(|(program, arguments)| start(active, &program, &arguments))
}

/// The commands of `BROWSER` first (<https://www.man7.org/linux/man-pages/man1/xdg-open.1.html>), then the desktop's own.
fn candidates(environment: &Environment, url: &str) -> Vec<(PathBuf, Vec<String>)> {
    let path = environment.get_os("PATH").unwrap_or_default();
    let find = |word: &str| match Path::new(word) {
        file if file.is_absolute() => Some(file.to_owned()),
        _ if word.contains('/') => None,
        _ => find_on_path(word, path),
    };
    let chosen = environment.get("BROWSER").ok().flatten().unwrap_or_default().split(':').filter_map(|command| {
        let mut words = command.split_whitespace();
        let program = find(words.next()?)?;
        let mut arguments: Vec<String> = words.map(|word| word.replace("%s", url)).collect();
        if !command.contains("%s") {
            arguments.push(url.to_owned());
        }
        Some((program, arguments))
    });
    let own = os::opener(environment).and_then(find).map(|program| (program, vec![url.to_owned()]));
    chosen.chain(own).collect()
}

fn start(active: &Active, program: &Path, arguments: &[String]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // The program may be the browser itself, which must not get the signals of this terminal.
    command.process_group(0);
    active.hand_down(&mut command);
    command.spawn().map(|mut child| thread::spawn(move || child.wait())).is_ok()
}

/// What differs between operating systems.
mod os {
    use claude_credential_config::Environment;

    /// The program that opens the desktop's browser; `None` if there is no desktop.
    #[cfg(target_os = "macos")]
    pub(super) fn opener(_environment: &Environment) -> Option<&'static str> {
        Some("open")
    }

    /// The program that opens the desktop's browser; `None` if there is no desktop.
    #[cfg(not(target_os = "macos"))]
    pub(super) fn opener(environment: &Environment) -> Option<&'static str> {
        let has_desktop = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| environment.get_os(name).is_some());
        has_desktop.then_some("xdg-open")
    }
}

#[cfg(test)]
mod tests {
    use claude_credential_config::Environment;

    use super::candidates;

    #[test]
    fn the_variable_comes_first_and_nothing_is_found_in_the_working_directory() {
        let environment =
            |browser: &str| Environment::from_pairs([("PATH", ".:relative:/bin"), ("BROWSER", browser), ("HOME", "/")]);
        let found = candidates(&environment("/bin/sh -c %s:sh:./evil:nowhere-to-be-found"), "URL");
        let shown: Vec<String> =
            found.iter().map(|(program, arguments)| format!("{} {}", program.display(), arguments.join(" "))).collect();
        assert_eq!(shown, ["/bin/sh -c URL", "/bin/sh URL"]);
        assert!(candidates(&environment(""), "URL").is_empty());
    }
}
