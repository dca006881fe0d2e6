//! The options of `setup`.

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option, and clap says which exclude each other")]
pub(crate) struct Setup {
    /// What to use, instead of being asked
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// What the preset asks, as often as needed
    #[arg(long, value_name = "NAME=VALUE", requires = "preset")]
    pub(crate) set: Vec<String>,
    /// Read the API key from stdin
    #[arg(long, requires = "preset")]
    pub(crate) stdin: bool,
    /// Agree to the change without being asked
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Write over what somebody else has set
    #[arg(long)]
    pub(crate) replace: bool,
    /// Put back what was there before the first setup
    #[arg(long, conflicts_with_all = ["preset", "set", "stdin"])]
    pub(crate) undo: bool,
}
