//! `torii get`.

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use torii_resource::Scope;
use torii_resource::kind::Descriptor;

use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};
use crate::output::age::since;
use crate::output::error::tell;
use crate::output::table::Grid;
use crate::output::{Format, Terminal, print, print_document};

use super::{connect, kind};

const EXAMPLES: &str = "\
Examples:
  torii get meshgateways                      in mesh default
  torii get meshgateway edge-gateway -o yaml  as `torii apply -f` takes it
  torii get dataplanes --all-meshes
  torii get zones -o json";

/// Show resources
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Get {
    /// Kind, e.g. meshgateways or MeshGateway
    #[arg(value_name = "KIND")]
    kind: String,

    /// Name of one resource; all of the kind without it
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Mesh to look in
    #[arg(
        short,
        long,
        value_name = "MESH",
        default_value = "default",
        env = "TORII_MESH"
    )]
    mesh: String,

    /// Look in all meshes
    #[arg(short = 'A', long, conflicts_with = "name")]
    all_meshes: bool,

    /// How to print it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    connection: ConnectionFlags,
}

impl Get {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let kind = kind::find(&self.kind)?;
        let client = connect(&self.connection, terminal)?;
        if let Some(name) = &self.name {
            let resource = client.get(kind, &self.mesh, name).await?;
            match self.output {
                Format::Table => print(&table(kind, &[resource], Timestamp::now()))?,
                format => print_document(&resource, format)?,
            }
            return Ok(Exit::Success);
        }
        let mesh = (!self.all_meshes).then_some(self.mesh.as_str());
        let resources = client.list(kind, mesh).await?;
        match self.output {
            Format::Table if resources.is_empty() => tell(&format!("no {} found", kind.plural)),
            Format::Table => print(&table(kind, &resources, Timestamp::now()))?,
            Format::Json => print_document(
                &json!({"total": resources.len(), "items": resources}),
                self.output,
            )?,
            Format::Yaml => {
                for resource in &resources {
                    print("---")?;
                    print_document(resource, self.output)?;
                }
            }
        }
        Ok(Exit::Success)
    }
}

/// The columns of kumactl (control-plane-api §16.6).
fn table(kind: &Descriptor, resources: &[Value], now: Timestamp) -> String {
    let dataplanes = kind.name == "Dataplane";
    let heads: &[&str] = match (kind.scope, dataplanes) {
        (Scope::Mesh, true) => &["MESH", "NAME", "TAGS", "ADDRESS", "AGE"],
        (Scope::Mesh, false) => &["MESH", "NAME", "AGE"],
        (Scope::Global, _) => &["NAME", "AGE"],
    };
    let mut grid = Grid::new(heads, false);
    for resource in resources {
        let text = |field: &str| resource[field].as_str().unwrap_or_default().to_owned();
        let mut cells = Vec::new();
        if kind.scope == Scope::Mesh {
            cells.push(text("mesh"));
        }
        cells.push(text("name"));
        if dataplanes {
            cells.push(tags(&resource["networking"]));
            cells.push(
                resource["networking"]["address"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
        cells.push(since(&text("creationTime"), now));
        grid.plain(cells.iter().map(String::as_str));
    }
    grid.render()
}

/// All tags of a Dataplane's inbounds and gateway, once each, in order.
fn tags(networking: &Value) -> String {
    let inbounds = networking["inbound"].as_array().into_iter().flatten();
    let mut tags: Vec<String> = inbounds
        .chain([&networking["gateway"]])
        .filter_map(|part| part["tags"].as_object())
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_kind_in_a_mesh_has_three_columns() {
        let gateway = json!({"type": "MeshGateway", "mesh": "default", "name": "edge", "creationTime": "2026-03-01T11:00:00Z"});
        let text = table(kind::find("MeshGateway").unwrap(), &[gateway], now());
        assert_eq!(text, "MESH     NAME  AGE\ndefault  edge  60m\n");
    }

    #[test]
    fn a_kind_of_global_scope_has_no_mesh() {
        let zone = json!({"type": "Zone", "name": "east", "creationTime": "2026-03-01T11:59:30Z"});
        assert_eq!(
            table(kind::find("Zone").unwrap(), &[zone], now()),
            "NAME  AGE\neast  30s\n"
        );
    }

    #[test]
    fn dataplanes_show_tags_and_address() {
        let dataplane = json!({
            "mesh": "default", "name": "app", "creationTime": "",
            "networking": {"address": "10.0.0.1", "inbound": [
                {"port": 1, "tags": {"kuma.io/service": "app", "a": "b"}},
                {"port": 2, "tags": {"kuma.io/service": "app"}},
            ]},
        });
        let text = table(kind::find("Dataplane").unwrap(), &[dataplane], now());
        assert_eq!(
            text,
            "MESH     NAME  TAGS                     ADDRESS   AGE\ndefault  app   a=b kuma.io/service=app  10.0.0.1  -\n"
        );
    }
}
