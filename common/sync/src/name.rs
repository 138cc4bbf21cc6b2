//! Names on Kuma's wire: the hash suffix (kds §4.7), bug-compatible. Receivers never recompute it.

/// A name and its suffix have at most 253 bytes; the suffix takes 17.
const MAX_SHORTENED: usize = 236;

/// What becomes of each hex digit: its ASCII code modulo 27 in Kuma's alphabet. `0` and `f` collide, as in Kuma.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// `<first 236 bytes of the name>-<16 characters>`, over mesh, name and the values of the labels that count, in order.
///
/// A multi-byte character at the cut is left out as a whole (Kuma would send a broken one; names are ASCII).
pub fn hashed(mesh: &str, name: &str, extra: &[&str]) -> String {
    let parts = [mesh, name].into_iter().chain(extra.iter().copied());
    let digest = parts
        .flat_map(str::bytes)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    let suffix: String = format!("{digest:016x}")
        .bytes()
        .map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]))
        .collect();
    let mut end = name.len().min(MAX_SHORTENED);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{suffix}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// kds §4.7; the last two as recorded from Kuma 2.13.9.
    #[test]
    fn hashes_are_kumas() {
        for (mesh, name, extra, wanted) in [
            (
                "default",
                "default-timeout-global",
                &[][..],
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
            (
                "default",
                "mesh-timeout-all-default",
                &[],
                "mesh-timeout-all-default-bv8z44b7bzb99xc7",
            ),
            (
                "",
                "synced-mesh-multi-zone-service",
                &[],
                "synced-mesh-multi-zone-service-4244v574644557w2",
            ),
        ] {
            assert_eq!(hashed(mesh, name, extra), wanted);
        }
    }

    #[test]
    fn long_names_are_cut_at_236_bytes_and_not_inside_a_character() {
        let long = "a".repeat(300);
        assert_eq!(hashed("default", &long, &[]).len(), 253);
        let odd = format!("{}é", "a".repeat(235));
        assert_eq!(hashed("default", &odd, &[]).len(), 252);
    }
}
