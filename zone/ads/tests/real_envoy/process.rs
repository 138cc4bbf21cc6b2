//! Starts and ends an Envoy.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running Envoy; it ends when this is dropped.
pub(crate) struct Envoy {
    child: Child,
    folder: TempDir,
}

impl Envoy {
    /// Starts one that gets everything from the ADS server at `server`, in the protocol `api` (`DELTA_GRPC`, `GRPC`).
    pub(crate) fn start(binary: &Path, server: SocketAddr, api: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bootstrap = folder.path().join("bootstrap.yaml");
        std::fs::write(&bootstrap, bootstrap_yaml(server, api)).expect("it can be written");
        let log = std::fs::File::create(folder.path().join("log")).expect("it can be written");
        let child = Command::new(binary)
            .args([
                "--disable-hot-restart",
                "--concurrency",
                "1",
                "-l",
                "info",
                "-c",
            ])
            .arg(&bootstrap)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Envoy starts");
        Self { child, folder }
    }

    /// What it wrote, for a failed test.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("Envoy's log:\n{}", self.log());
        }
    }
}

/// The Envoy binary; none, with a word, when there is none and none is required.
pub(crate) fn binary() -> Option<PathBuf> {
    let given = std::env::var_os("TORII_ENVOY").map(PathBuf::from);
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|folder| folder.join("envoy"))
            .find(|file| file.is_file())
    };
    let installed = || {
        let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        above.find_map(|folder| Some(folder.join(".envoy/bin/envoy")).filter(|file| file.is_file()))
    };
    let found = given.or_else(on_path).or_else(installed);
    let required = std::env::var("TORII_REQUIRE").is_ok_and(|list| list.contains("envoy"));
    assert!(
        found.is_some() || !required,
        "Envoy is required and not there: set TORII_ENVOY"
    );
    if found.is_none() {
        println!("skipped: no Envoy (set TORII_ENVOY)");
    }
    found
}

/// A port of this address that was free a moment ago.
pub(crate) fn free_port(address: Ipv4Addr) -> u16 {
    let listener = TcpListener::bind((address, 0)).expect("the address is local");
    listener.local_addr().expect("it is bound").port()
}

fn bootstrap_yaml(server: SocketAddr, api: &str) -> String {
    let (address, port) = (server.ip(), server.port());
    format!(
        r#"
node: {{ id: default.gateway, cluster: gateway }}
layered_runtime:
  layers:
  - name: gateway.listeners
    rtds_layer: {{ name: gateway.listeners, rtds_config: {{ ads: {{}}, resource_api_version: V3 }} }}
dynamic_resources:
  ads_config:
    api_type: {api}
    transport_api_version: V3
    set_node_on_first_message_only: true
    grpc_services: [{{ envoy_grpc: {{ cluster_name: ads }}, initial_metadata: [{{ key: authorization, value: the-token }}] }}]
  lds_config: {{ ads: {{}}, resource_api_version: V3 }}
  cds_config: {{ ads: {{}}, resource_api_version: V3 }}
static_resources:
  clusters:
  - name: ads
    type: STATIC
    connect_timeout: 1s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ http2_protocol_options: {{}} }}
    load_assignment:
      cluster_name: ads
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: "{address}", port_value: {port} }} }} }} }}] }}]
"#
    )
}
