//! `torii completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::args::Torii;
use crate::error::{Exit, Failure};
use crate::output::print;

const EXAMPLES: &str = "\
Examples:
  source <(torii completions bash)
  torii completions zsh > \"${fpath[1]}/_torii\"";

/// Print completions for a shell
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// Shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Torii::command(), "torii", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Success)
    }
}
