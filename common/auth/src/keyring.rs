//! The keys and revocation lists of a control plane, read from its secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_resource::kinds::Secret;
use torii_resource::{Resource, ResourceKey};

use crate::keys::{Family, KeyError, PublicKey, Role, SigningKey};

/// There is no key to sign with; the words are Kuma's, which its clients print (recorded 2.13.9).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no signing key with KID {kid}. {holder} is not found. If signing key was rotated, regenerate the token"
)]
pub struct NoSigningKey {
    kid: u64,
    holder: String,
}

impl NoSigningKey {
    pub(crate) fn new(family: &Family, kid: u64) -> Self {
        let key = family.signing_key(kid);
        let holder = match family {
            Family::User | Family::Zone => format!("GlobalSecret of name \"{}\"", key.name),
            Family::Dataplane { mesh } => {
                format!("Secret of name \"{}\" in mesh \"{mesh}\"", key.name)
            }
        };
        Self { kid, holder }
    }
}

/// A secret that should be a key and is not. The others work all the same.
#[derive(Debug, thiserror::Error)]
#[error("{resource}: {reason}; replace it with `torii generate signing-key`'s output or delete it")]
pub struct BadKey {
    /// The secret.
    pub resource: ResourceKey,
    /// What is wrong with its data.
    pub reason: String,
}

#[derive(Debug, Default)]
struct FamilyKeys {
    /// By serial. The flag: the secret's name is the canonical one for the serial.
    verify: BTreeMap<u64, (PublicKey, bool)>,
    sign: BTreeMap<u64, (Arc<SigningKey>, bool)>,
    revoked: BTreeSet<String>,
}

/// Every key and revocation list, by family. Immutable: made anew when [`is_relevant`](Self::is_relevant) says that a
/// change concerns it.
#[derive(Debug, Default)]
pub struct KeyRing {
    families: BTreeMap<Family, FamilyKeys>,
    problems: Vec<BadKey>,
}

impl KeyRing {
    /// Reads all keys among these resources; others are passed over. Bad ones go to [`problems`](Self::problems).
    pub fn from_resources<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let mut ring = Self::default();
        for resource in resources {
            let Some((family, role)) = Family::of_resource(&resource.key) else {
                continue;
            };
            let family_name = family.clone();
            if let Err(reason) =
                ring.families
                    .entry(family)
                    .or_default()
                    .take(&family_name, &role, resource)
            {
                ring.problems.push(BadKey {
                    resource: resource.key.clone(),
                    reason,
                });
            }
        }
        ring
    }

    /// Whether a change of this resource changes a key ring.
    pub fn is_relevant(key: &ResourceKey) -> bool {
        Family::of_resource(key).is_some()
    }

    /// Secrets that should be keys and are not.
    pub fn problems(&self) -> &[BadKey] {
        &self.problems
    }

    /// The key to sign with: the highest serial.
    ///
    /// # Errors
    /// When there is none, as for zone tokens in a zone that follows a global.
    pub fn signing_key(&self, family: &Family) -> Result<(u64, Arc<SigningKey>), NoSigningKey> {
        self.families
            .get(family)
            .and_then(|keys| keys.sign.last_key_value())
            .map(|(serial, (key, _))| (*serial, Arc::clone(key)))
            .ok_or_else(|| NoSigningKey::new(family, 1))
    }

    /// The key that verifies tokens with this serial.
    pub fn public_key(&self, family: &Family, serial: u64) -> Option<&PublicKey> {
        let (key, _) = self.families.get(family)?.verify.get(&serial)?;
        Some(key)
    }

    /// Whether a token id is on the family's revocation list.
    pub fn is_revoked(&self, family: &Family, token_id: &str) -> bool {
        self.families
            .get(family)
            .is_some_and(|keys| keys.revoked.contains(token_id))
    }
}

impl FamilyKeys {
    fn take(&mut self, family: &Family, role: &Role, resource: &Resource) -> Result<(), String> {
        let secret = resource
            .decode::<Secret>()
            .map_err(|_| "its spec is not a secret".to_owned())?;
        let data = secret.data.unwrap_or_default();
        let text = |error: KeyError| error.to_string();
        match role {
            Role::Revocations => {
                let list =
                    std::str::from_utf8(&data).map_err(|_| "its data is not text".to_owned())?;
                self.revoked.extend(
                    list.split(',')
                        .map(str::trim)
                        .filter(|id| !id.is_empty())
                        .map(str::to_owned),
                );
            }
            Role::Public(serial) => {
                let canonical = family
                    .public_key(*serial)
                    .is_some_and(|key| key == resource.key);
                let key = PublicKey::from_bytes(&data).map_err(text)?;
                insert(&mut self.verify, *serial, key, canonical);
            }
            Role::Signing(serial) => {
                let canonical = family.signing_key(*serial) == resource.key;
                let key = SigningKey::from_bytes(&data).map_err(text)?;
                let public = key.public().map_err(text)?;
                insert(&mut self.verify, *serial, public, canonical);
                insert(&mut self.sign, *serial, Arc::new(key), canonical);
            }
        }
        Ok(())
    }
}

/// Two names may have one serial (`…-2` and `…-0002`): the canonical one wins, whatever the order.
fn insert<K>(keys: &mut BTreeMap<u64, (K, bool)>, serial: u64, key: K, canonical: bool) {
    if canonical || !keys.contains_key(&serial) {
        keys.insert(serial, (key, canonical));
    }
}

#[cfg(test)]
mod tests;
