//! Which MeshGateway a proxy uses, and which routes a listener has (gateway-xds §1.3, resources §6.1).
//!
//! Pure functions over tags; they know no index.

use std::cmp::Reverse;

use torii_resource::tags::{Rank, Tags, match_rank};

use crate::model::{Gateway, Route};

/// The MeshGateway of a proxy with these tags: the most specific match; of equals the newest; of those the first by
/// name. The order of the candidates does not matter.
pub fn gateway<'a, G>(candidates: impl IntoIterator<Item = &'a G>, tags: &Tags) -> Option<&'a G>
where
    G: AsRef<Gateway> + 'a,
{
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let gateway = candidate.as_ref();
            let rank = gateway_rank(gateway, tags)?;
            Some((
                candidate,
                (rank, gateway.created, Reverse(gateway.key.name.as_str())),
            ))
        })
        .max_by(|(_, one), (_, other)| one.cmp(other))
        .map(|(candidate, _)| candidate)
}

/// Best rank of a MeshGateway's selectors. No selectors at all match everything, as least specific.
fn gateway_rank(gateway: &Gateway, tags: &Tags) -> Option<Rank> {
    if gateway.selectors.is_empty() {
        return Some(Rank::default());
    }
    gateway
        .selectors
        .iter()
        .filter_map(|selector| match_rank(selector, tags))
        .max()
}

/// Whether a route attaches to a listener with these merged tags: one of its selectors matches.
pub fn attaches(route: &Route, listener_tags: &Tags) -> bool {
    route
        .selectors
        .iter()
        .any(|selector| match_rank(selector, listener_tags).is_some())
}

/// Tags of a listener: the proxy's, overlaid by the MeshGateway's, overlaid by the listener's (gateway-xds §1.4).
pub fn listener_tags(proxy: &Tags, gateway: &Tags, listener: &Tags) -> Tags {
    let mut tags = proxy.clone();
    for overlay in [gateway, listener] {
        tags.extend(
            overlay
                .iter()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    }
    tags
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use torii_resource::tags::Tags;
    use torii_resource::{ResourceKey, Revision, Stamp};

    use super::{gateway, listener_tags};
    use crate::model::Gateway;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn gateway_of(name: &str, revision: u64, selectors: &[&[(&str, &str)]]) -> Arc<Gateway> {
        Arc::new(Gateway {
            key: ResourceKey::new("MeshGateway", "default", name),
            created: Stamp {
                revision: Revision(revision),
                time: Timestamp::UNIX_EPOCH,
            },
            selectors: selectors.iter().map(|one| tags(one)).collect(),
            tags: Tags::new(),
            listeners: Vec::new(),
        })
    }

    fn chosen(candidates: &[Arc<Gateway>], of: &[(&str, &str)]) -> Option<String> {
        let mut names = Vec::new();
        for list in [
            candidates.to_vec(),
            candidates.iter().rev().cloned().collect(),
        ] {
            names.push(gateway(&list, &tags(of)).map(|one| one.key.name.clone()));
        }
        assert_eq!(
            names[0], names[1],
            "the order of candidates must not matter"
        );
        names.remove(0)
    }

    #[test]
    fn more_tags_win_over_newer() {
        let candidates = [
            gateway_of(
                "specific",
                1,
                &[&[("kuma.io/service", "gw"), ("site", "*")]],
            ),
            gateway_of("newer", 9, &[&[("kuma.io/service", "gw")]]),
        ];
        let of = [("kuma.io/service", "gw"), ("site", "east")];
        assert_eq!(chosen(&candidates, &of).as_deref(), Some("specific"));
    }

    #[test]
    fn of_as_many_tags_the_one_with_more_exact_values_wins() {
        let candidates = [
            gateway_of("any", 9, &[&[("kuma.io/service", "*")]]),
            gateway_of("exact", 1, &[&[("kuma.io/service", "gw")]]),
        ];
        assert_eq!(
            chosen(&candidates, &[("kuma.io/service", "gw")]).as_deref(),
            Some("exact")
        );
    }

    #[test]
    fn of_equal_matches_the_newest_wins_then_the_first_by_name() {
        let selector: &[&[(&str, &str)]] = &[&[("kuma.io/service", "gw")]];
        let candidates = [
            gateway_of("a", 1, selector),
            gateway_of("c", 2, selector),
            gateway_of("b", 2, selector),
        ];
        assert_eq!(
            chosen(&candidates, &[("kuma.io/service", "gw")]).as_deref(),
            Some("b")
        );
    }

    #[test]
    fn a_star_wants_the_key_to_exist() {
        let candidates = [gateway_of("a", 1, &[&[("site", "*")]])];
        assert_eq!(chosen(&candidates, &[("kuma.io/service", "gw")]), None);
    }

    #[test]
    fn any_of_several_selectors_is_enough() {
        let candidates = [gateway_of(
            "a",
            1,
            &[&[("kuma.io/service", "x")], &[("kuma.io/service", "gw")]],
        )];
        assert_eq!(
            chosen(&candidates, &[("kuma.io/service", "gw")]).as_deref(),
            Some("a")
        );
    }

    #[test]
    fn later_tags_win_when_listener_tags_are_merged() {
        let merged = listener_tags(
            &tags(&[("a", "proxy"), ("b", "proxy"), ("c", "proxy")]),
            &tags(&[("b", "gateway"), ("c", "gateway")]),
            &tags(&[("c", "listener")]),
        );
        assert_eq!(
            merged,
            tags(&[("a", "proxy"), ("b", "gateway"), ("c", "listener")])
        );
    }
}
