//! Where the item is defined that a path names, looking through re-exports.

use std::collections::BTreeSet;

use crate::parse::Modules;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// A module itself.
    Module(usize),
    /// Something that this module defines.
    ItemOf(usize),
}

/// The names that are being looked up: an import may lead back to itself.
type Pending = BTreeSet<(usize, String)>;

impl Modules {
    /// What `path` means in `module`; nothing if that is not of this crate.
    pub(crate) fn resolve(&self, module: usize, path: &[String]) -> BTreeSet<Target> {
        self.start(module, path, &mut Pending::new())
    }

    fn start(&self, module: usize, path: &[String], pending: &mut Pending) -> BTreeSet<Target> {
        match path.split_first() {
            None => BTreeSet::new(),
            Some((first, rest)) if first == "crate" => self.walk(self.root(module), rest, pending),
            Some((first, rest)) if first == "self" => self.walk(module, rest, pending),
            Some(_) => self.walk(module, path, pending),
        }
    }

    fn walk(&self, module: usize, path: &[String], pending: &mut Pending) -> BTreeSet<Target> {
        let Some((first, rest)) = path.split_first() else { return BTreeSet::from([Target::Module(module)]) };
        if first == "super" {
            return self.0[module].parent.map_or_else(BTreeSet::new, |parent| self.walk(parent, rest, pending));
        }
        let found = self.look_up(module, first, pending);
        if rest.is_empty() {
            return found;
        }
        let modules = found.iter().filter_map(|target| match target {
            Target::Module(inner) => Some(*inner),
            Target::ItemOf(_) => None,
        });
        let below: BTreeSet<Target> = modules.flat_map(|inner| self.walk(inner, rest, pending)).collect();
        if below.is_empty() {
            // What follows an item is a part of it: a variant, a constant, a method.
            return found.into_iter().filter(|target| matches!(target, Target::ItemOf(_))).collect();
        }
        below
    }

    fn look_up(&self, module: usize, name: &str, pending: &mut Pending) -> BTreeSet<Target> {
        let key = (module, name.to_owned());
        if !pending.insert(key.clone()) {
            return BTreeSet::new();
        }
        let here = &self.0[module];
        let mut found: BTreeSet<Target> =
            here.children.get(name).map(|child| Target::Module(*child)).into_iter().collect();
        if here.items.contains(name) {
            found.insert(Target::ItemOf(module));
        }
        for import in here.imports.iter().filter(|import| import.name.as_deref() == Some(name)) {
            found.extend(self.start(module, &import.path, pending));
        }
        if found.is_empty() {
            for import in here.imports.iter().filter(|import| import.name.is_none()) {
                for target in self.start(module, &import.path, pending) {
                    if let Target::Module(of) = target {
                        found.extend(self.look_up(of, name, pending));
                    }
                }
            }
        }
        pending.remove(&key);
        found
    }

    fn root(&self, module: usize) -> usize {
        self.0[module].parent.map_or(module, |parent| self.root(parent))
    }
}
