//! Errors on standard error.

use std::io::{self, Write as _};

use crate::client::ClientError;
use crate::error::Failure;

use super::Terminal;
use super::terminal::Tone;

/// Writes a line to standard error. Nobody there to read it is no reason to fail.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints why the command failed, with every wrong field on a line of its own.
pub(crate) fn report(failure: &Failure, terminal: Terminal) {
    if !failure.is_silent() {
        tell(render(failure, terminal.paint_err).trim_end());
    }
}

/// Prints what is good to know.
pub(crate) fn note(text: &str, terminal: Terminal) {
    tell(&Tone::Good.on(text, terminal.paint_err));
}

/// Prints a warning.
pub(crate) fn warn(text: &str, terminal: Terminal) {
    tell(&format!(
        "{} {text}",
        Tone::Doubt.on("warning:", terminal.paint_err)
    ));
}

fn render(failure: &Failure, paint: bool) -> String {
    let mut text = format!("{} {failure}\n", Tone::Bad.on("error:", paint));
    if let Failure::Client(ClientError::Refused(problem)) = failure {
        for line in problem.lines() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Parameter, Problem};

    #[test]
    fn every_wrong_field_has_its_own_line() {
        let failure = Failure::from(ClientError::Refused(Box::new(Problem {
            status: 400,
            title: "Could not process a resource".to_owned(),
            detail: "Resource is not valid".to_owned(),
            parameters: vec![
                Parameter {
                    field: "conf.listeners[0].port".to_owned(),
                    reason: "must be between 1 and 65535".to_owned(),
                    place: "routes.yaml, document 2: MeshGateway default/edge-gateway".to_owned(),
                },
                Parameter {
                    field: String::new(),
                    reason: "cannot be empty".to_owned(),
                    place: String::new(),
                },
            ],
        })));
        insta::assert_snapshot!(render(&failure, false), @r"
        error: Could not process a resource: Resource is not valid
          routes.yaml, document 2: MeshGateway default/edge-gateway: conf.listeners[0].port: must be between 1 and 65535
          cannot be empty
        ");
    }
}
