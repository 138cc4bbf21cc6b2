//! Kuma's rules for the spec of a Mesh (resources §3.4, first stage, as of 2.13: access log formats are not looked at).
//! Paths as there: `dpcert` and `config` are Kuma's.

use std::collections::BTreeSet;

use torii_proto::kuma::mesh::v1alpha1::mesh::{Constraints, Mtls};
use torii_proto::kuma::mesh::v1alpha1::{
    Logging, LoggingBackend, Mesh as Spec, Metrics, MetricsBackend, Tracing,
};
use torii_proto::kuma::mesh::v1alpha1::{TracingBackend, mesh::dataplane_proxy_constraints::Rules};

use super::prometheus;
use crate::format::open;
use crate::rules::{
    CANNOT_BE_EMPTY, TagRules, check_tags, is_host_port, is_simple_duration, port_in_range,
    url_with_port,
};
use crate::violation::Violations;

const DUPLICATE: &str = "must be unique: another backend has the same name";

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    if let Some(mtls) = &spec.mtls {
        check_mtls(mtls, &mut violations);
    }
    if let Some(logging) = &spec.logging {
        check_logging(logging, &mut violations);
    }
    if let Some(tracing) = &spec.tracing {
        check_tracing(tracing, &mut violations);
    }
    if let Some(metrics) = &spec.metrics {
        check_metrics(metrics, &mut violations);
    }
    if let Some(constraints) = &spec.constraints {
        check_constraints(constraints, &mut violations);
    }
    let egress = spec
        .routing
        .as_ref()
        .is_some_and(|routing| routing.zone_egress);
    let mtls_on = spec
        .mtls
        .as_ref()
        .is_some_and(|mtls| !mtls.enabled_backend.is_empty());
    if egress && !mtls_on {
        violations.add("mtls", "has to be enabled when zoneEgress is enabled");
    }
    violations
}

fn check_mtls(mtls: &Mtls, violations: &mut Violations) {
    if mtls.backends.len() > 1 {
        violations.add("mtls.backends", "cannot have more than 1 backends");
    }
    let names = mtls.backends.iter().map(|backend| backend.name.as_str());
    check_unique("mtls.backends", names.clone(), violations);
    check_reference(
        "mtls.enabledBackend",
        &mtls.enabled_backend,
        names,
        violations,
    );
    for cert in mtls
        .backends
        .iter()
        .filter_map(|backend| backend.dp_cert.as_ref())
    {
        let expiration = cert
            .rotation
            .as_ref()
            .map_or("", |rotation| rotation.expiration.as_str());
        if !is_simple_duration(expiration) {
            violations.add(
                "mtls.dpcert.rotation.expiration",
                "has to be a valid format: a number and one of y, w, d, h, m, s, ms",
            );
        }
    }
}

fn check_logging(logging: &Logging, violations: &mut Violations) {
    let names = logging.backends.iter().map(|backend| backend.name.as_str());
    check_named("logging.backends", names.clone(), violations);
    for (index, backend) in logging.backends.iter().enumerate() {
        check_logging_backend(&format!("logging.backends[{index}]"), backend, violations);
    }
    check_reference(
        "logging.defaultBackend",
        &logging.default_backend,
        names,
        violations,
    );
}

fn check_logging_backend(path: &str, backend: &LoggingBackend, violations: &mut Violations) {
    let (key, file) = match backend.r#type.as_str() {
        "file" => ("path", true),
        "tcp" => ("address", false),
        _ => {
            violations.add(
                format!("{path}.type"),
                "unknown backend type. Available backends: \"tcp\", \"file\"",
            );
            return;
        }
    };
    match open::text(backend.conf.as_ref(), key) {
        Err(reason) => violations.add(format!("{path}.config"), reason),
        Ok("") => violations.add(format!("{path}.config.{key}"), CANNOT_BE_EMPTY),
        Ok(value) if !file && !is_host_port(value) => {
            violations.add(
                format!("{path}.config.{key}"),
                "has to be in format of HOST:PORT",
            );
        }
        Ok(_) => {}
    }
}

