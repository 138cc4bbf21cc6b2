//! Recordings of real Kuma programs, where this machine has them. Reads only, knows nothing of Torii.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use serde_json::Value;

/// The lines of a recording; none, with a word, when there is none and none is required.
pub(crate) fn lines(file: &str) -> Option<Vec<Value>> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("TORII_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            here.ancestors()
                .map(|folder| folder.join("shared"))
                .find(|shared| shared.join("recordings").is_dir())
        });
    let found = shared
        .map(|shared| shared.join("recordings").join(file))
        .filter(|file| file.is_file());
    let Some(path) = found else {
        let required = std::env::var("TORII_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("shared"),
            "TORII_REQUIRE wants the shared recordings, and {file} is not there"
        );
        println!("skipped: no recording {file}");
        return None;
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines();
    Some(
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

/// Text of a field, empty when it is not there.
pub(crate) fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_default()
}

/// The messages of a method that went one way (`client->server`, `server->client`), in order.
pub(crate) fn messages<'a>(
    events: &'a [Value],
    method: &'a str,
    way: &'a str,
) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| {
        event["event"] == "message"
            && event["dir"] == way
            && text(event, "method").ends_with(method)
    })
}

/// The message that was recorded.
pub(crate) fn message<M: Message + Default>(event: &Value) -> M {
    let raw = STANDARD.decode(text(event, "raw")).unwrap();
    M::decode(raw.as_slice()).unwrap()
}
