//! `torii context list`.

use clap::Args;

use crate::error::Failure;
use crate::output::table::Grid;

use super::FileFlag;

/// Show all contexts; the current one has a star
#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) file: FileFlag,
}

impl List {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let (_, file) = self.file.load()?;
        let mut grid = Grid::new(&["CURRENT", "NAME", "ADDRESS"], false);
        for (name, context) in &file.contexts {
            let current = file.current.as_ref() == Some(name);
            let address = context.address.iter().chain(&context.addresses).next();
            grid.plain([
                if current { "*" } else { " " },
                name,
                address.map_or("", String::as_str),
            ]);
        }
        Ok(grid.render())
    }
}
