//! Which right an operation of the API needs; whether a caller has it is `torii_auth`'s one table.

use torii_auth::{Action, Identity};
use torii_resource::Descriptor;

use crate::problem::Problem;

/// Refuses a caller who may not: 401 for nobody, 403 for others.
pub(crate) fn check(identity: &Identity, action: Action) -> Result<(), Problem> {
    torii_auth::check(identity, action).map_err(Problem::from)
}

/// Refuses a caller who may not read resources of a kind.
pub(crate) fn read(identity: &Identity, kind: &Descriptor) -> Result<(), Problem> {
    check(identity, Action::ReadResource(kind.access)).map_err(|problem| named(problem, kind))
}

/// Refuses a caller who may not write resources of a kind.
pub(crate) fn write(identity: &Identity, kind: &Descriptor) -> Result<(), Problem> {
    check(identity, Action::WriteResource(kind.access)).map_err(|problem| named(problem, kind))
}

fn named(problem: Problem, kind: &Descriptor) -> Problem {
    Problem {
        detail: format!("{} (type {:?})", problem.detail, kind.name),
        ..problem
    }
}
