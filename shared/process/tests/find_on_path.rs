//! A target of its own, because its test changes the working directory of the whole process.

use claude_credential_process::find_on_path;

#[test]
fn the_working_directory_is_never_searched() {
    let folder = tempfile::tempdir().unwrap();
    let planted = folder.path().join("planted-tool");
    std::fs::copy("/bin/true", &planted).unwrap();
    let path = |list: &str| find_on_path("planted-tool", std::ffi::OsStr::new(list));
    std::env::set_current_dir(folder.path()).unwrap();
    for list in ["", ".", ":", "./", "relative"] {
        assert_eq!(path(list), None, "{list:?}");
    }
    assert_eq!(path(folder.path().to_str().unwrap()), Some(planted));
}
