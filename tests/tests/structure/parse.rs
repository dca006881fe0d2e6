//! What the sources say: the modules, what each defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, Macro, Meta, UseTree, Visibility};

/// The modules of one crate, those for tests left out. The first of each target is its root.
#[derive(Debug, Default)]
pub(crate) struct Modules(pub(crate) Vec<Module>);

/// One module: a file, or a block `mod x { … }` of one.
#[derive(Debug)]
pub(crate) struct Module {
    /// Relative to the crate's `src`.
    pub(crate) file: PathBuf,
    /// `None` for a root.
    pub(crate) parent: Option<usize>,
    pub(crate) children: BTreeMap<String, usize>,
    /// The names of what is defined here.
    pub(crate) items: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// The paths that its code names, imports aside.
    pub(crate) mentions: Vec<Mention>,
}

/// One name that a `use` brings in.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    /// `None` for `*`.
    pub(crate) name: Option<String>,
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// A `pub use`, however far it is public.
    pub(crate) is_reexport: bool,
}

/// A path in an expression, a type, a pattern, a macro or an attribute.
#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

impl Modules {
    /// All that the roots in folder `src` lead to.
    pub(crate) fn read(src: &Path) -> Self {
        let mut roots = vec![src.join("lib.rs"), src.join("main.rs")];
        roots.extend(fs::read_dir(src.join("bin")).into_iter().flatten().flatten().map(|entry| entry.path()));
        roots.retain(|root| root.is_file() && root.extension().is_some_and(|extension| extension == "rs"));
        assert!(!roots.is_empty(), "{} has neither lib.rs nor main.rs", src.display());
        roots.sort();
        let mut modules = Self::default();
        for root in roots {
            let folder = root.parent().expect("a file is in a folder").to_owned();
            modules.read_file(src, &root, &folder, None);
        }
        modules
    }

    fn read_file(&mut self, src: &Path, file: &Path, folder: &Path, parent: Option<usize>) -> usize {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let relative = file.strip_prefix(src).expect("modules are below `src`");
        let module = self.add(relative.to_owned(), parent);
        Reader { modules: self, src, folder: folder.to_owned(), module, locals: BTreeSet::new() }.visit_file(&parsed);
        module
    }

    fn add(&mut self, file: PathBuf, parent: Option<usize>) -> usize {
        let (children, items, imports, mentions) = Default::default();
        self.0.push(Module { file, parent, children, items, imports, mentions });
        self.0.len() - 1
    }
}

/// Goes through one file.
struct Reader<'a> {
    modules: &'a mut Modules,
    src: &'a Path,
    /// Where the files of child modules are.
    folder: PathBuf,
    module: usize,
    /// The variables of the function that is being read: these names mean no item.
    locals: BTreeSet<String>,
}

