//! The system documents: index, configuration, kinds, and who asks (control-plane-api §3).

use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde::Serialize;
use torii_auth::{Action, Identity};
use torii_resource::kinds::Config;
use torii_resource::registry::KINDS;
use torii_resource::{Access, Descriptor, Mode, ResourceKey, Scope};
use torii_store::View;

use crate::api::About;
use crate::call::Call;
use crate::{json, kri, negotiate, rights};

/// Answers a GET with a document made from the call; any other method with 405.
pub(crate) fn document<T: Serialize>(
    call: &Call,
    action: Action,
    make: impl FnOnce(&Call) -> T,
) -> Response {
    if call.method != Method::GET {
        return negotiate::no_method("GET");
    }
    match rights::check(&call.identity, action) {
        Ok(()) => json::response(StatusCode::OK, &make(call)),
        Err(problem) => problem.into_response(),
    }
}

/// `GET /`. Serves `tagline` and `product`, so that every `kumactl` takes it for a Kuma (§16.2).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    hostname: String,
    tagline: &'static str,
    product: &'static str,
    version: String,
    instance_id: String,
    cluster_id: String,
    gui: &'static str,
    based_on_kuma: &'static str,
}

pub(crate) fn index(call: &Call) -> Index {
    let about = &call.api.about;
    Index {
        hostname: about.hostname.clone(),
        tagline: "Kuma",
        product: "Kuma",
        version: about.version.clone(),
        instance_id: about.instance_id.clone(),
        cluster_id: cluster_id(&call.api.store.view()),
        gui: "",
        based_on_kuma: About::KUMA,
    }
}

/// Content of the Config that the first leader writes (resources §2.12); empty until then.
fn cluster_id(view: &View) -> String {
    view.get(&ResourceKey::of::<Config>("", "kuma-cluster-id"))
        .and_then(|resource| resource.decode::<Config>().ok())
        .map(|spec| spec.config)
        .unwrap_or_default()
}

/// `GET /config`: what clients of Kuma read of it, nothing of the process's own settings.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configuration {
    mode: &'static str,
    environment: &'static str,
    store: StoreConfiguration,
    multizone: Multizone,
    api_server: ApiServer,
}

#[derive(Serialize)]
struct StoreConfiguration {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Multizone {
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<Zone>,
}

#[derive(Serialize)]
struct Zone {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiServer {
    read_only: bool,
}

pub(crate) fn configuration(call: &Call) -> Configuration {
    let (mode, zone) = match &*call.api.mode {
        Mode::Global => ("global", None),
        Mode::Zone(name) => ("zone", Some(Zone { name: name.clone() })),
    };
    Configuration {
        mode,
        environment: "universal",
        store: StoreConfiguration { r#type: "torii" },
        multizone: Multizone { zone },
        api_server: ApiServer { read_only: false },
    }
}

/// `GET /who-am-i`.
#[derive(Serialize)]
pub(crate) struct Who {
    name: String,
    groups: Vec<String>,
}

pub(crate) fn who(call: &Call) -> Who {
    match &call.identity {
        Identity::User { name, groups } => Who {
            name: name.clone(),
            groups: groups.clone(),
        },
        other => Who {
            name: other.to_string(),
            groups: Vec::new(),
        },
    }
}

/// `GET /_resources` (§3.4).
#[derive(Serialize)]
pub(crate) struct Kinds {
    resources: Vec<KindDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KindDocument {
    include_in_federation: bool,
    name: &'static str,
    path: &'static str,
    plural_display_name: String,
    read_only: bool,
    scope: &'static str,
    short_name: &'static str,
    singular_display_name: String,
}

pub(crate) fn kinds(call: &Call) -> Kinds {
    let served = KINDS
        .iter()
        .filter(|kind| kind.descriptor.access != Access::Internal);
    Kinds {
        resources: served
            .map(|kind| kind_document(&kind.descriptor, &call.api.mode))
            .collect(),
    }
}

fn kind_document(kind: &Descriptor, mode: &Mode) -> KindDocument {
    let singular = spaced(kind.name);
    KindDocument {
        include_in_federation: kind.sync.provided_by_global && kind.sync.consumed_by_zone,
        name: kind.name,
        path: kind.plural,
        plural_display_name: plural(&singular),
        read_only: !kind.sync.writable_in(mode),
        scope: match kind.scope {
            Scope::Mesh => "Mesh",
            Scope::Global => "Global",
        },
        short_name: kri::short_name(kind.name),
        singular_display_name: singular,
    }
}

/// `MeshGateway` as `Mesh Gateway`.
fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter);
    }
    words
}

fn plural(singular: &str) -> String {
    if singular.ends_with("sh") || singular.ends_with('s') || singular.ends_with("ch") {
        format!("{singular}es")
    } else if let Some(stem) = singular.strip_suffix("cy") {
        format!("{stem}cies")
    } else if let Some(stem) = singular.strip_suffix("ry") {
        format!("{stem}ries")
    } else {
        format!("{singular}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_are_those_of_kuma() {
        let cases = [
            ("Mesh", "Mesh", "Meshes"),
            (
                "MeshGatewayRoute",
                "Mesh Gateway Route",
                "Mesh Gateway Routes",
            ),
            ("GlobalSecret", "Global Secret", "Global Secrets"),
            ("MeshRetry", "Mesh Retry", "Mesh Retries"),
        ];
        for (name, one, many) in cases {
            assert_eq!(spaced(name), one);
            assert_eq!(plural(&spaced(name)), many);
        }
    }

    #[test]
    fn every_served_kind_is_listed_once_with_its_path() {
        for kind in KINDS {
            let document = kind_document(&kind.descriptor, &Mode::Zone("east".into()));
            assert_eq!(document.path, kind.descriptor.plural);
            assert_eq!(
                document.read_only, !kind.descriptor.sync.provided_by_zone,
                "{}",
                document.name
            );
        }
    }
}
