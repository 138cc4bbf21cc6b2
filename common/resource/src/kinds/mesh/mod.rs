//! Mesh: an isolated set of services, with its certificate authority and its backends for logs, metrics and traces.

mod prometheus;
mod rules;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::Mesh as Spec;

use crate::kind::{Access, Context, Descriptor, Kind, Scope, SyncFlags};
use crate::violation::Violations;

pub(crate) use rules::check_metrics_backend;

/// The kind `Mesh`.
#[derive(Clone, Copy, Debug)]
pub struct Mesh;

/// Certificate authorities that this control plane can be.
const CA_TYPES: [&str; 2] = ["builtin", "provided"];

impl Kind for Mesh {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Mesh",
        plural: "meshes",
        aliases: &[],
        short_names: &[],
        scope: Scope::Global,
        sync: SyncFlags::GLOBAL_TO_ZONE,
        access: Access::Open,
        message: "kuma.mesh.v1alpha1.Mesh",
        hashed: false,
        namespaced: false,
    };

    /// Prometheus backends get their defaults written out (resources §3.14).
    fn set_defaults(spec: &mut Self::Spec, _context: &Context<'_>) {
        for backend in spec
            .metrics
            .iter_mut()
            .flat_map(|metrics| &mut metrics.backends)
        {
            if backend.r#type == prometheus::TYPE {
                prometheus::set_defaults(backend);
            }
        }
    }

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    /// What Kuma's Mesh manager says of the plugin when it creates the CA (recorded).
    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        let mut violations = Violations::new();
        let backends = spec.mtls.iter().flat_map(|mtls| &mtls.backends).enumerate();
        for (index, backend) in backends {
            if !CA_TYPES.contains(&backend.r#type.as_str()) {
                violations.add(
                    format!("mtls.backends[{index}].type"),
                    "could not find installed plugin for this type",
                );
            }
        }
        violations
    }
}
