//! `conf` of a Prometheus backend: its rules (resources §3.4) and the defaults that are written out (§3.14).

use std::collections::{BTreeMap, BTreeSet};

use prost_types::value::Kind;
use prost_types::{Struct, Value};
use torii_proto::kuma::mesh::v1alpha1::MetricsBackend;

use crate::format::open;
use crate::re2;
use crate::tags::SERVICE;
use crate::violation::Violations;

/// The only type of metrics backend.
pub(super) const TYPE: &str = "prometheus";

const DEFAULT_PORT: u32 = 5670;
const DEFAULT_PATH: &str = "/metrics";
const DEFAULT_SERVICE: &str = "dataplane-metrics";

/// Keys of the typed configuration; others get lost when the defaults are written, as in Kuma.
const KEYS: [&str; 7] = [
    "port",
    "path",
    "tags",
    "skipMTLS",
    "aggregate",
    "envoy",
    "tls",
];
const MODES: [&str; 3] = [MODE_MTLS, "providedTLS", MODE_DISABLED];
const MODE_MTLS: &str = "activeMTLSBackend";
const MODE_DISABLED: &str = "disabled";

/// What the rules and defaults look at.
struct Conf<'a> {
    port: u32,
    path: &'a str,
    skip_mtls: Option<bool>,
    /// Mode of `tls`, when that is set.
    tls: Option<&'a str>,
    has_tags: bool,
}

fn read(conf: Option<&Struct>) -> Result<Conf<'_>, String> {
    let tls = open::object(conf, "tls")?;
    let mode = match open::text(tls, "mode")? {
        "" => MODE_MTLS,
        mode if MODES.contains(&mode) => mode,
        _ => return Err(format!("tls.mode: must be one of {}", MODES.join(", "))),
    };
    let tags = open::object(conf, "tags")?;
    for key in tags.iter().flat_map(|tags| tags.fields.keys()) {
        open::text(tags, key)?;
    }
    Ok(Conf {
        port: open::unsigned(conf, "port")?,
        path: open::text(conf, "path")?,
        skip_mtls: open::boolean(conf, "skipMTLS")?,
        tls: tls.map(|_| mode),
        has_tags: tags.is_some_and(|tags| !tags.fields.is_empty()),
    })
}

pub(super) fn check(path: &str, backend: &MetricsBackend, violations: &mut Violations) {
    let conf = backend.conf.as_ref();
    let (read, aggregate, envoy) = match (
        read(conf),
        open::objects(conf, "aggregate"),
        open::object(conf, "envoy"),
    ) {
        (Ok(read), Ok(aggregate), Ok(envoy)) => (read, aggregate, envoy),
        (Err(reason), ..) | (_, Err(reason), _) | (.., Err(reason)) => {
            violations.add(path, reason);
            return;
        }
    };
    let consistent = match (read.skip_mtls, read.tls) {
        (Some(skip), Some(mode)) => mode == if skip { MODE_DISABLED } else { MODE_MTLS },
        _ => true,
    };
    if !consistent {
        violations.add(
            path,
            "skipMTLS and tls configuration cannot be defined together",
        );
        return;
    }
    match open::text(envoy, "filterRegex") {
        Err(reason) => {
            violations.add(path, format!("envoy.{reason}"));
            return;
        }
        Ok(pattern) => {
            if let Err(reason) = re2::check(pattern) {
                violations.add(
                    format!("{path}.envoy.filterRegex"),
                    format!("invalid regex: {reason}"),
                );
                return;
            }
        }
    }
    let mut seen = BTreeSet::new();
    for (index, entry) in aggregate.iter().enumerate() {
        match open::text(Some(entry), "name") {
            Err(reason) => violations.add(path, format!("aggregate[{index}].{reason}")),
            Ok(name) if !seen.insert(name) => violations.add(
                format!("{path}.aggregate[{index}].name"),
                "must be unique: another entry has the same name",
            ),
            Ok(_) => {}
        }
    }
}

/// Rules (a) to (g) of resources §3.14. A configuration that cannot be read stays as it is: its validation tells.
pub(super) fn set_defaults(backend: &mut MetricsBackend) {
    let Ok(conf) = read(backend.conf.as_ref()) else {
        return;
    };
    let mut fields: BTreeMap<String, Value> = backend
        .conf
        .iter()
        .flat_map(|conf| conf.fields.clone())
        .filter(|(key, _)| KEYS.contains(&key.as_str()))
        .collect();
    match (conf.tls, conf.skip_mtls) {
        (None, Some(true)) => {
            let mode = object([("mode", text(MODE_DISABLED))]);
            fields.insert("tls".to_owned(), mode);
        }
        (None, _) => {
            fields.insert("tls".to_owned(), object([]));
        }
        (Some("providedTLS"), Some(_)) => {
            fields.remove("skipMTLS");
        }
        (Some(_), _) => {}
    }
    if conf.port == 0 {
        let port = Kind::NumberValue(f64::from(DEFAULT_PORT));
        fields.insert("port".to_owned(), Value { kind: Some(port) });
    }
    if conf.path.is_empty() {
        fields.insert("path".to_owned(), text(DEFAULT_PATH));
    }
    if !conf.has_tags {
        fields.insert(
            "tags".to_owned(),
            object([(SERVICE, text(DEFAULT_SERVICE))]),
        );
    }
    backend.conf = Some(Struct { fields });
}

fn text(value: &str) -> Value {
    Value {
        kind: Some(Kind::StringValue(value.to_owned())),
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    Value {
        kind: Some(Kind::StructValue(Struct { fields })),
    }
}
