//! Kuma's resource identifiers (control-plane-api §4.4). PURE.

use torii_resource::Resource;
use torii_resource::meta::label;

/// The kinds that have identifiers in Kuma 2.13, with their short names there.
const SHORT_NAMES: [(&str, &str); 3] = [("Dataplane", "dp"), ("Mesh", "m"), ("MeshGateway", "mgw")];

/// Kuma's short name of a kind; empty for kinds without one.
pub(crate) fn short_name(kind: &str) -> &'static str {
    let found = SHORT_NAMES.iter().find(|(name, _)| *name == kind);
    found.map_or("", |(_, short)| short)
}

/// The identifier of a resource: `kri_<kind>_<mesh>_<zone>_<namespace>_<name>_<section>`.
pub(crate) fn of(resource: &Resource) -> Option<String> {
    let short = short_name(resource.key.kind.as_str());
    (!short.is_empty()).then(|| {
        format!(
            "kri_{short}_{}_{}_{}_{}_",
            resource.key.mesh,
            resource.label(label::ZONE).unwrap_or_default(),
            resource.label(label::NAMESPACE).unwrap_or_default(),
            resource.display_name()
        )
    })
}

#[cfg(test)]
mod tests {
    use torii_resource::Kind;
    use torii_resource::kinds::{Dataplane, Mesh, MeshGatewayRoute};

    use super::*;

    fn empty<K: Kind>(mesh: &str, name: &str) -> Resource {
        Resource::new::<K>(mesh, name, &K::Spec::default())
    }

    #[test]
    fn identifiers_are_those_of_kuma() {
        let mesh = empty::<Mesh>("", "default");
        assert_eq!(of(&mesh).as_deref(), Some("kri_m____default_"));
        let mut copy = empty::<Dataplane>("default", "gw-east-72c7xz24x47zvwf4");
        copy.labels.insert(label::ZONE.into(), "east".into());
        copy.labels
            .insert(label::DISPLAY_NAME.into(), "gw-east".into());
        assert_eq!(of(&copy).as_deref(), Some("kri_dp_default_east__gw-east_"));
        let route = empty::<MeshGatewayRoute>("default", "r");
        assert_eq!(of(&route), None);
    }
}
