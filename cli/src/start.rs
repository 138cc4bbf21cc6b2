//! From the command line to an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::args::{Command, Torii};
use crate::error::{Exit, Failure};
use crate::output::{Terminal, error};

/// Runs the program: parses the arguments of the process, does what they say, prints errors.
pub fn main() -> ExitCode {
    let torii = match Torii::try_parse() {
        Ok(torii) => torii,
        Err(error) => return wrong_line(&error).into(),
    };
    let terminal = Terminal::detect();
    match run(torii.command, terminal) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            error::report(&failure, terminal);
            failure.exit().into()
        }
    }
}

/// Prints help, the version, or what is wrong; a broken pipe is no error here either.
fn wrong_line(error: &clap::Error) -> Exit {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Success,
        _ => Exit::Usage,
    }
}

fn run(command: Command, terminal: Terminal) -> Result<Exit, Failure> {
    // Before there is a runtime: it replaces the process.
    if let Command::ExecBound(exec) = command {
        return Err(exec.run());
    }
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("cannot start the runtime: {error}")))?;
    let exit = runtime.block_on(dispatch(command, terminal));
    // Whatever still runs (a read of standard input, say) does not keep the process.
    runtime.shutdown_background();
    exit
}

async fn dispatch(command: Command, terminal: Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Apply(command) => command.run(terminal).await,
        Command::Get(command) => command.run(terminal).await,
        Command::Delete(command) => command.run(terminal).await,
        Command::Status(command) => command.run(terminal).await,
        Command::Translate(command) => command.run(terminal),
        Command::Inspect(command) => command.run(terminal).await,
        Command::Generate(command) => command.run(terminal).await,
        Command::Global(command) => Box::pin(command.run(terminal)).await,
        Command::Zone(command) => Box::pin(command.run(terminal)).await,
        Command::Dp(command) => Box::pin(command.run(terminal)).await,
        Command::Context(command) => command.run(terminal),
        Command::Demo(command) => Box::pin(command.run(terminal)).await,
        Command::Version(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::DemoApp(command) => command.run().await,
        Command::ExecBound(command) => Err(command.run()),
    }
}