impl Reader<'_> {
    fn here(&mut self) -> &mut Module {
        &mut self.modules.0[self.module]
    }

    fn mention(&mut self, path: Vec<String>, line: usize) {
        let is_local = matches!(path.as_slice(), [name] if self.locals.contains(name));
        if !is_local && path.first().is_some_and(|first| first != "Self") {
            self.here().mentions.push(Mention { path, line });
        }
    }

    fn module(&mut self, item: &syn::ItemMod) {
        let name = item.ident.to_string();
        let (file, folder) = (self.here().file.clone(), self.folder.join(&name));
        let child = if let Some((_, items)) = &item.content {
            let child = self.modules.add(file, Some(self.module));
            let mut reader =
                Reader { modules: self.modules, src: self.src, folder, module: child, locals: BTreeSet::new() };
            for item in items {
                reader.visit_item(item);
            }
            child
        } else {
            assert!(!item.attrs.iter().any(|attribute| attribute.path().is_ident("path")), "#[path] is not understood");
            let files = [self.folder.join(format!("{name}.rs")), folder.join("mod.rs")];
            let found = files.iter().find(|file| file.is_file());
            let found = found.unwrap_or_else(|| panic!("module {name} of {}: no such file", file.display()));
            self.modules.read_file(self.src, found, &folder, Some(self.module))
        };
        self.here().children.insert(name, child);
    }

    fn import(&mut self, tree: &UseTree, before: &[String], line: usize, is_reexport: bool) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        let (name, path) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident), line, is_reexport),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, before, line, is_reexport));
            }
            // `use a::{self}` means `a`.
            UseTree::Name(name) if name.ident == "self" => (before.last().cloned(), before.to_vec()),
            UseTree::Rename(name) if name.ident == "self" => (Some(name.rename.to_string()), before.to_vec()),
            UseTree::Name(name) => (Some(name.ident.to_string()), with(&name.ident)),
            UseTree::Rename(name) => (Some(name.rename.to_string()), with(&name.ident)),
            UseTree::Glob(_) => (None, before.to_vec()),
        };
        self.here().imports.push(Import { name, path, line, is_reexport });
    }

    /// Every `a::b::c` among the tokens of a macro or an attribute, whose grammar is the macro's own.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut line = 0;
        let mut is_field = false;
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_of_path(&mut path, line, is_field);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                other => {
                    self.end_of_path(&mut path, line, is_field);
                    is_field = matches!(other, TokenTree::Punct(punct) if punct.as_char() == '.');
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.end_of_path(&mut path, line, is_field);
    }

    fn end_of_path(&mut self, path: &mut Vec<String>, line: usize, is_field: bool) {
        let path = std::mem::take(path);
        if !is_field {
            self.mention(path, line);
        }
    }

    /// Reads a function, whose variables count until its end.
    fn function(&mut self, read: impl FnOnce(&mut Self), variables: Variables) {
        let before = self.locals.clone();
        self.locals.extend(variables.0);
        read(self);
        self.locals = before;
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = described(item);
        if is_for_tests(attributes) {
            return;
        }
        if let Some(name) = name {
            self.here().items.insert(name.to_string());
        }
        match item {
            Item::Mod(item) => self.module(item),
            Item::Use(item) => {
                let is_reexport = !matches!(item.vis, Visibility::Inherited);
                let before = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
                self.import(&item.tree, &before, item.use_token.span.start().line, is_reexport);
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let mut variables = Variables::default();
        variables.visit_item_fn(item);
        self.function(|reader| visit::visit_item_fn(reader, item), variables);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if let ImplItem::Fn(function) = item {
            if is_for_tests(&function.attrs) {
                return;
            }
            let mut variables = Variables::default();
            variables.visit_impl_item_fn(function);
            self.function(|reader| visit::visit_impl_item(reader, item), variables);
        } else {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        let mut names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if path.leading_colon.is_some() {
            names.insert(0, String::new());
        }
        self.mention(names, line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.visit_path(&invocation.path);
        self.tokens(invocation.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        } else {
            visit::visit_attribute(self, attribute);
        }
    }
}

/// The names that patterns bind.
#[derive(Default)]
struct Variables(BTreeSet<String>);

impl<'ast> Visit<'ast> for Variables {
    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.0.insert(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }
}

/// The attributes of an item, and the name that it defines, if it defines one that an import can name.
fn described(item: &Item) -> (&[Attribute], Option<&syn::Ident>) {
    match item {
        Item::Const(item) => (&item.attrs, Some(&item.ident)),
        Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        Item::ExternCrate(item) => (&item.attrs, None),
        Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        Item::ForeignMod(item) => (&item.attrs, None),
        Item::Impl(item) => (&item.attrs, None),
        Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        Item::Mod(item) => (&item.attrs, None),
        Item::Static(item) => (&item.attrs, Some(&item.ident)),
        Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        Item::TraitAlias(item) => (&item.attrs, Some(&item.ident)),
        Item::Type(item) => (&item.attrs, Some(&item.ident)),
        Item::Union(item) => (&item.attrs, Some(&item.ident)),
        Item::Use(item) => (&item.attrs, None),
        other => panic!("an item of an unknown form: {other:?}"),
    }
}

/// Whether it is compiled for tests alone.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        let condition = list.tokens.to_string().replace(' ', "");
        list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all(test,"))
    })
}
