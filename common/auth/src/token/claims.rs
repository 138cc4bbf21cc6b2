//! What tokens say, with the names of Kuma's claims, and the checks against who sends them.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use torii_proto::kuma::mesh::v1alpha1::Dataplane;

use super::error::{TokenError, TokenKind};
use crate::keys::Family;
use crate::rights::Identity;

/// The label of the workload that a proxy belongs to.
const WORKLOAD: &str = "kuma.io/workload";

mod sealed {
    #[expect(
        unnameable_types,
        reason = "sealed: the three kinds of tokens are all there are"
    )]
    pub trait Sealed {}
}

/// The three kinds of claims.
pub trait Claims: sealed::Sealed + Serialize + DeserializeOwned {
    /// Whose tokens have them.
    const KIND: TokenKind;

    /// Whose keys sign such a token.
    fn family(&self) -> Family;

    /// From a JSON object with names in lower case.
    ///
    /// # Errors
    /// When a claim has another type.
    fn from_claims(claims: Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(claims)
    }
}

/// A user: name and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "PascalCase"))]
pub struct UserClaims {
    /// Name of the user.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Groups as in the token, without those that every authenticated user is in.
    #[serde(default, deserialize_with = "null_is_default")]
    pub groups: Vec<String>,
}

/// A zone and what it may use the token for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "PascalCase"))]
pub struct ZoneClaims {
    /// Name of the zone.
    #[serde(default, deserialize_with = "null_is_default")]
    pub zone: String,
    /// See [`ZoneScope`].
    #[serde(default, deserialize_with = "null_is_default")]
    pub scope: Vec<String>,
}

/// A data plane proxy. Empty = not restricted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(serialize = "PascalCase"))]
pub struct DataplaneClaims {
    /// Name of the proxy.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Mesh of the proxy.
    #[serde(default, deserialize_with = "null_is_default")]
    pub mesh: String,
    /// Values that the proxy's tags may have.
    #[serde(default, deserialize_with = "null_is_default")]
    pub tags: BTreeMap<String, BTreeSet<String>>,
    /// `dataplane`, `ingress`, `egress`.
    #[serde(
        default,
        rename(serialize = "Type", deserialize = "type"),
        deserialize_with = "null_is_default"
    )]
    pub proxy_type: String,
    /// Value of the proxy's workload label.
    #[serde(default, deserialize_with = "null_is_default")]
    pub workload: String,
}

impl sealed::Sealed for UserClaims {}
impl Claims for UserClaims {
    const KIND: TokenKind = TokenKind::User;

    fn family(&self) -> Family {
        Family::User
    }
}

impl sealed::Sealed for ZoneClaims {}
impl Claims for ZoneClaims {
    const KIND: TokenKind = TokenKind::Zone;

    fn family(&self) -> Family {
        Family::Zone
    }
}

impl sealed::Sealed for DataplaneClaims {}
impl Claims for DataplaneClaims {
    const KIND: TokenKind = TokenKind::Dataplane;

    fn family(&self) -> Family {
        Family::Dataplane {
            mesh: self.mesh.clone(),
        }
    }
}

impl UserClaims {
    /// The operator: everything is allowed (control-plane-api §8.5).
    pub fn admin() -> Self {
        Self {
            name: crate::rights::ADMIN.to_owned(),
            groups: vec![crate::rights::ADMIN.to_owned()],
        }
    }

    /// The identity that a verified token gives.
    pub fn identity(self) -> Identity {
        Identity::user(self.name, self.groups)
    }
}

/// What a zone token may be used for (kds §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneScope {
    /// The zone's control plane: KDS and status.
    ControlPlane,
    /// The zone's ingress.
    Ingress,
    /// The zone's egress.
    Egress,
}

impl ZoneScope {
    /// As tokens have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "cp",
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl ZoneClaims {
    /// The claims of a zone's control plane.
    pub fn control_plane(zone: &str) -> Self {
        Self {
            zone: zone.to_owned(),
            scope: vec![ZoneScope::ControlPlane.as_str().to_owned()],
        }
    }

    /// Whether `zone` may use the token for `scope`. An empty zone in a token fits ingress and egress of every zone
    /// (control-plane-api §10.5), but no control plane.
    ///
    /// # Errors
    /// [`TokenError::WrongScope`] or [`TokenError::WrongZone`].
    pub fn check(&self, zone: &str, scope: ZoneScope) -> Result<(), TokenError> {
        if !self.scope.iter().any(|has| has == scope.as_str()) {
            return Err(TokenError::WrongScope {
                needed: scope.as_str(),
                scopes: self.scope.clone(),
            });
        }
        let any = self.zone.is_empty() && scope != ZoneScope::ControlPlane;
        if self.zone != zone && !any {
            return Err(TokenError::WrongZone {
                token: self.zone.clone(),
                zone: zone.to_owned(),
            });
        }
        Ok(())
    }
}

impl DataplaneClaims {
    /// Whether a proxy of this resource may use the token (control-plane-api §10.5): name, mesh and type fit if the
    /// token has them, and of each tag in the token the proxy has values, all of them allowed.
    ///
    /// # Errors
    /// The first of the token's claims that does not fit.
    pub fn check(
        &self,
        mesh: &str,
        name: &str,
        labels: &BTreeMap<String, String>,
        dataplane: &Dataplane,
    ) -> Result<(), TokenError> {
        if !self.mesh.is_empty() && self.mesh != mesh {
            return Err(TokenError::WrongMesh {
                token: self.mesh.clone(),
                mesh: mesh.to_owned(),
            });
        }
        if !self.name.is_empty() && self.name != name {
            return Err(TokenError::WrongName {
                token: self.name.clone(),
                name: name.to_owned(),
            });
        }
        if !matches!(self.proxy_type.as_str(), "" | "dataplane") {
            return Err(TokenError::WrongType {
                token: self.proxy_type.clone(),
            });
        }
        let label = labels.get(WORKLOAD).map(String::as_str).unwrap_or_default();
        if !self.workload.is_empty() && self.workload != label {
            return Err(TokenError::WrongWorkload {
                token: self.workload.clone(),
                label: label.to_owned(),
            });
        }
        let tags = tags_of(dataplane);
        for (tag, allowed) in &self.tags {
            let found = tags.get(tag.as_str());
            if found.is_none_or(|found| !found.iter().all(|value| allowed.contains(*value))) {
                return Err(TokenError::WrongTags {
                    tag: tag.clone(),
                    allowed: allowed.iter().cloned().collect(),
                    found: found
                        .into_iter()
                        .flatten()
                        .map(|value| (*value).to_owned())
                        .collect(),
                });
            }
        }
        Ok(())
    }
}

/// Every value that a proxy has for each tag: those of its gateway and of all its inbounds.
fn tags_of(dataplane: &Dataplane) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let Some(networking) = &dataplane.networking else {
        return values;
    };
    let gateway = networking.gateway.iter().flat_map(|gateway| &gateway.tags);
    let inbounds = networking.inbound.iter().flat_map(|inbound| &inbound.tags);
    for (key, value) in gateway.chain(inbounds) {
        values.entry(key).or_default().insert(value);
    }
    values
}

/// Go writes `null` for an empty list.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
