//! The layers that CONTRIBUTING.md draws.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Graph;

/// The heading that stands above the drawing.
const HEADING: &str = "## Layers";

/// The rooms of one crate, or the crates, in layers from top to bottom.
#[derive(Debug)]
pub(crate) struct Layers {
    /// The crate, or `crates`.
    pub(crate) of: String,
    /// The layer of each room, counted from the top.
    rooms: BTreeMap<String, usize>,
}

impl Layers {
    /// Those in the first fenced block below the heading: a line without indentation names a crate, the lines below it
    /// that are indented by two are its layers, and those that are indented by more go on with the layer above.
    pub(crate) fn parse(text: &str) -> Result<Vec<Self>, String> {
        let mut lines = text.lines().skip_while(|line| *line != HEADING).skip_while(|line| !line.starts_with("```"));
        lines.next().ok_or(format!("there is no block below {HEADING:?}"))?;
        let mut drawn: Vec<Self> = Vec::new();
        let mut depth = 0;
        for line in lines.take_while(|line| !line.starts_with("```")).filter(|line| !line.trim().is_empty()) {
            if !line.starts_with(' ') {
                drawn.push(Self { of: line.trim().to_owned(), rooms: BTreeMap::new() });
                depth = 0;
                continue;
            }
            let goes_on = line.starts_with("   ");
            depth += usize::from(!goes_on);
            let layers = drawn.last_mut().ok_or("the first line of the block names no crate")?;
            for room in line.split_whitespace() {
                if layers.rooms.insert(room.to_owned(), depth).is_some() {
                    return Err(format!("{}: {room} stands there twice", layers.of));
                }
            }
        }
        Ok(drawn)
    }

    /// What is wrong with `graph`: imports that do not go down, rooms that are not drawn or not there.
    pub(crate) fn check(&self, graph: &Graph) -> Vec<String> {
        let rooms: BTreeSet<&str> = graph.nodes().map(room).collect();
        let not_drawn = rooms.iter().filter(|room| !self.rooms.contains_key(**room));
        let not_drawn =
            not_drawn.map(|room| format!("{}: `{room}` is in no layer; add it to CONTRIBUTING.md", self.of));
        let gone = self.rooms.keys().filter(|room| !rooms.contains(room.as_str()));
        let gone =
            gone.map(|room| format!("{}: `{room}` is drawn and is not there; take it out of CONTRIBUTING.md", self.of));
        let up = graph.edges().filter_map(|(from, to, line)| {
            let (above, below) = (self.rooms.get(room(from))?, self.rooms.get(room(to))?);
            let goes_down = room(from) == room(to) || above < below;
            (!goes_down).then(|| format!("{}: {from}:{line} -> {to} does not go down", self.of))
        });
        not_drawn.chain(gone).chain(up).collect()
    }
}

/// The room that a file belongs to: the first folder below `src`, or the file itself. A crate is its own.
fn room(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}
