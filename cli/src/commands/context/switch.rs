//! `torii context use`.

use clap::Args;

use crate::error::Failure;

use super::FileFlag;

/// Make a context the current one
#[derive(Args, Debug)]
pub(super) struct Use {
    /// Name of the context
    #[arg(value_name = "NAME")]
    pub(super) name: String,

    #[command(flatten)]
    pub(super) file: FileFlag,
}

impl Use {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let (path, mut file) = self.file.load()?;
        // An unknown name is an error that lists the known ones.
        file.choose(Some(&self.name), &path)?;
        file.current = Some(self.name.clone());
        file.save(&path)?;
        Ok(format!("context {} is current", self.name))
    }
}
