//! Tag maps and selector lists (resources §3.2).

use torii_proto::kuma::mesh::v1alpha1::Selector;

use crate::tags::{ANY, SERVICE, Tags};
use crate::violation::Violations;

/// How a tag map is checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TagRules<'a> {
    /// `*` and slashes are allowed in values: a selector, not the tags of something.
    pub(crate) selector: bool,
    /// The map may not be empty.
    pub(crate) at_least_one: bool,
    /// `kuma.io/service` must be there.
    pub(crate) service: bool,
    /// Keys that may not be there.
    pub(crate) reserved: &'a [&'a str],
}

impl TagRules<'static> {
    /// A selector of services, also the destination of a backend.
    pub(crate) const SERVICE_SELECTOR: Self = Self {
        selector: true,
        at_least_one: true,
        service: true,
        reserved: &[],
    };
    /// The tags of a proxy.
    pub(crate) const SERVICE_TAGS: Self = Self {
        selector: false,
        at_least_one: true,
        service: true,
        reserved: &[],
    };
}

/// Checks one tag map at `path`.
pub(crate) fn check_tags(
    path: &str,
    tags: &Tags,
    rules: TagRules<'_>,
    violations: &mut Violations,
) {
    if rules.at_least_one && tags.is_empty() {
        violations.add(path, "must have at least one tag");
    }
    for (key, value) in tags {
        let at_key = || format!("{path}[{key:?}]");
        if key.is_empty() {
            violations.add(path, "tag name must be non-empty");
        } else if !key
            .bytes()
            .all(|b| is_tag_byte(b) || matches!(b, b'_' | b'/'))
        {
            violations.add(
                at_key(),
                "tag name must consist of alphanumeric characters, dots, dashes, slashes, colons and underscores",
            );
        }
        if rules.reserved.contains(&key.as_str()) {
            violations.add(at_key(), format!("tag name must not be {key:?}"));
        }
        if value.is_empty() {
            violations.add(at_key(), "tag value must be non-empty");
        } else if rules.selector {
            if value != ANY
                && !value
                    .bytes()
                    .all(|b| is_tag_byte(b) || matches!(b, b'_' | b'/'))
            {
                violations.add(
                    at_key(),
                    "tag value must consist of alphanumeric characters, dots, dashes, slashes, colons and underscores \
                     or be \"*\"",
                );
            }
        } else if !value.bytes().all(|b| is_tag_byte(b) || b == b'_') {
            violations.add(
                at_key(),
                "tag value must consist of alphanumeric characters, dots, dashes, colons and underscores",
            );
        }
    }
    if rules.service && !tags.contains_key(SERVICE) {
        violations.add(path, format!("mandatory tag {SERVICE:?} is missing"));
    }
}

/// Checks the selectors of a gateway object: at least one, each with a service.
pub(crate) fn check_selectors(selectors: &[Selector], violations: &mut Violations) {
    if selectors.is_empty() {
        violations.add("selectors", "must have at least one element");
    }
    for (index, selector) in selectors.iter().enumerate() {
        check_tags(
            &format!("selectors[{index}].match"),
            &selector.r#match,
            TagRules::SERVICE_SELECTOR,
            violations,
        );
    }
}

fn is_tag_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':')
}
