//! PURE: which control plane may change a kind, and a stored resource (control-plane-api §5.6, decisions "Names and
//! places"). Knows no callers: rights are elsewhere.

use torii_resource::{Descriptor, Mode, Resource};

use crate::cascade::{Owner, owner};
use crate::problem::Problem;

// The words of 2.13.9, as recorded.
const AT_GLOBAL: &str = "On global control plane you can not modify dataplane resources with 'kumactl apply' or via the HTTP API. You can still use 'kumactl' or the HTTP API to modify them on the zone control plane.\n";
const IN_ZONE: &str = "On zone control plane you can only modify zone resources with 'kumactl apply' or via the HTTP API. You can still use 'kumactl' or the HTTP API to modify the rest of the resource on the global control plane.\n";

/// What is asked of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Create or replace.
    Put,
    /// Remove.
    Delete,
}

/// Refuses a kind that is read-only here.
pub(crate) fn kind(mode: &Mode, kind: &Descriptor) -> Result<(), Problem> {
    if kind.sync.writable_in(mode) {
        return Ok(());
    }
    Err(Problem::not_allowed(match mode {
        Mode::Global => AT_GLOBAL,
        Mode::Zone(_) => IN_ZONE,
    }))
}

/// Refuses a stored copy of what the other side owns.
pub(crate) fn copy(mode: &Mode, stored: &Resource, verb: Verb) -> Result<(), Problem> {
    let key = &stored.key;
    match (mode, owner(stored), verb) {
        (Mode::Zone(_), Some(Owner::Global), _) => Err(Problem::not_allowed(format!(
            "{key} is a copy of what the global control plane owns: change it there"
        ))),
        (Mode::Global, Some(Owner::Zone(zone)), Verb::Delete) => Err(Problem::not_allowed(
            format!("{key} belongs to zone {zone:?}: delete it there"),
        )),
        (Mode::Global, Some(Owner::Zone(zone)), Verb::Put) => Err(Problem::conflict(format!(
            "the name of {key} is taken by a resource of zone {zone:?}: choose another, or change it there"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use torii_resource::Kind;
    use torii_resource::kinds::{Dataplane, MeshGateway, MeshGatewayRoute};
    use torii_resource::meta::label;

    use super::*;

    fn empty<K: Kind>(mesh: &str, name: &str) -> Resource {
        Resource::new::<K>(mesh, name, &K::Spec::default())
    }

    fn zone() -> Mode {
        Mode::Zone("east".into())
    }

    fn gateway(labels: &[(&str, &str)]) -> Resource {
        let mut resource = empty::<MeshGateway>("default", "edge");
        for (key, value) in labels {
            resource
                .labels
                .insert((*key).to_owned(), (*value).to_owned());
        }
        resource
    }

    #[test]
    fn a_kind_of_the_other_side_is_405() {
        assert!(kind(&Mode::Global, &MeshGatewayRoute::DESCRIPTOR).is_ok());
        assert_eq!(
            kind(&zone(), &MeshGatewayRoute::DESCRIPTOR)
                .unwrap_err()
                .status,
            405
        );
        assert!(kind(&zone(), &Dataplane::DESCRIPTOR).is_ok());
        assert_eq!(
            kind(&Mode::Global, &Dataplane::DESCRIPTOR)
                .unwrap_err()
                .status,
            405
        );
    }

    #[test]
    fn a_copy_of_the_other_side_is_refused_and_its_owner_named() {
        let from_global = gateway(&[(label::ORIGIN, "global")]);
        let from_zone = gateway(&[(label::ORIGIN, "zone"), (label::ZONE, "west")]);
        let cases = [
            (zone(), &from_global, Verb::Put, 405, "global"),
            (zone(), &from_global, Verb::Delete, 405, "global"),
            (Mode::Global, &from_zone, Verb::Put, 409, "west"),
            (Mode::Global, &from_zone, Verb::Delete, 405, "west"),
        ];
        for (mode, stored, verb, status, owner) in cases {
            let problem = copy(&mode, stored, verb).unwrap_err();
            assert_eq!(problem.status, status);
            assert!(problem.detail.contains(owner), "{problem}");
        }
    }

    #[test]
    fn what_is_ones_own_may_be_changed() {
        let own = gateway(&[(label::ORIGIN, "zone"), (label::ZONE, "east")]);
        assert!(copy(&zone(), &own, Verb::Delete).is_ok());
        assert!(copy(&Mode::Global, &gateway(&[]), Verb::Put).is_ok());
    }
}
