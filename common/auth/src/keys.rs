//! RSA signing keys of tokens, and the names of the secrets that hold them (control-plane-api §8.7, §10.3).

use std::fmt;

use jsonwebtoken::{DecodingKey, EncodingKey};
use rsa::pkcs1::{
    DecodeRsaPrivateKey as _, DecodeRsaPublicKey as _, EncodeRsaPrivateKey as _,
    EncodeRsaPublicKey as _,
};
use rsa::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, LineEnding};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};

use torii_resource::kinds::{GlobalSecret, Secret};
use torii_resource::{Kind as _, ResourceKey};

const BITS: usize = 2048;
/// A modulus below this many bytes can be factored.
const MIN_BYTES: usize = BITS / 8;

/// Why bytes are no key, or a key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Neither PEM nor DER of an RSA key of the wanted kind.
    #[error("not an RSA {0} key (PEM `RSA {1} KEY` or `{1} KEY`, or PKCS#1 DER)")]
    Malformed(&'static str, &'static str),
    /// Too short to be safe.
    #[error("an RSA key of {0} bits is too short: at least 2048 are needed")]
    TooShort(usize),
    /// The system gave no randomness, or encoding failed.
    #[error("cannot make an RSA key: {0}")]
    Generate(String),
}

/// What a key signs; each family has its own secrets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Tokens of users, in GlobalSecrets that never leave the control plane.
    User,
    /// Tokens of zones: private keys at the global, public ones in zones.
    Zone,
    /// Tokens of data plane proxies of one mesh, in Secrets of that mesh.
    Dataplane {
        /// The mesh.
        mesh: String,
    },
}

/// What a secret is to the tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A private key with this serial.
    Signing(u64),
    /// A public key with this serial.
    Public(u64),
    /// A comma-separated list of token ids.
    Revocations,
}

impl Family {
    fn signing_prefix(&self) -> String {
        match self {
            Self::User => "user-token-signing-key".to_owned(),
            Self::Zone => "zone-token-signing-key".to_owned(),
            Self::Dataplane { mesh } => format!("dataplane-token-signing-key-{mesh}"),
        }
    }

    fn revocations_name(&self) -> String {
        match self {
            Self::User => "user-token-revocations".to_owned(),
            Self::Zone => "zone-token-revocations".to_owned(),
            Self::Dataplane { mesh } => format!("dataplane-token-revocations-{mesh}"),
        }
    }

    fn key(&self, name: &str) -> ResourceKey {
        match self {
            Self::User | Self::Zone => ResourceKey::of::<GlobalSecret>("", name),
            Self::Dataplane { mesh } => ResourceKey::of::<Secret>(mesh, name),
        }
    }

    /// The resource of the private key with this serial.
    pub fn signing_key(&self, serial: u64) -> ResourceKey {
        self.key(&format!("{}-{serial}", self.signing_prefix()))
    }

    /// The resource of the public key with this serial, for the families that have such: a global sends it to zones
    /// in the place of the private one.
    pub fn public_key(&self, serial: u64) -> Option<ResourceKey> {
        match self {
            Self::Zone => Some(self.key(&format!("{ZONE_PUBLIC_PREFIX}-{serial}"))),
            Self::User | Self::Dataplane { .. } => None,
        }
    }

    /// The resource of the revocation list.
    pub fn revocations(&self) -> ResourceKey {
        self.key(&self.revocations_name())
    }

    /// What this resource is to which family, judged by its key alone. `None`: nothing to do with tokens.
    pub fn of_resource(key: &ResourceKey) -> Option<(Self, Role)> {
        let candidates = match key.kind.as_str() {
            name if name == GlobalSecret::DESCRIPTOR.name => vec![Self::User, Self::Zone],
            name if name == Secret::DESCRIPTOR.name => vec![Self::Dataplane {
                mesh: key.mesh.clone(),
            }],
            _ => return None,
        };
        candidates.into_iter().find_map(|family| {
            let role = family.role_of(&key.name)?;
            Some((family, role))
        })
    }

    fn role_of(&self, name: &str) -> Option<Role> {
        if name == self.revocations_name() {
            return Some(Role::Revocations);
        }
        if let Some(serial) = serial_after(name, &self.signing_prefix()) {
            return Some(Role::Signing(serial));
        }
        if *self == Self::Zone {
            return serial_after(name, ZONE_PUBLIC_PREFIX).map(Role::Public);
        }
        None
    }
}

const ZONE_PUBLIC_PREFIX: &str = "zone-token-signing-public-key";

