//! The flags that every command has which talks to a control plane.

use std::env;
use std::path::PathBuf;

use clap::Args;

/// Which control plane to talk to. Each flag overrides what the context file says.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionFlags {
    /// Context file. Default: $XDG_CONFIG_HOME/torii/context.yaml, else ~/.config/torii/context.yaml
    #[arg(long, value_name = "FILE", env = "TORII_CONFIG")]
    pub config_file: Option<PathBuf>,

    /// Context of the file to use instead of its current one
    #[arg(long, value_name = "NAME", env = "TORII_CONTEXT")]
    pub context: Option<String>,

    /// REST API of the control plane, e.g. https://127.0.0.1:5682; several nodes separated by commas
    #[arg(long, value_name = "URL", env = "TORII_ADDRESS", value_delimiter = ',')]
    pub address: Vec<String>,

    /// Certificate of the CA that signed the control plane's certificate (PEM)
    #[arg(long, value_name = "FILE", env = "TORII_CA_FILE")]
    pub ca_file: Option<PathBuf>,

    /// User token; --token-file is safer, since others can see a process's arguments
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,

    /// File with the user token; --token wins
    #[arg(long, value_name = "FILE", env = "TORII_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
}

impl ConnectionFlags {
    /// The context file that is meant, whether or not it exists.
    pub fn path(&self) -> PathBuf {
        self.config_file.clone().unwrap_or_else(|| {
            default_path(
                env::var_os("XDG_CONFIG_HOME").map(PathBuf::from),
                env::home_dir(),
            )
        })
    }
}

/// Where the file is when nobody says.
pub(super) fn default_path(config_home: Option<PathBuf>, home: Option<PathBuf>) -> PathBuf {
    config_home
        // The XDG specification: a relative path there is to be ignored.
        .filter(|path| path.is_absolute())
        .or_else(|| home.map(|home| home.join(".config")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("torii")
        .join("context.yaml")
}
