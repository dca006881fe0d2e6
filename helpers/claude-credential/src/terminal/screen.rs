//! Output for the user: lines that fit, colours if the terminal has them, and spans of time in words.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::path::Path;

use claude_credential_config::Environment;
use claude_credential_protocol::{Millis, Seconds, now, text};
use rustix::termios::tcgetwinsize;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Longer lines are hard to read, and too small in a picture.
const MAX_WIDTH: usize = 100;
const MIN_WIDTH: usize = 40;

/// In a column narrower than this, the text stands below its label instead of beside it.
const MIN_COLUMN: usize = 28;

/// The meaning that a colour shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Title,
    Good,
    Bad,
    Doubtful,
    Dim,
}

/// Lines for stdout.
#[derive(Debug)]
pub(crate) struct Screen {
    width: usize,
    colours: bool,
    home: String,
    pub(crate) text: String,
}

impl Screen {
    /// As wide as the terminal, and in colours unless the terminal or the user (<https://no-color.org>) wants none.
    pub(crate) fn of_stdout(environment: &Environment, home: &Path) -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let columns = tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_col));
        Self {
            width: if is_terminal && columns > 0 { columns.clamp(MIN_WIDTH, MAX_WIDTH) } else { MAX_WIDTH },
            colours: wants_colours(environment, &stdout) && environment.get_os("TERM").is_some(),
            home: home.display().to_string(),
            text: String::new(),
        }
    }

    pub(crate) fn title(&mut self, text: &str) {
        for line in wrapped(&text::one_line(text), self.width) {
            let painted = self.painted(Paint::Title, &line);
            self.put(&painted);
        }
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// `mark label  text`: further lines of the text are indented to its beginning. A label of width 0 is left out.
    pub(crate) fn row(&mut self, mark: (char, Paint), label: (&str, usize), text: &str, paint: Paint) {
        let mark = self.painted(mark.1, &mark.0.to_string());
        let (label, width) = label;
        let beside = if width == 0 { 4 } else { 4 + width + 2 };
        let is_below = self.width < beside + MIN_COLUMN;
        let indent = if is_below { 6 } else { beside };
        let mut head = match width {
            0 => format!("  {mark} "),
            _ if is_below => format!("  {mark} {label}"),
            _ => format!("  {mark} {label:width$}  "),
        };
        if is_below && !label.is_empty() {
            self.put(&head);
        }
        if is_below && width > 0 {
            head = " ".repeat(indent);
        }
        // Names of files and accounts may contain control characters.
        let text = text::one_line(&shortened(text, &self.home));
        for line in wrapped(&text, self.width - indent) {
            let line = self.painted(paint, &line);
            self.put(&format!("{head}{line}"));
            head = " ".repeat(indent);
        }
    }

    /// A further text for the row above.
    pub(crate) fn more(&mut self, width: usize, text: &str, paint: Paint) {
        self.row((' ', Paint::Plain), ("", width), text, paint);
    }

    pub(crate) fn painted(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Title => "1",
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Doubtful => "33",
            Paint::Dim => "2",
        };
        if self.colours && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn put(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}", line.trim_end());
    }
}

/// Whether the stream takes colours, and the user (<https://no-color.org>) wants them.
pub(crate) fn wants_colours(environment: &Environment, stream: &impl IsTerminal) -> bool {
    let is_plain =
        environment.get_os("NO_COLOR").is_some() || environment.get_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !is_plain
}

/// `text` with `~` for the home folder in paths.
fn shortened(text: &str, home: &str) -> String {
    let below = format!("{home}/");
    let mut pieces = text.split(&below);
    let mut short = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        // Not if it is the end of another path.
        let is_start = !short.ends_with(|c: char| c.is_alphanumeric() || "/._-".contains(c));
        short.push_str(if is_start && home != "/" { "~" } else { home });
        short.push('/');
        short.push_str(piece);
    }
    short
}

/// `text` in lines of at most `width` characters. A text that fits on one line keeps its blanks.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let options = Options::new(width.max(1))
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

/// A span of time, to two units.
pub(crate) fn span(millis: Millis) -> String {
    let seconds = millis / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, lesser: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {lesser}"),
    };
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => two(minutes, "min", seconds % 60, "s"),
        3600..86_400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, if days == 1 { "day" } else { "days" }, hours % 24, "h"),
    }
}

/// The time until an expiry, or since it.
pub(crate) fn until(expires_at: Option<Seconds>) -> String {
    let Some(at) = expires_at else { return "no expiry".to_owned() };
    let (at, now) = (at * 1000, now());
    if at > now { format!("expires in {}", span(at - now)) } else { format!("expired {} ago", span(now - at)) }
}

#[cfg(test)]
mod tests {
    use super::{shortened, span, wrapped};

    #[test]
    fn the_home_folder_is_written_as_a_tilde() {
        assert_eq!(
            shortened("in /home/me/a:1, /home/me/b, /data/home/me/c", "/home/me"),
            "in ~/a:1, ~/b, /data/home/me/c"
        );
        assert_eq!(shortened("/home/metoo/a", "/home/me"), "/home/metoo/a");
    }

    #[test]
    fn no_line_is_longer_than_it_may_be_and_no_word_is_lost() {
        let text = "one two  three /a/very/long/path/that/fits/nowhere four";
        for width in 1..60 {
            let lines = wrapped(text, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
            let letters = |text: &str| text.replace(' ', "");
            assert_eq!(letters(&lines.concat()), letters(text), "{width}");
        }
        assert_eq!(wrapped("a  b", 4), ["a  b"]);
        assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
    }

    #[test]
    fn a_span_has_two_units_at_most() {
        for (seconds, expected) in [
            (0, "0 ms"),
            (59, "59 s"),
            (60, "1 min"),
            (288, "4 min 48 s"),
            (3600, "1 h"),
            (11_520, "3 h 12 min"),
            (86_400, "1 day"),
            (180_000, "2 days 2 h"),
        ] {
            assert_eq!(span(seconds * 1000), expected);
        }
        assert_eq!(span(12), "12 ms");
    }
}
