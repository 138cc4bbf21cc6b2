//! `torii generate`: tokens.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use crate::error::{Exit, Failure};
use crate::output::Terminal;

mod dataplane_token;
mod user_token;
mod zone_token;

/// Issue tokens
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Generate {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(name = "zone-token")]
    Zone(zone_token::ZoneToken),
    #[command(name = "dataplane-token")]
    Dataplane(dataplane_token::DataplaneToken),
    #[command(name = "user-token")]
    User(user_token::UserToken),
}

impl Generate {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        match self.what {
            What::Zone(token) => token.run(terminal).await,
            What::Dataplane(token) => token.run(terminal).await,
            What::User(token) => token.run(terminal).await,
        }
    }
}

/// `key=value` of `--tag`.
fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(format!(
            "{text:?} is not of the form key=value, e.g. kuma.io/service=web"
        )),
    }
}

/// Values by key, in the order given.
fn grouped(tags: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in tags {
        groups.entry(key).or_default().push(value);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_given_twice_has_two_values() {
        let tags: Vec<_> = ["kuma.io/service=web", "kuma.io/service=api", "a=b=c"]
            .map(|text| tag(text).unwrap())
            .into();
        let groups = grouped(&tags);
        assert_eq!(groups["kuma.io/service"], ["web", "api"]);
        assert_eq!(groups["a"], ["b=c"]);
        assert!(tag("=x").is_err() && tag("x=").is_err() && tag("x").is_err());
    }
}
