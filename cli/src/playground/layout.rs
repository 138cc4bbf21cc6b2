//! Where everything of a site is: addresses, ports, files.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Port of the demo application.
const APP_PORT: u16 = 5000;
/// Port that the gateways listen on.
const GATEWAY_PORT: u16 = 8080;

/// Addresses and files of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Third byte of every address.
    pub net: u8,
    /// Folder of the site.
    pub dir: PathBuf,
    /// How many nodes the global has.
    pub nodes: usize,
    /// Names of the zones.
    pub zones: Vec<String>,
}

impl Layout {
    /// Name of a node of the global, counted from 0.
    pub fn node_name(&self, index: usize) -> String {
        format!("global-{}", index + 1)
    }

    /// Address of a node of the global, counted from 0: .11, .12, .13.
    pub fn node_address(&self, index: usize) -> Ipv4Addr {
        self.address(11, index)
    }

    /// Address of a zone, of its gateway and of its application, counted from 0: .21, .22.
    pub fn zone_address(&self, index: usize) -> Ipv4Addr {
        self.address(21, index)
    }

    /// Envoy's admin port in a zone. Admin interfaces are all on 127.0.0.1, so sites must not share them.
    pub fn admin_port(&self, zone: usize) -> u16 {
        let zone = u16::try_from(zone).unwrap_or(0);
        match self.net {
            0 => 9901 + zone,
            // Below the range that the system gives to outgoing connections.
            net => 10_000 + u16::from(net) * 16 + zone,
        }
    }

    /// Where a gateway listens.
    pub fn gateway_url(&self, zone: usize) -> String {
        format!("http://{}:{GATEWAY_PORT}", self.zone_address(zone))
    }

    /// Where an application listens.
    pub fn app(&self, zone: usize) -> (Ipv4Addr, u16) {
        (self.zone_address(zone), APP_PORT)
    }

    /// Folder with the folders of the nodes.
    pub fn cluster_dir(&self) -> PathBuf {
        self.dir.join("global")
    }

    /// Certificate of the global's CA.
    pub fn global_ca(&self) -> PathBuf {
        self.cluster_dir().join("ca.crt")
    }

    /// Context file of the global.
    pub fn global_context(&self) -> PathBuf {
        self.dir.join("context.yaml")
    }

    /// Data folder of a process.
    pub fn data_dir(&self, process: &str) -> PathBuf {
        self.dir.join("data").join(process)
    }

    /// Context file of a zone, which the zone writes itself.
    pub fn zone_context(&self, zone: &str) -> PathBuf {
        self.data_dir(zone).join("context.yaml")
    }

    /// Certificate of a zone's CA, which the zone writes itself.
    pub fn zone_ca(&self, zone: &str) -> PathBuf {
        self.data_dir(zone).join("ca.crt")
    }

    /// A token or resource file of the site.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Log of a process.
    pub fn log(&self, process: &str) -> PathBuf {
        self.logs().join(format!("{process}.log"))
    }

    /// Folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// Every folder that must exist before the first process starts.
    pub(super) fn folders(&self) -> [PathBuf; 3] {
        [self.dir.clone(), self.logs(), self.dir.join("data")]
    }

    fn address(&self, first: usize, index: usize) -> Ipv4Addr {
        let last = u8::try_from(first + index).unwrap_or(u8::MAX);
        Ipv4Addr::new(127, 0, self.net, last)
    }
}

/// As an argument.
pub(super) fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(net: u8) -> Layout {
        Layout {
            net,
            dir: PathBuf::from("/site"),
            nodes: 3,
            zones: vec!["east".to_owned(), "west".to_owned()],
        }
    }

    #[test]
    fn the_demo_has_the_addresses_and_ports_of_the_documents() {
        let demo = layout(0);
        assert_eq!(demo.node_address(2).to_string(), "127.0.0.13");
        assert_eq!(demo.zone_address(1).to_string(), "127.0.0.22");
        assert_eq!((demo.admin_port(0), demo.admin_port(1)), (9901, 9902));
        assert_eq!(demo.gateway_url(0), "http://127.0.0.21:8080");
    }

    #[test]
    fn no_two_sites_share_an_admin_port() {
        let mut ports: Vec<u16> = (0..=u8::MAX)
            .flat_map(|net| [0, 1].map(|zone| layout(net).admin_port(zone)))
            .collect();
        let all = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), all);
    }
}
