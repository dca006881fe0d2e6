//! The structure of the workspace: no circles among the modules of a crate, and no import against the layers that
//! CONTRIBUTING.md draws.
//!
//! `cargo test -p claude-credential-tests --test structure -- --nocapture` prints what it finds.

#[cfg(test)]
mod checker;
mod graph;
mod layers;
mod parse;
mod resolve;
mod workspace;

use graph::Graph;
use layers::Layers;
use workspace::{Package, packages, workspace};

/// Circles that stay: each is an honest recursion.
const ALLOWED: [Allowed; 0] = [];

/// A circle that stays.
struct Allowed {
    /// The crate.
    package: &'static str,
    /// All files of the circle, relative to the crate's `src`, sorted.
    files: &'static [&'static str],
    /// Why it is one.
    reason: &'static str,
}

#[test]
fn the_modules_of_every_crate_are_free_of_circles() {
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for package in packages() {
        let graph = Graph::of(&package.folder.join("src"));
        let circles = graph.circles();
        println!("{}: {} files, {} imports, {} circles", package.name, graph.files(), graph.len(), circles.len());
        for circle in circles {
            if ALLOWED.iter().any(|allowed| allowed.package == package.name && allowed.files == circle.files) {
                found.push((package.name.clone(), circle.files));
            } else {
                problems.push(format!("{}: a circle of {circle}", package.name));
            }
        }
    }
    for Allowed { package, files, reason } in &ALLOWED {
        if !found.iter().any(|(name, circle)| name == package && circle == files) {
            problems.push(format!("{package}: {files:?} is listed ({reason}) and is no circle (any more)"));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn rooms_import_only_from_the_layers_below_them() {
    let drawn = drawn();
    let mut problems = Vec::new();
    for package in packages().iter().filter(|package| package.is_product()) {
        match drawn.iter().find(|layers| layers.of == package.name) {
            Some(layers) => problems.extend(layers.check(&Graph::of(&package.folder.join("src")))),
            None => problems.push(format!("{}: CONTRIBUTING.md draws no layers for it", package.name)),
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn crates_depend_only_on_the_layers_below_them() {
    let drawn = drawn();
    let layers = drawn.iter().find(|layers| layers.of == "crates").expect("CONTRIBUTING.md draws the crates");
    let product: Vec<Package> = packages().into_iter().filter(Package::is_product).collect();
    let problems = layers.check(&Graph::of_packages(&product));
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_crate_that_is_drawn_is_one_of_the_workspace() {
    let names: Vec<String> = packages().into_iter().map(|package| package.name).collect();
    let drawn = drawn();
    let drawn = drawn.iter().map(|layers| layers.of.as_str()).filter(|of| *of != "crates");
    let unknown: Vec<&str> = drawn.filter(|of| !names.iter().any(|name| name == of)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn drawn() -> Vec<Layers> {
    let text = std::fs::read_to_string(workspace().join("CONTRIBUTING.md")).expect("CONTRIBUTING.md is there");
    Layers::parse(&text).expect("CONTRIBUTING.md draws layers")
}
