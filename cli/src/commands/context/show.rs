//! `torii context show`.

use clap::Args;

use crate::context::Target;
use crate::error::Failure;

use super::{ConnectionFlags, FileFlag};

/// Show what commands would talk to, without the token
#[derive(Args, Debug)]
pub(super) struct Show {
    /// Name of the context; the current one without it
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,

    #[command(flatten)]
    pub(super) file: FileFlag,
}

impl Show {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let (path, file) = self.file.load()?;
        let (name, _) = file.choose(self.name.as_deref(), &path)?;
        let target = Target::resolve(&ConnectionFlags {
            config_file: Some(path.clone()),
            context: Some(name.to_owned()),
            ..ConnectionFlags::default()
        })?;
        let mut text = format!("context    {name}\nfile       {}\n", path.display());
        for address in &target.addresses {
            text.push_str(&format!(
                "address    {}\n",
                address.to_string().trim_end_matches('/')
            ));
        }
        let known = |known: bool| if known { "yes" } else { "no" };
        text.push_str(&format!("ca         {}\n", known(!target.ca.is_empty())));
        text.push_str(&format!("token      {}\n", known(target.token.is_some())));
        Ok(text)
    }
}
