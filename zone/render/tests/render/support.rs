//! From YAML to what is rendered, and from parts to JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use torii_mesh::{Index, ProxyId};
use torii_proto::descriptor;
use torii_render::{PartError, Parts, Rendered, TypeUrl, render_gateway};
use torii_resource::format::universal;
use torii_resource::{Resource, ResourceKey, Revision, Stamp};

/// The resources of a YAML text in order; documents of kinds that this build does not know are left out and named.
pub(crate) fn resources(yaml: &str) -> (Vec<Arc<Resource>>, Vec<String>) {
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for (i, text) in yaml.split("\n---\n").enumerate() {
        let kind = text
            .lines()
            .find_map(|line| line.strip_prefix("type: "))
            .unwrap_or("nothing");
        if torii_resource::registry::by_name(kind).is_none() {
            unknown.push(kind.to_owned());
            continue;
        }
        for document in universal::parse(text, "input").unwrap() {
            let created = Stamp {
                revision: Revision(i as u64 + 1),
                time: Timestamp::UNIX_EPOCH,
            };
            known.push(Arc::new(Resource {
                key: document.resource.key,
                labels: document.resource.labels,
                spec: document.resource.spec,
                created,
                modified: created,
            }));
        }
    }
    (known, unknown)
}

/// Changes that bring these resources in, in this order.
pub(crate) fn changes(
    resources: &[Arc<Resource>],
) -> impl Iterator<Item = (ResourceKey, Option<Arc<Resource>>)> + use<'_> {
    resources
        .iter()
        .map(|one| (one.key.clone(), Some(one.clone())))
}

/// What a gateway of mesh `default` gets.
pub(crate) fn rendered(resources: &[Arc<Resource>], proxy: &str) -> Rendered {
    let mut index = Index::new("");
    index.apply(changes(resources));
    let id = ProxyId {
        mesh: "default".to_owned(),
        name: proxy.to_owned(),
    };
    render_gateway(&index.view(&id).unwrap())
}

/// All resources of one type by name.
pub(crate) fn of_type(parts: &Parts, of: TypeUrl) -> Map<String, Value> {
    let of_type = parts.of_type(of).map(|part| {
        let json = descriptor::to_json(of.as_str(), &part.body).unwrap();
        (part.name.clone(), json)
    });
    of_type.collect()
}

/// Errors or notes, a line each.
pub(crate) fn lines(errors: &[PartError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// The repository's sibling `shared`, or none with a word about it.
#[expect(clippy::disallowed_methods, reason = "the test's own settings")]
pub(crate) fn shared() -> Option<PathBuf> {
    let found = std::env::var_os("TORII_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
            here.ancestors()
                .map(|folder| folder.join("shared"))
                .find(|shared| shared.join("golden").is_dir())
        });
    require("shared", found)
}

/// A real Envoy, or none with a word about it.
#[expect(clippy::disallowed_methods, reason = "the test's own settings")]
pub(crate) fn envoy() -> Option<PathBuf> {
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|folder| folder.join("envoy"))
            .find(|file| file.is_file())
    };
    let in_repository = || {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        here.ancestors()
            .map(|folder| folder.join(".envoy/bin/envoy"))
            .find(|file| file.is_file())
    };
    let found = std::env::var_os("TORII_ENVOY")
        .map(PathBuf::from)
        .or_else(on_path)
        .or_else(in_repository);
    require("envoy", found)
}

#[expect(clippy::disallowed_methods, reason = "the test's own settings")]
fn require(what: &str, found: Option<PathBuf>) -> Option<PathBuf> {
    if found.is_none() {
        let required = std::env::var("TORII_REQUIRE").unwrap_or_default();
        assert!(
            !required.split(',').any(|one| one == what),
            "{what} is required and not there"
        );
        println!("skipped: no {what}");
    }
    found
}

/// A static bootstrap with the same listeners, routes, clusters and endpoints.
pub(crate) fn bootstrap(parts: &Parts) -> Value {
    let routes = of_type(parts, TypeUrl::Route);
    let endpoints = of_type(parts, TypeUrl::Endpoint);
    let listeners = of_type(parts, TypeUrl::Listener)
        .into_iter()
        .map(|(_, mut listener)| {
            for chain in listener["filterChains"].as_array_mut().unwrap() {
                for filter in chain["filters"].as_array_mut().unwrap() {
                    let manager = filter["typedConfig"].as_object_mut().unwrap();
                    let rds = manager.remove("rds").unwrap();
                    let name = rds["routeConfigName"].as_str().unwrap();
                    manager.insert("routeConfig".to_owned(), routes[name].clone());
                }
            }
            listener
        });
    let clusters = of_type(parts, TypeUrl::Cluster)
        .into_iter()
        .map(|(name, mut cluster)| {
            let fields = cluster.as_object_mut().unwrap();
            fields.remove("edsClusterConfig").unwrap();
            fields.insert("type".to_owned(), json!("STATIC"));
            fields.insert("loadAssignment".to_owned(), endpoints[&name].clone());
            cluster
        });
    let runtime = of_type(parts, TypeUrl::Runtime);
    let layer = runtime["gateway.listeners"]
        .get("layer")
        .cloned()
        .unwrap_or_else(|| json!({}));
    json!({
        "node": { "id": "test", "cluster": "test" },
        "staticResources": {
            "listeners": listeners.collect::<Vec<_>>(),
            "clusters": clusters.collect::<Vec<_>>(),
        },
        "layeredRuntime": { "layers": [
            // As in the bootstrap (gateway-xds §0.5): without it Envoy refuses patterns of more than 100 instructions.
            { "name": "kuma", "staticLayer": { "re2.max_program_size.error_level": 4_294_967_295_u32 } },
            { "name": "gateway.listeners", "staticLayer": layer },
        ] },
    })
}

/// The inputs of the golden files by name.
pub(crate) fn golden_inputs() -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut inputs = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            inputs.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    inputs
}

/// The resources of a golden input, with those that all of them have in common.
pub(crate) fn golden_resources(input: &str) -> Vec<Arc<Resource>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/common");
    let common = std::fs::read_to_string(folder.join("dataplanes.yaml")).unwrap();
    let (mut all, _) = resources(&common);
    all.extend(resources(input).0);
    all
}
