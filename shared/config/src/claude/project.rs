//! Which settings files belong to a project.

use std::fs;
use std::path::{Path, PathBuf};

use claude_credential_files::{Identity, Trust, read};

use crate::Folders;

const SHARED: &str = "settings.json";
const LOCAL: &str = "settings.local.json";

/// A path and the word before it.
const MAX_LINK: u64 = 8192;

/// Every settings file that may be a project's for a client in `folder`, the nearest first: those of every folder from
/// there up, and those of the repository whose worktree the folder is in. That is more than the client reads today; the
/// user's own are not among them.
#[must_use]
pub fn project_files(folder: &Path, folders: &Folders) -> Vec<PathBuf> {
    of_others(project_folders(folder), folders).flat_map(|folder| both_in(&folder)).collect()
}

/// Those that the client reads (seen with 2.1.332), the one that wins first: both of the folder that it is started in,
/// and the local one of its repository.
#[must_use]
pub fn client_project_files(folder: &Path, folders: &Folders) -> Vec<PathBuf> {
    let start = folder.join(".claude");
    let is_start = |other: &PathBuf| *other == start;
    let repository = Repository::of(folder);
    let repository = repository.map(|repository| repository.main.unwrap_or(repository.root).join(".claude"));
    let repository = of_others(repository.into_iter().filter(|folder| !is_start(folder)), folders);
    let local = repository.map(|folder| folder.join(LOCAL)).collect::<Vec<_>>();
    let here = of_others([start].into_iter(), folders).next().map(|start| both_in(&start));
    let (own, shared) = here.map(|[own, shared]| (own, shared)).unzip();
    own.into_iter().chain(local).chain(shared).collect()
}

/// Every place that decides which files those are and what they say, there or not.
pub fn project_places(folder: &Path) -> impl Iterator<Item = PathBuf> {
    // A worktree has a file there, which leads to the repository.
    let link = Repository::of(folder).filter(|repository| repository.main.is_some());
    let link = link.map(|repository| repository.root.join(".git"));
    project_folders(folder).flat_map(|folder| both_in(&folder)).chain(link)
}

fn project_folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let main = Repository::of(folder).and_then(|repository| repository.main);
    let main = main.filter(|main| !folder.starts_with(main));
    folder.ancestors().map(Path::to_owned).chain(main).map(|folder| folder.join(".claude"))
}

/// Without the folder of the user's own settings.
fn of_others(all: impl Iterator<Item = PathBuf>, folders: &Folders) -> impl Iterator<Item = PathBuf> {
    let own = Identity::of(&folders.claude);
    all.filter(move |folder| !own.exists() || Identity::of(folder) != own)
}

/// The local one wins.
fn both_in(folder: &Path) -> [PathBuf; 2] {
    [LOCAL, SHARED].map(|file| folder.join(file))
}

/// The repository that a folder is in.
struct Repository {
    /// The folder with `.git` in it.
    root: PathBuf,
    /// The folder of the repository itself if `root` is another worktree of it.
    main: Option<PathBuf>,
}

impl Repository {
    fn of(folder: &Path) -> Option<Self> {
        let root = folder.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok())?.to_owned();
        let main = main_of(&root);
        Some(Self { root, main })
    }
}

/// `gitdir: PATH` is in the `.git` of a worktree, and the way from there to the repository in the file `commondir`
/// (<https://git-scm.com/docs/gitrepository-layout>).
fn main_of(root: &Path) -> Option<PathBuf> {
    let text = |file: &Path| {
        let bytes = read(file, Trust::Unchecked, MAX_LINK).ok().flatten()?;
        std::str::from_utf8(&bytes).ok().map(|text| text.trim().to_owned())
    };
    let link = text(&root.join(".git"))?;
    let of_worktree = root.join(link.strip_prefix("gitdir:")?.trim());
    let common = fs::canonicalize(of_worktree.join(text(&of_worktree.join("commondir"))?)).ok()?;
    common.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{client_project_files, project_files, project_places};
    use crate::claude::tests::home;

    fn below(home: &Path, files: &[PathBuf]) -> Vec<String> {
        files.iter().filter_map(|file| Some(file.strip_prefix(home).ok()?.to_str()?.to_owned())).collect()
    }

    #[test]
    fn the_client_reads_both_files_where_it_is_started_and_the_local_one_of_the_repository() {
        let (home, folders) = home();
        let deep = home.path().join("clone/src/deep");
        fs::create_dir_all(&deep).unwrap();
        let start = ["clone/src/deep/.claude/settings.local.json", "clone/src/deep/.claude/settings.json"];
        assert_eq!(below(home.path(), &client_project_files(&deep, &folders)), start);
        fs::create_dir_all(home.path().join("clone/.git")).unwrap();
        assert_eq!(
            below(home.path(), &client_project_files(&deep, &folders)),
            [start[0], "clone/.claude/settings.local.json", start[1]]
        );
        // All that are nearer than the user's own may be a project's.
        let all = below(home.path(), &project_files(&deep, &folders));
        assert_eq!((all.len(), all[0].as_str()), (6, start[0]));
        assert_eq!(below(home.path(), &client_project_files(home.path(), &folders)), [""; 0]);
    }

    #[test]
    fn a_worktree_has_the_local_settings_of_its_repository() {
        let (home, folders) = home();
        let root = fs::canonicalize(home.path()).unwrap();
        let (main, tree) = (root.join("main"), root.join("elsewhere/tree"));
        fs::create_dir_all(main.join(".git/worktrees/tree")).unwrap();
        fs::create_dir_all(&tree).unwrap();
        fs::write(main.join(".git/worktrees/tree/commondir"), "../..\n").unwrap();
        fs::write(tree.join(".git"), format!("gitdir: {}\n", main.join(".git/worktrees/tree").display())).unwrap();
        let local = main.join(".claude/settings.local.json");
        assert!(client_project_files(&tree, &folders).contains(&local));
        assert!(project_files(&tree, &folders).contains(&local));
        let places: Vec<PathBuf> = project_places(&tree).collect();
        assert!(places.contains(&local) && places.contains(&tree.join(".git")));
        // A submodule is a repository of its own.
        fs::remove_file(main.join(".git/worktrees/tree/commondir")).unwrap();
        assert!(!project_files(&tree, &folders).contains(&local));
    }
}
