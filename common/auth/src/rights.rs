//! The one table of rights: every route and RPC is an [`Action`], every caller an [`Identity`]. What the table does not
//! name is denied. Nobody without a credential may do anything, wherever he comes from: loopback is not an identity.

use std::fmt;

use torii_resource::Access;

/// Name and group of the operator (control-plane-api §8.1).
pub const ADMIN: &str = "mesh-system:admin";
/// The group that every user with a valid token is in.
pub const AUTHENTICATED: &str = "mesh-system:authenticated";

/// Who calls, as far as it has been proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A user with a valid token.
    User {
        /// Name.
        name: String,
        /// Groups, [`AUTHENTICATED`] among them.
        groups: Vec<String>,
    },
    /// A zone's control plane with a valid token of its own, or one that the operator lets in without.
    Zone {
        /// Name.
        name: String,
    },
    /// A data plane proxy with a valid token that fits its resource.
    Dataplane {
        /// Mesh.
        mesh: String,
        /// Name.
        name: String,
    },
    /// Another node of the cluster, by a certificate of the cluster's CA.
    Node,
    /// Nobody.
    Anonymous,
}

impl Identity {
    /// A user whose token was verified: gets the group [`AUTHENTICATED`].
    pub fn user(name: String, mut groups: Vec<String>) -> Self {
        if !groups.iter().any(|group| group == AUTHENTICATED) {
            groups.push(AUTHENTICATED.to_owned());
        }
        Self::User { name, groups }
    }

    /// Whether everything that users can do is allowed.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::User { groups, .. } if groups.iter().any(|group| group == ADMIN))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { name, .. } => write!(f, "user {name}"),
            Self::Zone { name } => write!(f, "zone {name}"),
            Self::Dataplane { mesh, name } => write!(f, "dataplane {mesh}/{name}"),
            Self::Node => f.write_str("a node of the cluster"),
            Self::Anonymous => f.write_str("a caller without a valid token"),
        }
    }
}

/// What a caller wants: a class of REST routes, or an RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `GET /`, `/policies`, `/_resources` and the like: what this server is.
    ReadIndex,
    /// GET of a resource or a list of a kind with this access.
    ReadResource(Access),
    /// PUT or DELETE of a resource of a kind with this access.
    WriteResource(Access),
    /// GET of status, overviews and insights.
    ReadStatus,
    /// GET of what an Envoy was sent: `…/xds`, `…/_config`.
    ReadProxyConfig,
    /// `GET /config`: the control plane's own settings.
    ReadControlPlaneConfig,
    /// `POST /tokens/user`.
    GenerateUserToken,
    /// `POST /tokens/zone`.
    GenerateZoneToken,
    /// `POST /tokens/dataplane`.
    GenerateDataplaneToken,
    /// A zone forgets which global and revision it has seen: `torii zone accept-global`.
    AcceptGlobal,
    /// Nodes are added to or taken from the cluster.
    ManageMembers,
    /// Every RPC of port 5685: KDS, and a zone's status report.
    Kds,
    /// `POST /bootstrap` on 5678.
    Bootstrap,
    /// The ADS streams on 5678.
    Ads,
    /// Every RPC of port 5686: Raft, forwarded writes, shared status.
    Peer,
}

/// Who may, besides the admins, who may everything that is for users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Admins,
    AllUsers,
    Zones,
    Dataplanes,
    Nodes,
    Nobody,
}

/// The table. A new action does not compile until it has a line.
const fn who(action: Action) -> Who {
    match action {
        Action::ReadIndex => Who::AllUsers,
        Action::ReadResource(Access::Open) => Who::AllUsers,
        Action::ReadResource(Access::Admin) => Who::Admins,
        Action::ReadResource(Access::Internal) => Who::Nobody,
        Action::WriteResource(Access::Open | Access::Admin) => Who::Admins,
        Action::WriteResource(Access::Internal) => Who::Nobody,
        Action::ReadStatus => Who::AllUsers,
        Action::ReadProxyConfig => Who::AllUsers,
        Action::ReadControlPlaneConfig => Who::AllUsers,
        Action::GenerateUserToken => Who::Admins,
        Action::GenerateZoneToken => Who::Admins,
        Action::GenerateDataplaneToken => Who::Admins,
        Action::AcceptGlobal => Who::Admins,
        Action::ManageMembers => Who::Admins,
        Action::Kds => Who::Zones,
        Action::Bootstrap => Who::Dataplanes,
        Action::Ads => Who::Dataplanes,
        Action::Peer => Who::Nodes,
    }
}

/// The caller may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{identity} may not {action}: {advice}")]
pub struct Denied {
    /// Who.
    pub identity: String,
    /// What.
    pub action: &'static str,
    advice: &'static str,
    /// Nobody: an HTTP 401 rather than a 403.
    pub anonymous: bool,
}

