//! What Kuma may store of a ProxyTemplate although Envoy 1.40 does not know it: values are held against its API.

use torii_proto::kuma::mesh::v1alpha1::ProxyTemplate as Spec;

use super::rules::Change;
use crate::format::envoy;
use crate::violation::Violations;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    let Some(conf) = &spec.conf else {
        return violations;
    };
    for (index, resource) in conf.resources.iter().enumerate() {
        if envoy::document(&resource.resource).is_err() {
            continue;
        }
        if let Err(reason) = envoy::resource(&resource.resource) {
            violations.add(
                format!("conf.resources[{index}].resource"),
                format!("not a resource that Envoy knows: {reason}"),
            );
        }
    }
    for (index, modification) in conf.modifications.iter().enumerate() {
        let path = format!("conf.modifications[{index}]");
        let Some(change) = Change::of(modification) else {
            violations.add(
                path,
                "must have one of cluster, listener, networkFilter, httpFilter, virtualHost",
            );
            continue;
        };
        if !change.has_value() || envoy::document(change.value).is_err() {
            continue;
        }
        if let Err(reason) = envoy::message(change.message, change.value) {
            violations.add(
                format!("{path}.{}.value", change.member),
                format!("not a {} that Envoy knows: {reason}", change.message),
            );
        }
    }
    violations
}
