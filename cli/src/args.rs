//! The command line as a whole.

use clap::{Parser, Subcommand};

use crate::commands::{
    apply, completions, context, delete, demo, demo_app, dp, exec_bound, generate, get, global,
    inspect, status, translate, version, zone,
};

const EXAMPLES: &str = "\
Try it on this machine:
  torii demo                                 a whole site: three global nodes, two zones, two gateways

Work with a control plane:
  torii apply -f gateway.yaml --wait         write resources; return when every gateway serves them
  torii get meshgateways                     what is stored
  torii status                               who serves which revision, and what is wrong
  torii inspect proxy default/edge-gateway-1 --config --context east
                                             what a gateway's Envoy is to have

Without one:
  torii translate -f gateway.yaml --proxy default/edge-gateway-1
                                             what a gateway's Envoy would get

Start one:
  torii global run                           a global of one node
  torii generate zone-token --zone east > east.token
  torii zone run --name east --token-file east.token
  torii dp run --dataplane-file gateway.yaml --dataplane-token-file gateway.token --ca-cert-file ca.crt

Exit codes: 0 done, 1 error, 2 wrong command line, 3 --wait: rejected by an Envoy, or not served in time.";

/// A control plane for gateways in many zones.
///
/// Gateways are written once, at the global; every zone serves them with its own Envoys, also while the global is away.
#[derive(Debug, Parser)]
#[command(
    name = "torii",
    version,
    after_help = EXAMPLES,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Torii {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Apply(apply::Apply),
    Get(get::Get),
    Delete(delete::Delete),
    Status(status::ShowStatus),
    Translate(translate::Translate),
    Inspect(inspect::Inspect),
    Generate(generate::Generate),
    Global(global::Global),
    Zone(zone::Zone),
    Dp(dp::Dp),
    Context(context::ContextCommand),
    Demo(demo::Demo),
    Version(version::Version),
    Completions(completions::Completions),
    DemoApp(demo_app::DemoApp),
    ExecBound(exec_bound::ExecBound),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Torii, clap::Error> {
        Torii::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_has_no_contradictions() {
        Torii::command().debug_assert();
    }

    #[test]
    fn wait_takes_its_time_after_an_equals_sign_only() {
        let wait = |line: &str| match parse(line).unwrap().command {
            Command::Apply(apply) => apply.wait.map(|span| span.to_string()),
            other => panic!("{other:?}"),
        };
        assert_eq!(wait("torii apply -f a.yaml"), None);
        assert_eq!(wait("torii apply -f a.yaml --wait"), Some("30s".to_owned()));
        assert_eq!(wait("torii apply --wait -f a.yaml"), Some("30s".to_owned()));
        assert_eq!(
            wait("torii apply -f a.yaml --wait=2m"),
            Some("2m".to_owned())
        );
        assert!(parse("torii apply -f a.yaml --wait=soon").is_err());
    }

    #[test]
    fn wrong_command_lines_end_with_code_2() {
        for line in [
            "torii apply",
            "torii delete meshgateway",
            "torii delete -f a.yaml meshgateway edge",
            "torii get",
            "torii get meshgateway edge -A",
            "torii generate zone-token",
            "torii generate user-token",
            "torii dp run --dataplane-var novalue",
            "torii translate -f a.yaml",
            "torii translate --proxy default/a",
            "torii translate -f a.yaml --proxy a",
            "torii translate -f a.yaml --proxy default/a --zone _",
            "torii inspect proxy default/a",
            "torii fly",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for (line, kind) in [
            ("torii --help", ErrorKind::DisplayHelp),
            ("torii apply --help", ErrorKind::DisplayHelp),
            ("torii --version", ErrorKind::DisplayVersion),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!((error.kind(), error.exit_code()), (kind, 0), "{line}");
        }
    }

    #[test]
    fn every_command_explains_itself() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands() {
                assert!(sub.get_about().is_some(), "{} has no help", sub.get_name());
                check(sub);
            }
            for argument in command.get_arguments() {
                let id = argument.get_id();
                assert!(
                    argument.get_help().is_some(),
                    "{}: {id} has no help",
                    command.get_name()
                );
            }
        }
        check(&Torii::command());
    }
}
