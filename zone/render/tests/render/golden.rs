//! Golden files: `tests/golden/<what it shows>.yaml` and its snapshot beside it.
//!
//! The first line of an input says which types the snapshot has: `# shows: routes notes`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use torii_render::{Rendered, TypeUrl};

use crate::support::{golden_inputs, golden_resources, lines, of_type, rendered};

fn shown(rendered: &Rendered, shows: &str) -> Value {
    let mut shown = Map::new();
    for word in shows.split_whitespace() {
        let value = match word {
            "clusters" => Value::Object(of_type(&rendered.parts, TypeUrl::Cluster)),
            "endpoints" => Value::Object(of_type(&rendered.parts, TypeUrl::Endpoint)),
            "listeners" => Value::Object(of_type(&rendered.parts, TypeUrl::Listener)),
            "routes" => Value::Object(of_type(&rendered.parts, TypeUrl::Route)),
            "runtimes" => Value::Object(of_type(&rendered.parts, TypeUrl::Runtime)),
            "errors" => json!(lines(&rendered.errors)),
            "notes" => json!(lines(&rendered.notes)),
            "uses" => uses(rendered),
            other => panic!("nothing is called {other}"),
        };
        shown.insert(word.to_owned(), value);
    }
    Value::Object(shown)
}

/// What each part depends on.
fn uses(rendered: &Rendered) -> Value {
    let uses = rendered.parts.iter().filter_map(|(_, part)| {
        let mut text = String::new();
        for name in part
            .clusters
            .iter()
            .chain(&part.routes)
            .chain(&part.secrets)
        {
            write!(text, "{name} ").unwrap();
        }
        (!text.is_empty()).then(|| (part.name.clone(), json!(text.trim_end())))
    });
    Value::Object(uses.collect())
}

#[test]
fn every_golden_file_is_what_is_rendered() {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path("../golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    // Whether JSON objects keep their order is a feature that other crates of the workspace may turn on.
    settings.set_sort_maps(true);
    for (name, input) in golden_inputs() {
        let rendered = rendered(&golden_resources(&input), "gw");
        let first = input.lines().next().unwrap();
        let shows = first
            .strip_prefix("# shows: ")
            .unwrap_or_else(|| panic!("{name}: '# shows: …' is missing"));
        settings.set_description(input.clone());
        settings.bind(|| insta::assert_yaml_snapshot!(name, shown(&rendered, shows)));
    }
}
