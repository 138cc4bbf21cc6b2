//! Dataplane: a proxy of a zone, with the services it serves or the gateway it is.

mod rules;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::Dataplane as Spec;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::gateway::GatewayType;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::inbound::Health;

use crate::kind::{Access, ComputedLabels, Context, Descriptor, Kind, Mode, Scope, SyncFlags};
use crate::meta::label;
use crate::rules::address;
use crate::tags;
use crate::violation::Violations;

/// The kind `Dataplane`.
#[derive(Clone, Copy, Debug)]
pub struct Dataplane;

impl Kind for Dataplane {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Dataplane",
        plural: "dataplanes",
        aliases: &[],
        short_names: &["dp"],
        scope: Scope::Mesh,
        sync: SyncFlags::ZONE_TO_GLOBAL,
        access: Access::Open,
        message: "kuma.mesh.v1alpha1.Dataplane",
        hashed: true,
        namespaced: true,
    };

    /// The zone's tag, and not ready until probed (resources §3.14).
    fn set_defaults(spec: &mut Self::Spec, context: &Context<'_>) {
        let Some(networking) = &mut spec.networking else {
            return;
        };
        if let Mode::Zone(zone) = context.mode {
            let inbounds = networking
                .inbound
                .iter_mut()
                .map(|inbound| &mut inbound.tags);
            let gateway = networking
                .gateway
                .iter_mut()
                .map(|gateway| &mut gateway.tags);
            for tags in inbounds.chain(gateway) {
                tags.insert(tags::ZONE.to_owned(), zone.clone());
            }
        }
        if context.create {
            for inbound in &mut networking.inbound {
                if inbound.service_probe.is_some() && inbound.health.is_none() {
                    inbound.health = Some(Health { ready: false });
                }
            }
        }
    }

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        let mut violations = Violations::new();
        let Some(networking) = &spec.networking else {
            return violations;
        };
        if !networking.advertised_address.is_empty()
            && let Some(reason) = address(&networking.advertised_address)
        {
            violations.add("networking.advertisedAddress", reason);
        }
        if let Some(gateway) = &networking.gateway
            && GatewayType::try_from(gateway.r#type).is_err()
        {
            violations.add("networking.gateway.type", "must be BUILTIN or DELEGATED");
        }
        violations
    }

    fn computed_labels(spec: &Self::Spec) -> ComputedLabels {
        let gateway = spec
            .networking
            .as_ref()
            .is_some_and(|networking| networking.gateway.is_some());
        let proxy_type = if gateway { "gateway" } else { "sidecar" };
        vec![(label::PROXY_TYPE, proxy_type.to_owned())]
    }
}
