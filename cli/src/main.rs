//! The `torii` program: everything it does is in `torii_cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    torii_cli::main()
}
