//! The templates of Dataplane files: `{{ name }}`, as `kuma-dp` takes them (control-plane-api §15.2).
//!
//! Mustache variables only; no HTML escaping, and a variable without a value is an error.

use std::collections::BTreeMap;

/// Replaces every `{{ key }}` (also `{{{ key }}}` and `{{& key }}`) by its value.
///
/// # Errors
/// A sentence that names the variable and the line.
pub(crate) fn render(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut rendered = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let (before, tag) = rest.split_at(start);
        rendered.push_str(before);
        let line = text[..text.len() - tag.len()].matches('\n').count() + 1;
        let (open, close) = if tag.starts_with("{{{") {
            ("{{{", "}}}")
        } else {
            ("{{", "}}")
        };
        let inside = tag.strip_prefix(open).unwrap_or_default();
        let (inside, after) = inside
            .split_once(close)
            .ok_or_else(|| format!("line {line}: a `{open}` is not closed by `{close}`"))?;
        rendered.push_str(&value(inside.trim(), line, variables)?);
        rest = after;
    }
    rendered.push_str(rest);
    Ok(rendered)
}

fn value(tag: &str, line: usize, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let key = match tag.chars().next() {
        // A comment.
        Some('!') => return Ok(String::new()),
        Some('&') => tag[1..].trim(),
        Some('#' | '^' | '/' | '>' | '=') => {
            return Err(format!(
                "line {line}: `{{{{{tag}}}}}`: only variables are supported, no sections or partials"
            ));
        }
        _ => tag,
    };
    variables.get(key).cloned().ok_or_else(|| {
        format!("line {line}: the variable {key:?} has no value: give --dataplane-var {key}=VALUE")
    })
}

/// Takes `key=value` apart.
///
/// # Errors
/// A sentence that shows the form.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.to_owned()))
        }
        _ => Err(format!("{text:?} is not of the form key=value")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> BTreeMap<String, String> {
        [
            ("name", "gw-1"),
            ("net.address", "10.0.0.7"),
            ("amp", "a&b<c>"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    #[test]
    fn variables_with_dots_and_every_bracket_are_replaced_unescaped() {
        let text = "name: {{ name }}\naddress: {{net.address}}\na: {{{amp}}} {{& amp }} {{amp}}{{! none }}\n";
        let rendered = render(text, &variables()).unwrap();
        assert_eq!(
            rendered,
            "name: gw-1\naddress: 10.0.0.7\na: a&b<c> a&b<c> a&b<c>\n"
        );
    }

    #[test]
    fn a_variable_without_value_is_named_with_its_line_and_the_flag() {
        let error = render("a: b\nname: {{ nme }}", &variables()).unwrap_err();
        assert!(
            error.contains("line 2") && error.contains("--dataplane-var nme=VALUE"),
            "{error}"
        );
    }

    #[test]
    fn sections_and_open_brackets_are_refused() {
        assert!(render("{{#a}}x{{/a}}", &variables()).is_err());
        assert!(render("{{ name", &variables()).is_err());
    }

    #[test]
    fn braces_of_json_are_left_alone() {
        let text = r#"{"type":"Dataplane","a":{"b":1}}"#;
        assert_eq!(render(text, &variables()).unwrap(), text);
    }
}
