//! The checker against sources made for it.

use std::fs;

use tempfile::TempDir;

use crate::graph::Graph;
use crate::layers::Layers;

/// A crate of these files.
fn graph(files: &[(&str, &str)]) -> Graph {
    let src = TempDir::new().unwrap();
    for (name, text) in files {
        let file = src.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    Graph::of(src.path())
}

fn edges(files: &[(&str, &str)]) -> Vec<String> {
    graph(files).edges().map(|(from, to, line)| format!("{from}:{line} {to}")).collect()
}

fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    graph(files).circles().into_iter().map(|circle| circle.files).collect()
}

fn layers(drawing: &str) -> Layers {
    let text = format!("# Title\n\n## Layers\n\nWords.\n\n```text\n{drawing}```\n");
    Layers::parse(&text).unwrap().remove(0)
}

#[test]
fn a_circle_is_found_with_its_lines() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;"),
        ("a.rs", "use crate::b::B;\npub struct A(B);"),
        ("b.rs", "\npub struct B;\nfn x() { super::c::x() }"),
        ("c.rs", "pub fn x() { let _: crate::a::A; }"),
        ("d.rs", "use crate::a::A;"),
    ];
    assert_eq!(circles(&files), [["a.rs", "b.rs", "c.rs"]]);
    let shown = graph(&files).circles()[0].to_string();
    assert_eq!(shown, "3 files:\n  a.rs:1 -> b.rs\n  b.rs:3 -> c.rs\n  c.rs:1 -> a.rs");
}

#[test]
fn two_circles_are_two() {
    let files = [
        ("main.rs", "mod a;\nmod b;\nmod c;"),
        ("a.rs", "use crate::b::y;\npub fn x() {}"),
        ("b.rs", "use crate::a::x;\npub fn y() {}"),
        ("c/mod.rs", "mod d;\npub const C: u8 = d::D;"),
        ("c/d.rs", "pub const D: u8 = super::C;"),
    ];
    assert_eq!(circles(&files), [["a.rs", "b.rs"], ["c/d.rs", "c/mod.rs"]]);
}

#[test]
fn re_exports_are_looked_through_and_import_nothing() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use a::{A as Renamed, f};\npub use b::*;"),
        ("a/mod.rs", "mod inner;\npub(crate) use inner::{A, f};"),
        ("a/inner.rs", "pub struct A;\npub fn f() { crate::only_in_b(); }"),
        ("b.rs", "pub fn only_in_b() {}\npub fn g(_: crate::Renamed) {}"),
    ];
    assert_eq!(edges(&files), ["a/inner.rs:2 b.rs", "b.rs:2 a/inner.rs"]);
}

#[test]
fn a_use_of_what_is_re_exported_here_is_an_import() {
    let files = [("lib.rs", "mod a;\npub use a::A;\n\nfn f(_: A) {}"), ("a.rs", "pub struct A;")];
    assert_eq!(edges(&files), ["lib.rs:4 a.rs"]);
}

#[test]
fn a_module_that_is_imported_leads_to_what_is_named_in_it() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod c;"),
        ("a.rs", "use crate::b;\nuse crate::b::c as other;\n\nfn f() { b::g(); other::h(); }"),
        ("b.rs", "pub use crate::c;\npub fn g() {}"),
        ("c.rs", "pub fn h() {}"),
    ];
    assert_eq!(edges(&files), ["a.rs:4 b.rs", "a.rs:4 c.rs"]);
}

#[test]
fn macros_attributes_and_patterns_name_items_too() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;"),
        ("a.rs", "fn f() { println!(\"{}\", crate::b::B); }"),
        ("b.rs", "#[arg(value_parser = crate::c::parse)]\npub const B: u8 = 1;"),
        ("c.rs", "pub fn parse() { match 1 { super::d::D => {} _ => {} } }"),
        ("d.rs", "pub const D: u8 = 1;"),
    ];
    assert_eq!(edges(&files), ["a.rs:1 b.rs", "b.rs:1 c.rs", "c.rs:1 d.rs"]);
}

#[test]
fn a_variable_or_field_of_the_name_of_an_item_is_none() {
    let files = [
        ("lib.rs", "mod a;\npub use a::log;\nfn f(log: u8, x: X) -> u8 { format!(\"{}{}\", log, x.log); log }"),
        ("a.rs", "pub fn log() {}"),
    ];
    assert_eq!(edges(&files), [""; 0]);
}

#[test]
fn tests_are_left_out_and_other_conditions_are_not() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod tests;"),
        ("a.rs", "pub fn f() {}\n#[cfg(test)]\nmod tests { use crate::b::g; }\n#[cfg(test)]\nuse crate::b::g;"),
        ("b.rs", "pub fn g() {}\n#[cfg(not(test))]\nuse crate::a::f;\nimpl X { #[cfg(test)] fn t() { crate::h(); } }"),
    ];
    assert_eq!(edges(&files), ["b.rs:3 a.rs"]);
}

#[test]
fn an_import_that_goes_down_or_stays_in_its_room_is_fine() {
    let files = [
        ("main.rs", "mod top;\nmod low;\nfn main() { top::f() }"),
        ("top/mod.rs", "mod part;\npub fn f() { part::g() }"),
        ("top/part.rs", "pub fn g() { crate::low::h() }"),
        ("low.rs", "pub fn h() {}"),
    ];
    assert_eq!(layers("x\n  main\n  top\n  low\n").check(&graph(&files)), [""; 0]);
}

#[test]
fn an_import_that_goes_up_or_sideways_is_found() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\nmod c;"),
        ("a.rs", "pub fn f() {}"),
        ("b.rs", "use crate::a::f;"),
        ("c.rs", "use crate::a::f;"),
    ];
    let found = layers("x\n  lib\n  a\n    c\n  b\n").check(&graph(&files));
    assert_eq!(found, ["x: b.rs:1 -> a.rs does not go down", "x: c.rs:1 -> a.rs does not go down"]);
}

#[test]
fn a_room_that_is_not_drawn_is_found_and_one_that_is_gone() {
    let found = layers("x\n  lib\n  gone\n").check(&graph(&[("lib.rs", "mod a;"), ("a.rs", "")]));
    assert_eq!(found.len(), 2);
    assert!(found[0].contains("`a` is in no layer") && found[1].contains("`gone` is drawn"), "{found:?}");
}

#[test]
fn a_drawing_without_its_heading_or_with_a_room_twice_is_refused() {
    assert!(Layers::parse("```text\nx\n  a\n```\n").is_err());
    assert!(Layers::parse("## Layers\n```text\nx\n  a\n  a\n```\n").is_err());
    assert!(Layers::parse("## Layers\n```text\n  a\n```\n").is_err());
}
