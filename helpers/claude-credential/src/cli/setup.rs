//! The options of `setup`.

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option, and clap says which exclude each other")]
pub(crate) struct Setup {
    /// Preset to use, instead of being asked
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Answer to a question of the preset; may be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "preset")]
    pub(crate) set: Vec<String>,
    /// Read the API key from stdin
    #[arg(long, requires = "preset")]
    pub(crate) stdin: bool,
    /// Write the change without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Replace settings that setup did not write
    #[arg(long)]
    pub(crate) replace: bool,
    /// Restore both files as they were before the first setup
    #[arg(long, conflicts_with_all = ["preset", "set", "stdin"])]
    pub(crate) undo: bool,
}
