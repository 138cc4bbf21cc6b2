//! Names: what a writer may give, and Kuma's hashed names on the wire.
//!
//! Names that came by KDS are never held against these rules (decisions.md).

use crate::kind::{Descriptor, Kind as _, Mode, Scope};
use crate::kinds::Mesh;
use crate::meta::ResourceKey;
use crate::violation::Violations;

/// Longest name, in bytes (resources §1.8).
pub const MAX_NAME: usize = 253;
/// Longest name of a Mesh, in bytes; looked at on create.
pub const MAX_MESH_NAME: usize = 63;

/// Bytes of a hash with its dash.
const HASH_SUFFIX: usize = 17;
/// Kuma's vowel-free alphabet (kds §4.7).
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

const INVALID: &str = "invalid characters. A lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                       characters, '-' or '.', and must start and end with an alphanumeric character";
const INVALID_MESH: &str =
    "invalid characters: a mesh name has lower case letters, digits, '-', '_' and '.' only";

/// What is wrong with the name and mesh of a written resource: 2.10's rules (resources §1.8, control-plane-api §5.7).
pub fn check(descriptor: &Descriptor, key: &ResourceKey, mode: &Mode, create: bool) -> Violations {
    let mut violations = Violations::new();
    let name = key.name.as_str();
    if name.is_empty() {
        violations.add("name", "cannot be empty");
    } else if name.len() > MAX_NAME {
        violations.add("name", format!("must be at most {MAX_NAME} characters"));
    } else if !is_subdomain(name) {
        violations.add("name", INVALID);
    } else if descriptor.name == Mesh::DESCRIPTOR.name && create && name.len() > MAX_MESH_NAME {
        violations.add(
            "name",
            format!("must be at most {MAX_MESH_NAME} characters"),
        );
    }
    if let Mode::Zone(zone) = mode
        && zone.len() + 1 + name.len() >= MAX_NAME
    {
        violations.add(
            "name",
            format!("must be shorter: with the zone's name, as {zone}.{name}, it must stay below {MAX_NAME} characters"),
        );
    }
    if descriptor.scope == Scope::Mesh {
        if key.mesh.is_empty() {
            violations.add("mesh", "cannot be empty");
        } else if key.mesh.len() > MAX_NAME {
            violations.add("mesh", format!("must be at most {MAX_NAME} characters"));
        } else if !key.mesh.bytes().all(is_mesh_byte) {
            violations.add("mesh", INVALID_MESH);
        }
    }
    violations
}

fn is_mesh_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
}

/// A lower-case RFC 1123 subdomain of any length.
pub(crate) fn is_subdomain(name: &str) -> bool {
    name.split('.').all(|label| {
        let bytes = label.as_bytes();
        let alphanumeric =
            |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        alphanumeric(bytes.first())
            && alphanumeric(bytes.last())
            && bytes
                .iter()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
    })
}

/// Kuma's hashed name (kds §4.7): the first 236 bytes of the name, a dash, and 16 characters of a hash over mesh, name
/// and the extra values (zone, then namespace, as far as the labels exist).
pub fn hashed(mesh: &str, name: &str, extra: &[&str]) -> String {
    let mut hash = Fnv1a::default();
    hash.write(mesh);
    hash.write(name);
    for value in extra {
        hash.write(value);
    }
    let digest: String = format!("{:016x}", hash.0)
        .bytes()
        .filter_map(|digit| ALPHABET.get(usize::from(digit) % ALPHABET.len()))
        .map(|byte| char::from(*byte))
        .collect();
    format!("{}-{digest}", shortened(name))
}

