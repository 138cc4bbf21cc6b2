//! Kuma's messages by protobuf package; numbers as in resources §2 and kds §1.4.

#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications
)]
#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::use_self,
    clippy::default_trait_access
)]

/// `kuma.mesh.v1alpha1`
pub mod mesh {
    pub mod v1alpha1 {
        include!(concat!(env!("OUT_DIR"), "/kuma.mesh.v1alpha1.rs"));
        /// `KDSSyncService`: its messages are Envoy's delta discovery messages.
        pub mod sync {
            include!(concat!(
                env!("OUT_DIR"),
                "/kuma.mesh.v1alpha1.KDSSyncService.rs"
            ));
            pub use k_d_s_sync_service_client as client;
            pub use k_d_s_sync_service_server as server;
        }
    }
}

/// `kuma.system.v1alpha1`
pub mod system {
    pub mod v1alpha1 {
        include!(concat!(env!("OUT_DIR"), "/kuma.system.v1alpha1.rs"));
    }
}
