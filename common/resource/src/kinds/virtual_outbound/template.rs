//! The part of Go's templates that people use in a VirtualOutbound: text, and `{{.name}}`.

use std::collections::BTreeSet;

/// What Go writes for a key that is not there.
const MISSING: &str = "<no value>";

/// What became of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rendered {
    /// The text.
    Text(String),
    /// Functions or pipelines: legal in Kuma, not known here.
    Unknown,
    /// Not a template, with the reason.
    Broken(String),
}

/// The text with every one of `names` replaced by `value`.
pub(super) fn render(template: &str, names: &BTreeSet<&str>, value: &str) -> Rendered {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let Some((action, after)) = after.split_once("}}") else {
            return Rendered::Broken("has {{ without }}".to_owned());
        };
        let action = action.trim();
        let Some(name) = action.strip_prefix('.').filter(|name| is_name(name)) else {
            return if action.is_empty() {
                Rendered::Broken("has {{}} without a name".to_owned())
            } else {
                Rendered::Unknown
            };
        };
        text.push_str(if names.contains(name) { value } else { MISSING });
        rest = after;
    }
    text.push_str(rest);
    Rendered::Text(text)
}

/// Letters and digits.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Rendered {
        render(template, &BTreeSet::from(["service", "port"]), "dummy")
    }

    #[test]
    fn names_are_replaced() {
        for (template, text) in [
            ("{{.service}}.mesh", "dummy.mesh"),
            ("{{ .service }}.{{.port}}", "dummy.dummy"),
            ("plain", "plain"),
            ("{{.other}}", MISSING),
            ("", ""),
        ] {
            assert_eq!(
                rendered(template),
                Rendered::Text(text.to_owned()),
                "{template}"
            );
        }
    }

    #[test]
    fn other_actions_are_unknown_and_half_ones_broken() {
        for template in [
            "{{.service | lower}}",
            "{{- .service}}",
            "{{if .a}}x{{end}}",
        ] {
            assert_eq!(rendered(template), Rendered::Unknown, "{template}");
        }
        for template in ["{{.service", "{{}}"] {
            assert!(
                matches!(rendered(template), Rendered::Broken(_)),
                "{template}"
            );
        }
    }
}