/// Whether `identity` may do `action`.
///
/// # Errors
/// [`Denied`], with who may instead.
pub fn check(identity: &Identity, action: Action) -> Result<(), Denied> {
    let who = who(action);
    let allowed = match (who, identity) {
        (Who::AllUsers, Identity::User { .. }) => true,
        (Who::Admins, Identity::User { .. }) => identity.is_admin(),
        (Who::Zones, Identity::Zone { .. }) => true,
        (Who::Dataplanes, Identity::Dataplane { .. }) => true,
        (Who::Nodes, Identity::Node) => true,
        _ => false,
    };
    if allowed {
        return Ok(());
    }
    Err(Denied {
        identity: identity.to_string(),
        action: action.describe(),
        advice: who.advice(),
        anonymous: *identity == Identity::Anonymous,
    })
}

impl Action {
    const fn describe(self) -> &'static str {
        match self {
            Self::ReadIndex => "read the index",
            Self::ReadResource(_) => "read resources of this kind",
            Self::WriteResource(_) => "write resources of this kind",
            Self::ReadStatus => "read the status",
            Self::ReadProxyConfig => "read the configuration of proxies",
            Self::ReadControlPlaneConfig => "read the control plane's configuration",
            Self::GenerateUserToken => "make user tokens",
            Self::GenerateZoneToken => "make zone tokens",
            Self::GenerateDataplaneToken => "make dataplane tokens",
            Self::AcceptGlobal => "accept another global",
            Self::ManageMembers => "change the members of the cluster",
            Self::Kds => "synchronise resources",
            Self::Bootstrap => "ask for a bootstrap configuration",
            Self::Ads => "ask for the configuration of a proxy",
            Self::Peer => "act as a node of the cluster",
        }
    }
}

impl Who {
    const fn advice(self) -> &'static str {
        match self {
            Self::AllUsers => {
                "send a user token as `Authorization: Bearer …` (`torii generate user-token`)"
            }
            Self::Admins => "this needs a user token with the group `mesh-system:admin`",
            Self::Zones => {
                "this needs the zone's own token with the scope `cp` (`torii generate zone-token`)"
            }
            Self::Dataplanes => {
                "this needs a dataplane token that fits the proxy (`torii generate dataplane-token`)"
            }
            Self::Nodes => "this needs a certificate of the cluster's CA",
            Self::Nobody => "such resources are not served",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: &[Action] = &[
        Action::ReadIndex,
        Action::ReadResource(Access::Open),
        Action::ReadResource(Access::Admin),
        Action::ReadResource(Access::Internal),
        Action::WriteResource(Access::Open),
        Action::WriteResource(Access::Admin),
        Action::WriteResource(Access::Internal),
        Action::ReadStatus,
        Action::ReadProxyConfig,
        Action::ReadControlPlaneConfig,
        Action::GenerateUserToken,
        Action::GenerateZoneToken,
        Action::GenerateDataplaneToken,
        Action::AcceptGlobal,
        Action::ManageMembers,
        Action::Kds,
        Action::Bootstrap,
        Action::Ads,
        Action::Peer,
    ];

    fn allowed(identity: &Identity) -> Vec<Action> {
        ACTIONS
            .iter()
            .copied()
            .filter(|action| check(identity, *action).is_ok())
            .collect()
    }

    #[test]
    fn nobody_may_do_nothing() {
        assert_eq!(allowed(&Identity::Anonymous), []);
        assert!(
            check(&Identity::Anonymous, Action::ReadIndex)
                .unwrap_err()
                .anonymous
        );
    }

    #[test]
    fn a_user_reads_open_kinds_and_status() {
        let user = Identity::user("jo".to_owned(), vec!["team-a".to_owned()]);
        assert_eq!(
            allowed(&user),
            [
                Action::ReadIndex,
                Action::ReadResource(Access::Open),
                Action::ReadStatus,
                Action::ReadProxyConfig,
                Action::ReadControlPlaneConfig,
            ]
        );
        let denied = check(&user, Action::WriteResource(Access::Open)).unwrap_err();
        assert!(!denied.anonymous);
        assert_eq!(
            denied.to_string(),
            "user jo may not write resources of this kind: this needs a user token with the group `mesh-system:admin`"
        );
    }

    #[test]
    fn an_admin_does_all_that_is_for_users_and_is_no_zone_proxy_or_node() {
        let admin = Identity::user("root".to_owned(), vec![ADMIN.to_owned()]);
        let denied: Vec<_> = ACTIONS
            .iter()
            .filter(|action| check(&admin, **action).is_err())
            .collect();
        assert_eq!(
            denied,
            [
                &Action::ReadResource(Access::Internal),
                &Action::WriteResource(Access::Internal),
                &Action::Kds,
                &Action::Bootstrap,
                &Action::Ads,
                &Action::Peer
            ]
        );
    }

    #[test]
    fn the_name_of_the_admin_without_the_group_is_nothing() {
        assert!(!Identity::user(ADMIN.to_owned(), Vec::new()).is_admin());
    }

    #[test]
    fn zones_proxies_and_nodes_have_their_port_only() {
        let zone = Identity::Zone {
            name: "east".to_owned(),
        };
        let dataplane = Identity::Dataplane {
            mesh: "default".to_owned(),
            name: "gw".to_owned(),
        };
        assert_eq!(allowed(&zone), [Action::Kds]);
        assert_eq!(allowed(&dataplane), [Action::Bootstrap, Action::Ads]);
        assert_eq!(allowed(&Identity::Node), [Action::Peer]);
    }
}
