//! Which file imports from which.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use crate::parse::Modules;
use crate::resolve::Target;
use crate::workspace::Package;

/// The imports among the files of a crate, or among crates.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: BTreeSet<String>,
    /// From where to where, and the first line that says so; 0 for a manifest.
    edges: BTreeMap<(String, String), usize>,
}

/// Files each of which leads to each other one.
#[derive(Debug)]
pub(crate) struct Circle {
    /// Sorted.
    pub(crate) files: Vec<String>,
    edges: Vec<String>,
}

impl Graph {
    /// Of the files below `src`.
    pub(crate) fn of(src: &Path) -> Self {
        let modules = Modules::read(src);
        let file = |module: usize| modules.0[module].file.to_string_lossy().into_owned();
        let mut graph = Self::default();
        for (index, module) in modules.0.iter().enumerate() {
            graph.nodes.insert(file(index));
            let imports = module.imports.iter().filter(|import| !import.is_reexport);
            let imports = imports.map(|import| (&import.path, import.line));
            for (path, line) in imports.chain(module.mentions.iter().map(|mention| (&mention.path, mention.line))) {
                for target in modules.resolve(index, path) {
                    // A module alone is only a way to its items, whose own paths are looked at.
                    if let Target::ItemOf(definer) = target {
                        graph.add(file(index), file(definer), line);
                    }
                }
            }
        }
        graph
    }

    /// Of crates: what each depends on.
    pub(crate) fn of_packages(packages: &[Package]) -> Self {
        let mut graph =
            Self { nodes: packages.iter().map(|package| package.name.clone()).collect(), ..Self::default() };
        for package in packages {
            for on in package.dependencies.iter().filter(|name| packages.iter().any(|other| other.name == **name)) {
                graph.add(package.name.clone(), on.clone(), 0);
            }
        }
        graph
    }

    fn add(&mut self, from: String, to: String, line: usize) {
        if from != to {
            let first = self.edges.entry((from, to)).or_insert(line);
            *first = line.min(*first);
        }
    }

    /// How many files or crates there are.
    pub(crate) fn files(&self) -> usize {
        self.nodes.len()
    }

    /// How many pairs there are of which one imports from the other.
    pub(crate) fn len(&self) -> usize {
        self.edges.len()
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(String::as_str)
    }

    /// From where to where, and the first line that says so.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.edges.iter().map(|((from, to), line)| (from.as_str(), to.as_str(), *line))
    }

    /// The strongly connected components of more than one file.
    pub(crate) fn circles(&self) -> Vec<Circle> {
        let reach: BTreeMap<&str, BTreeSet<&str>> = self.nodes().map(|node| (node, self.reach(node))).collect();
        let mut circles = Vec::new();
        let mut seen = BTreeSet::new();
        for node in self.nodes().filter(|node| reach[node].contains(node)) {
            if seen.contains(node) {
                continue;
            }
            let files: Vec<&str> =
                self.nodes().filter(|other| reach[node].contains(other) && reach[other].contains(node)).collect();
            seen.extend(files.iter().copied());
            let inner = self.edges().filter(|(from, to, _)| files.contains(from) && files.contains(to));
            let edges = inner.map(|(from, to, line)| format!("{from}:{line} -> {to}")).collect();
            circles.push(Circle { files: files.into_iter().map(str::to_owned).collect(), edges });
        }
        circles
    }

    /// All that can be reached from `start` in one step or more.
    fn reach<'a>(&'a self, start: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![start];
        while let Some(node) = next.pop() {
            next.extend(
                self.edges().filter(|(from, ..)| *from == node).map(|(_, to, _)| to).filter(|to| reached.insert(*to)),
            );
        }
        reached
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} files:\n  {}", self.files.len(), self.edges.join("\n  "))
    }
}