fn check_tracing(tracing: &Tracing, violations: &mut Violations) {
    let names = tracing.backends.iter().map(|backend| backend.name.as_str());
    check_named("tracing.backends", names.clone(), violations);
    for (index, backend) in tracing.backends.iter().enumerate() {
        let path = format!("tracing.backends[{index}]");
        if !(0.0..=100.0).contains(&backend.sampling.unwrap_or_default()) {
            violations.add(
                format!("{path}.sampling"),
                "has to be in [0.0 - 100.0] range",
            );
        }
        let result = match backend.r#type.as_str() {
            "zipkin" => check_zipkin(&path, backend, violations),
            "datadog" => check_datadog(&path, backend, violations),
            _ => {
                violations.add(
                    format!("{path}.type"),
                    "unknown backend type. Available backends: \"zipkin\", \"datadog\"",
                );
                Ok(())
            }
        };
        if let Err(reason) = result {
            violations.add(format!("{path}.config"), reason);
        }
    }
    check_reference(
        "tracing.defaultBackend",
        &tracing.default_backend,
        names,
        violations,
    );
}

fn check_zipkin(
    path: &str,
    backend: &TracingBackend,
    violations: &mut Violations,
) -> Result<(), String> {
    let conf = backend.conf.as_ref();
    let url = open::text(conf, "url")?;
    let version = open::text(conf, "apiVersion")?;
    open::boolean(conf, "traceId128bit")?;
    open::boolean(conf, "sharedSpanContext")?;
    if !["", "httpJsonV1", "httpJson", "httpProto"].contains(&version) {
        violations.add(
            format!("{path}.config.apiVersion"),
            "has to be one of: httpJsonV1, httpJson, httpProto",
        );
    }
    if let Some(reason) = url_with_port(url) {
        violations.add(format!("{path}.config.url"), reason);
    }
    Ok(())
}

fn check_datadog(
    path: &str,
    backend: &TracingBackend,
    violations: &mut Violations,
) -> Result<(), String> {
    let conf = backend.conf.as_ref();
    let address = open::text(conf, "address")?;
    let port = open::unsigned(conf, "port")?;
    open::boolean(conf, "splitService")?;
    if address.is_empty() {
        violations.add(format!("{path}.config.address"), CANNOT_BE_EMPTY);
    }
    if !port_in_range(port) {
        violations.add(
            format!("{path}.config.port"),
            "port must be in the range [1, 65535]",
        );
    }
    Ok(())
}

fn check_metrics(metrics: &Metrics, violations: &mut Violations) {
    let names = metrics.backends.iter().map(|backend| backend.name.as_str());
    check_unique("metrics.backends", names.clone(), violations);
    for (index, backend) in metrics.backends.iter().enumerate() {
        check_metrics_backend(&format!("metrics.backends[{index}]"), backend, violations);
    }
    check_reference(
        "metrics.enabledBackend",
        &metrics.enabled_backend,
        names,
        violations,
    );
}

/// A metrics backend of a Mesh or of a Dataplane.
pub(crate) fn check_metrics_backend(
    path: &str,
    backend: &MetricsBackend,
    violations: &mut Violations,
) {
    if backend.r#type == prometheus::TYPE {
        prometheus::check(&format!("{path}.conf"), backend, violations);
    } else {
        violations.add(
            format!("{path}.type"),
            "unknown backend type. Available backends: \"prometheus\"",
        );
    }
}

fn check_constraints(constraints: &Constraints, violations: &mut Violations) {
    let Some(rules) = &constraints.dataplane_proxy else {
        return;
    };
    let tag_rules = TagRules {
        selector: true,
        at_least_one: true,
        ..TagRules::default()
    };
    let mut check = |list: &str, entries: &[Rules]| {
        for (index, entry) in entries.iter().enumerate() {
            let path = format!("constraints.dataplaneProxy.{list}[{index}].tags");
            check_tags(&path, &entry.tags, tag_rules, violations);
        }
    };
    check("requirements", &rules.requirements);
    check("restrictions", &rules.restrictions);
}

fn check_named<'a>(
    path: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    violations: &mut Violations,
) {
    for (index, name) in names.clone().enumerate() {
        if name.is_empty() {
            violations.add(format!("{path}[{index}].name"), CANNOT_BE_EMPTY);
        }
    }
    check_unique(path, names, violations);
}

fn check_unique<'a>(path: &str, names: impl Iterator<Item = &'a str>, violations: &mut Violations) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        if !seen.insert(name) {
            violations.add(format!("{path}[{index}].name"), DUPLICATE);
        }
    }
}

fn check_reference<'a>(
    path: &str,
    name: &str,
    mut names: impl Iterator<Item = &'a str>,
    violations: &mut Violations,
) {
    if !name.is_empty() && !names.any(|known| known == name) {
        violations.add(path, "has to be set to one of the backends in the mesh");
    }
}