/// Kuma cuts after 236 bytes; never inside a character here, as a name in UTF-8 could not travel otherwise.
fn shortened(name: &str) -> &str {
    let mut end = name.len().min(MAX_NAME - HASH_SUFFIX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or(name)
}

/// FNV-1a, 64 bits.
struct Fnv1a(u64);

impl Default for Fnv1a {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv1a {
    fn write(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::{Kind as _, Mode};
    use crate::kinds::{Mesh, MeshGateway};
    use crate::meta::ResourceKey;

    use super::{check, hashed};

    #[test]
    fn hashes_are_those_of_kuma() {
        let vectors: [(&str, &str, &[&str], &str); 12] = [
            // resources §5.6
            ("", "foo", &[], "foo-zxw6c95d42zfz9cc"),
            ("", "foo", &["zone-1", "custom-ns"], "foo-696vzv497z4cv4f4"),
            ("default", "gw", &[], "gw-b5284xxx59vcf728"),
            (
                "default",
                "edge-gateway",
                &[],
                "edge-gateway-x7d7z4729b7688d4",
            ),
            (
                "default",
                "edge-gateway",
                &["zone-1"],
                "edge-gateway-wff9d2dd649f9b84",
            ),
            // kds §4.7
            (
                "default",
                "default-timeout-global",
                &[],
                "default-timeout-global-54dbd4c66zwbcf9c",
            ),
            (
                "default",
                "default-timeout-zone-1",
                &["zone-1"],
                "default-timeout-zone-1-c58w24w4vw27f454",
            ),
            (
                "default",
                "redis-zone-1",
                &["zone-1"],
                "redis-zone-1-2v6wfvvcvbc9f55d",
            ),
            (
                "",
                "dp-zone-ingress",
                &["zone-1"],
                "dp-zone-ingress-vz2fz25d87446f7d",
            ),
            (
                "default",
                "backend",
                &["zone-1", "kuma-demo"],
                "backend-5b4f4xdx76x7zxxx",
            ),
            ("default", "my-policy", &[], "my-policy-72x44z688zbxf7wf"),
            // kubernetes §4.3
            (
                "producer-policy-flow",
                "to-test-server",
                &["zone-1", "producer-policy-flow-ns"],
                "to-test-server-xw65cwcxxw4f7fvw",
            ),
        ];
        for (mesh, name, extra, expected) in vectors {
            assert_eq!(hashed(mesh, name, extra), expected);
        }
    }

    #[test]
    fn a_long_name_is_cut_so_that_the_hashed_one_fits() {
        let name = hashed("default", &"a".repeat(300), &[]);
        assert_eq!(name.len(), 253);
        assert_eq!(name.as_bytes().get(236), Some(&b'-'));
        assert_eq!(
            hashed("", &"ä".repeat(200), &[])
                .chars()
                .filter(|c| *c == 'ä')
                .count(),
            118
        );
    }

    fn reasons(name: &str, mesh: &str, mode: &Mode) -> Vec<String> {
        check(
            &MeshGateway::DESCRIPTOR,
            &ResourceKey::of::<MeshGateway>(mesh, name),
            mode,
            true,
        )
        .into_iter()
        .map(|violation| violation.field)
        .collect()
    }

    #[test]
    fn names_follow_the_rule_of_2_10() {
        for good in ["a", "edge-gateway", "a.b", "0", "x-1.y-2", &"a".repeat(253)] {
            assert!(reasons(good, "default", &Mode::Global).is_empty(), "{good}");
        }
        for bad in [
            "",
            "A",
            "a_b",
            "-a",
            "a-",
            ".a",
            "a.",
            "a..b",
            "ä",
            "a b",
            &"a".repeat(254),
        ] {
            assert_eq!(reasons(bad, "default", &Mode::Global), ["name"], "{bad}");
        }
        assert!(reasons("a", "my_mesh.1", &Mode::Global).is_empty());
        assert_eq!(reasons("a", "My", &Mode::Global), ["mesh"]);
        assert_eq!(reasons("a", "", &Mode::Global), ["mesh"]);
    }

    #[test]
    fn a_zone_keeps_room_for_its_own_name() {
        let zone = Mode::Zone("east".to_owned());
        assert!(reasons(&"a".repeat(247), "default", &zone).is_empty());
        assert_eq!(reasons(&"a".repeat(248), "default", &zone), ["name"]);
    }

    #[test]
    fn a_new_mesh_has_at_most_63_characters() {
        let key = ResourceKey::of::<Mesh>("", &"m".repeat(64));
        assert!(!check(&Mesh::DESCRIPTOR, &key, &Mode::Global, true).is_empty());
        assert!(check(&Mesh::DESCRIPTOR, &key, &Mode::Global, false).is_empty());
    }
}
