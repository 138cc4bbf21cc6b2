//! Parts as one document that people and programs read: by type and name, in protobuf's JSON form.
//!
//! For `torii translate` and `torii inspect`; nothing that goes to Envoy passes here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use torii_proto::descriptor::{self, DescriptorError};

use crate::part::{Parts, TypeUrl};

/// Fields below which contents given inline are for nobody's eyes, wherever they stand: private keys with their
/// passwords, keys of session tickets, free-form secrets, users with password hashes.
const SECRET_FIELDS: [&str; 6] = [
    "privateKey",
    "password",
    "pkcs12",
    "sessionTicketKeys",
    "genericSecret",
    "users",
];
/// What stands in their place.
const MASK: &str = "<masked>";
/// The same where bytes are wanted: protobuf's JSON has them in base64.
const MASK_BASE64: &str = "PG1hc2tlZD4=";

/// Whether private keys are written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateKeys {
    /// As they are.
    Shown,
    /// Something else stands in their place.
    Masked,
}

/// Everything that one proxy's Envoy gets: for each type a map from resource name to the resource. Always in the same
/// order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigDocument {
    /// LDS.
    pub listeners: BTreeMap<String, Value>,
    /// RDS.
    pub routes: BTreeMap<String, Value>,
    /// CDS.
    pub clusters: BTreeMap<String, Value>,
    /// EDS.
    pub endpoints: BTreeMap<String, Value>,
    /// SDS.
    pub secrets: BTreeMap<String, Value>,
    /// RTDS.
    pub runtimes: BTreeMap<String, Value>,
}

impl ConfigDocument {
    /// Parts in readable form.
    ///
    /// # Errors
    /// When a part holds a message that this build does not know.
    pub fn of(parts: &Parts, keys: PrivateKeys) -> Result<Self, DescriptorError> {
        let mut document = Self::default();
        for (of, part) in parts.iter() {
            let mut json = descriptor::to_json(of.as_str(), &part.body)?;
            if keys == PrivateKeys::Masked {
                mask(&mut json, false);
            }
            document.of_type_mut(of).insert(part.name.clone(), json);
        }
        Ok(document)
    }

    fn of_type_mut(&mut self, of: TypeUrl) -> &mut BTreeMap<String, Value> {
        match of {
            TypeUrl::Cluster => &mut self.clusters,
            TypeUrl::Endpoint => &mut self.endpoints,
            TypeUrl::Listener => &mut self.listeners,
            TypeUrl::Route => &mut self.routes,
            TypeUrl::Secret => &mut self.secrets,
            TypeUrl::Runtime => &mut self.runtimes,
        }
    }
}

/// Replaces what data sources (`envoy.config.core.v3.DataSource`) below secret fields hold. Names of files and of
/// environment variables stay.
fn mask(json: &mut Value, secret: bool) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                match name.as_str() {
                    "inlineString" if secret => *value = Value::from(MASK),
                    "inlineBytes" if secret => *value = Value::from(MASK_BASE64),
                    name => mask(value, secret || SECRET_FIELDS.contains(&name)),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, secret)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use torii_proto::envoy::config::core::v3::DataSource;
    use torii_proto::envoy::config::core::v3::data_source::Specifier;
    use torii_proto::envoy::extensions::transport_sockets::tls::v3::secret::Type;
    use torii_proto::envoy::extensions::transport_sockets::tls::v3::{Secret, TlsCertificate};

    use super::*;
    use crate::part::Part;

    fn certificate() -> Parts {
        let inline = |text: &str| {
            Some(DataSource {
                specifier: Some(Specifier::InlineBytes(text.as_bytes().to_vec())),
                ..DataSource::default()
            })
        };
        let secret = Secret {
            name: "cert".to_owned(),
            r#type: Some(Type::TlsCertificate(TlsCertificate {
                certificate_chain: inline("chain"),
                private_key: inline("key"),
                ..TlsCertificate::default()
            })),
        };
        let mut parts = Parts::new();
        parts.insert(TypeUrl::Secret, Part::new("cert", &secret));
        parts
    }

    #[test]
    fn a_private_key_is_masked_and_its_certificate_is_not() {
        let document = ConfigDocument::of(&certificate(), PrivateKeys::Masked).unwrap();
        let expected = json!({
            "name": "cert",
            "tlsCertificate": {
                "certificateChain": {"inlineBytes": "Y2hhaW4="},
                "privateKey": {"inlineBytes": MASK_BASE64},
            },
        });
        assert_eq!(document.secrets["cert"], expected);
        // Still the message that it says it is.
        descriptor::from_json(TypeUrl::Secret.as_str(), &document.secrets["cert"]).unwrap();
    }

    #[test]
    fn a_private_key_is_shown_on_request() {
        let document = ConfigDocument::of(&certificate(), PrivateKeys::Shown).unwrap();
        let key = &document.secrets["cert"]["tlsCertificate"]["privateKey"];
        assert_eq!(*key, json!({"inlineBytes": "a2V5"}));
    }

    #[test]
    fn keys_inside_of_other_resources_are_masked_too() {
        let mut json = json!({"filterChains": [{"transportSocket": {"typedConfig": {"commonTlsContext": {
            "tlsCertificates": [{
                "certificateChain": {"inlineString": "chain"},
                "privateKey": {"inlineString": "key"},
                "password": {"filename": "/etc/password"},
            }],
        }}}}]});
        mask(&mut json, false);
        let context =
            &json["filterChains"][0]["transportSocket"]["typedConfig"]["commonTlsContext"];
        let expected = json!({
            "certificateChain": {"inlineString": "chain"},
            "privateKey": {"inlineString": MASK},
            "password": {"filename": "/etc/password"},
        });
        assert_eq!(context["tlsCertificates"][0], expected);
    }

    #[test]
    fn the_keys_of_the_document_have_a_fixed_order() {
        let text = serde_json::to_string(&ConfigDocument::default()).unwrap();
        assert_eq!(
            text,
            r#"{"listeners":{},"routes":{},"clusters":{},"endpoints":{},"secrets":{},"runtimes":{}}"#
        );
    }
}
