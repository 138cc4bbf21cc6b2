//! A kind as a person names it.

use torii_resource::kind::Descriptor;
use torii_resource::{Scope, registry};

use crate::error::Failure;

/// The kind of that name: `MeshGateway`, `meshgateways` or a short name.
pub(super) fn find(name: &str) -> Result<&'static Descriptor, Failure> {
    registry::by_any_name(name)
        .map(|kind| &kind.descriptor)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "there is no kind {name:?}; the kinds are: {}",
                known()
            ))
        })
}

fn known() -> String {
    let names: Vec<&str> = registry::KINDS
        .iter()
        .map(|kind| kind.descriptor.plural)
        .collect();
    names.join(", ")
}

/// `default/edge-gateway`, or the name alone for a kind of global scope.
pub(super) fn title(kind: &Descriptor, mesh: &str, name: &str) -> String {
    match kind.scope {
        Scope::Mesh => format!("{} {mesh}/{name}", kind.name),
        Scope::Global => format!("{} {name}", kind.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_found_by_type_path_and_in_any_case() {
        for name in ["MeshGateway", "meshgateway", "meshgateways", "MESHGATEWAYS"] {
            assert_eq!(find(name).unwrap().name, "MeshGateway");
        }
    }

    #[test]
    fn an_unknown_kind_is_a_usage_error_that_lists_the_kinds() {
        let failure = find("gateway-of-dreams").unwrap_err();
        assert_eq!(failure.exit().code(), 2);
        assert!(failure.to_string().contains("meshgateways"), "{failure}");
    }
}