/// The serial in a secret's name, by integer value: `…-0002` is 2; no suffix or no number is 0 (control-plane-api
/// §10.3). `None`: the name has another prefix.
fn serial_after(name: &str, prefix: &str) -> Option<u64> {
    let rest = name.strip_prefix(prefix)?;
    if rest.is_empty() {
        return Some(0);
    }
    Some(rest.strip_prefix('-')?.parse().unwrap_or(0))
}

/// A private key that signs tokens. Shows nothing of itself.
#[derive(Clone)]
pub struct SigningKey {
    private: RsaPrivateKey,
    encoding: EncodingKey,
}

impl SigningKey {
    /// A new RSA key of 2048 bits. Takes up to a second of CPU time: not on an async worker.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let private = RsaPrivateKey::new(&mut OsRng, BITS)
            .map_err(|error| KeyError::Generate(error.to_string()))?;
        Self::new(private)
    }

    /// Reads PEM (PKCS#1 or PKCS#8) or DER (likewise).
    ///
    /// # Errors
    /// When the bytes are none of these, or the key is too short.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let private = std::str::from_utf8(bytes)
            .ok()
            .and_then(|pem| {
                let pem = pem.trim();
                RsaPrivateKey::from_pkcs1_pem(pem)
                    .ok()
                    .or_else(|| RsaPrivateKey::from_pkcs8_pem(pem).ok())
            })
            .or_else(|| RsaPrivateKey::from_pkcs1_der(bytes).ok())
            .or_else(|| RsaPrivateKey::from_pkcs8_der(bytes).ok())
            .ok_or(KeyError::Malformed("private", "PRIVATE"))?;
        if private.size() < MIN_BYTES {
            return Err(KeyError::TooShort(private.size() * 8));
        }
        Self::new(private)
    }

    fn new(private: RsaPrivateKey) -> Result<Self, KeyError> {
        let der = private
            .to_pkcs1_der()
            .map_err(|error| KeyError::Generate(error.to_string()))?;
        let encoding = EncodingKey::from_rsa_der(der.as_bytes());
        Ok(Self { private, encoding })
    }

    /// PEM `RSA PRIVATE KEY`, as the secret holds it.
    ///
    /// # Errors
    /// When the key cannot be encoded.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let pem = self.private.to_pkcs1_pem(LineEnding::LF);
        pem.map(|pem| pem.to_string())
            .map_err(|error| KeyError::Generate(error.to_string()))
    }

    /// The key that verifies.
    ///
    /// # Errors
    /// When the key cannot be encoded.
    pub fn public(&self) -> Result<PublicKey, KeyError> {
        PublicKey::new(self.private.to_public_key())
    }

    /// PEM `RSA PUBLIC KEY` of the key that verifies.
    ///
    /// # Errors
    /// When the key cannot be encoded.
    pub fn public_pem(&self) -> Result<String, KeyError> {
        self.public()?.to_pem()
    }

    pub(crate) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// A key that verifies tokens.
#[derive(Clone)]
pub struct PublicKey {
    public: RsaPublicKey,
    decoding: DecodingKey,
}

impl PublicKey {
    /// Reads PEM (`RSA PUBLIC KEY` or `PUBLIC KEY`) or DER (likewise).
    ///
    /// # Errors
    /// When the bytes are none of these, or the key is too short.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let public = std::str::from_utf8(bytes)
            .ok()
            .and_then(|pem| {
                let pem = pem.trim();
                RsaPublicKey::from_pkcs1_pem(pem)
                    .ok()
                    .or_else(|| RsaPublicKey::from_public_key_pem(pem).ok())
            })
            .or_else(|| RsaPublicKey::from_pkcs1_der(bytes).ok())
            .or_else(|| RsaPublicKey::from_public_key_der(bytes).ok())
            .ok_or(KeyError::Malformed("public", "PUBLIC"))?;
        if public.size() < MIN_BYTES {
            return Err(KeyError::TooShort(public.size() * 8));
        }
        Self::new(public)
    }

    fn new(public: RsaPublicKey) -> Result<Self, KeyError> {
        let der = public
            .to_pkcs1_der()
            .map_err(|error| KeyError::Generate(error.to_string()))?;
        let decoding = DecodingKey::from_rsa_der(der.as_bytes());
        Ok(Self { public, decoding })
    }

    /// PEM `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// When the key cannot be encoded.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.public
            .to_pkcs1_pem(LineEnding::LF)
            .map_err(|error| KeyError::Generate(error.to_string()))
    }

    pub(crate) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(…)")
    }
}

#[cfg(test)]
mod tests;
