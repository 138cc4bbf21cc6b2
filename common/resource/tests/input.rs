//! What people write: YAML's traps, wrong documents, and the words they get.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use prost::Message as _;
use torii_proto::kuma::mesh::v1alpha1 as kuma;
use torii_resource::format::universal::{from_request, parse};
use torii_resource::format::{FormatError, Options, Strictness, from_text};
use torii_resource::kinds::MeshGateway;
use torii_resource::{Document, ResourceKey};

fn error(text: &str) -> String {
    parse(text, "edge.yaml").unwrap_err().to_string()
}

/// `field: reason` of every violation.
fn violations(text: &str) -> Vec<String> {
    let error = parse(text, "edge.yaml").unwrap_err();
    error
        .violations()
        .unwrap_or_else(|| panic!("{error}"))
        .iter()
        .map(|violation| format!("{}: {}", violation.field, violation.reason))
        .collect()
}

fn gateway(document: &Document) -> kuma::MeshGateway {
    kuma::MeshGateway::decode(document.resource.spec.clone()).unwrap()
}

#[test]
fn unquoted_scalars_keep_their_text_where_text_is_meant() {
    for (written, text) in [
        ("8080", "8080"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("true", "true"),
        ("017", "017"),
        ("0x1F", "0x1F"),
        ("1.10", "1.10"),
        ("1e3", "1e3"),
        ("1_000", "1_000"),
        ("-0", "-0"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("'8080'", "8080"),
        ("\"yes\"", "yes"),
        ("!!str 8080", "8080"),
        ("8080 # a comment", "8080"),
    ] {
        let yaml = format!(
            "type: MeshGateway\nname: 17\ntags:\n  kuma.io/x: {written}\nlabels: {{v: {written}\n}}"
        );
        let documents =
            parse(&yaml, "edge.yaml").unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(gateway(&documents[0]).tags["kuma.io/x"], text, "{written}");
        assert_eq!(documents[0].resource.labels["v"], text, "{written}");
        assert_eq!(documents[0].resource.key.name, "17");
    }
    for null in ["null", "~", ""] {
        let yaml = format!("type: MeshGateway\nname: x\ntags:\n  a: {null}");
        assert_eq!(violations(&yaml).len(), 1, "{null}");
    }
}

#[test]
fn unquoted_keys_keep_their_text() {
    let documents = parse(
        "type: MeshGateway\nname: x\ntags: {8080: a, yes: b, null: c}",
        "x",
    )
    .unwrap();
    let tags = gateway(&documents[0]).tags;
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["8080", "null", "yes"]);
}

#[test]
fn typed_fields_take_yamls_reading() {
    let yaml = "type: MeshGateway\nname: x\nconf: {listeners: [{port: 0x50, crossMesh: yes}, {port: '81', crossMesh: off}]}";
    let listeners = gateway(&parse(yaml, "x").unwrap()[0])
        .conf
        .unwrap()
        .listeners;
    assert_eq!((listeners[0].port, listeners[0].cross_mesh), (80, true));
    assert_eq!((listeners[1].port, listeners[1].cross_mesh), (81, false));
    assert_eq!(
        violations("type: MeshGateway\nname: x\nconf: {listeners: [{port: 0080}]}"),
        [
            "conf.listeners[0].port: must be a number without leading zeros: YAML readers disagree on 017"
        ]
    );
}

#[test]
fn anchors_and_merge_keys_work_and_bombs_do_not() {
    let yaml = "type: MeshGateway\nname: x\nconf:\n  listeners:\n  - &a {port: 80, protocol: HTTP, tags: {v: 017}}\n  - <<: *a\n    port: 81\n";
    let listeners = gateway(&parse(yaml, "x").unwrap()[0])
        .conf
        .unwrap()
        .listeners;
    assert_eq!((listeners[1].port, listeners[1].protocol), (81, 4));
    assert_eq!(listeners[1].tags["v"], "017");

    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let list = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    assert!(matches!(parse(&bomb, "x"), Err(FormatError::Syntax { .. })));
}

#[test]
fn malformed_yaml_is_shown_with_line_column_and_text() {
    let Err(FormatError::Syntax {
        line,
        column,
        message,
        place,
    }) = parse("type: Mesh\nname: [x\nfoo: }\n", "edge.yaml")
    else {
        panic!("accepted");
    };
    assert_eq!((line, place.file.as_str()), (3, "edge.yaml"));
    assert!(column > 0 && message.contains("foo: }"), "{message}");
}

#[test]
fn duplicate_keys_are_refused_in_yaml_and_json() {
    assert!(error("type: Mesh\nname: x\nname: y\n").contains("duplicate"));
    let json = br#"{"type": "MeshGateway", "name": "x", "name": "y"}"#;
    let url = ResourceKey::of::<MeshGateway>("default", "x");
    assert!(
        from_request(json, &url)
            .unwrap_err()
            .to_string()
            .contains("duplicate key \"name\"")
    );
}

#[test]
fn several_documents_are_read_in_order_and_empty_ones_skipped() {
    let yaml = "---\n# nothing\n---\ntype: Mesh\nname: a\n---\n---\ntype: MeshGateway\nname: b\nmesh: a\n...\n---\n{type: Zone, name: c}\n";
    let keys: Vec<_> = parse(yaml, "x")
        .unwrap()
        .iter()
        .map(|d| d.resource.key.to_string())
        .collect();
    assert_eq!(keys, ["Mesh a", "MeshGateway a/b", "Zone c"]);
    assert!(parse("", "x").unwrap().is_empty());
}

#[test]
fn an_error_names_file_document_line_resource_field_and_reason() {
    let yaml = "type: Mesh\nname: a\n---\ntype: MeshGateway\nname: b\nconf:\n  listners: []\n";
    assert_eq!(
        error(yaml),
        "edge.yaml, document 2, line 4: MeshGateway b: conf.listners: unknown field, did you mean \"listeners\"?"
    );
}

#[test]
fn wrong_metadata_is_named() {
    let cases = [
        ("[a]", ": a resource must be an object, not a list"),
        (
            "name: x",
            "type: cannot be empty: give the kind, e.g. MeshGateway",
        ),
        (
            "type: MeshGatewy\nname: x",
            "type: unknown kind \"MeshGatewy\", did you mean \"MeshGateway\"?",
        ),
        ("type: Mesh", "name: cannot be empty"),
        ("type: Mesh\nname: [x]", "name: must be text, not a list"),
        (
            "type: Mesh\nname: x\nlabels: {a: [b]}",
            "labels[\"a\"]: must be text (put it in quotes), not a list",
        ),
        (
            "type: Mesh\nname: x\nlabels: a",
            "labels: must be an object, not text",
        ),
        (
            "type: Mesh\nname: x\ncreationTime: today",
            "creationTime: must be a time such as 2026-11-24T16:19:12Z",
        ),
        (
            "type: MeshGatewayInstance\nname: x",
            "type: MeshGatewayInstance is created in a zone on Kubernetes (kubectl apply there), not at a control plane",
        ),
        (
            "apiVersion: kuma.io/v1alpha1\nkind: MeshGatewayInstance\nmetadata: {name: x}",
            "kind: MeshGatewayInstance is created in a zone on Kubernetes (kubectl apply there), not at a control plane",
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}",
            "apiVersion: apps/v1 Deployment is not a resource of this control plane; kuma.io/v1alpha1 is",
        ),
        (
            "apiVersion: kuma.io/v1alpha1\nkind: Mesh\nmetadata: {name: x}\nspec: {mtsl: {}}",
            "spec.mtsl: unknown field, did you mean \"mtls\"?",
        ),
        (
            "apiVersion: kuma.io/v1alpha1\nkind: Mesh\nmetadata: {name: x}\nmtls: {}",
            "mtls: unknown field: the fields of the resource stand below spec",
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: x}",
            "type: must be system.kuma.io/secret or system.kuma.io/global-secret",
        ),
        (
            "apiVersion: v1\nkind: Secret\ntype: system.kuma.io/global-secret\nmetadata: {name: x, labels: {kuma.io/mesh: m}}\ndata: {value: YQ==}",
            "metadata.labels[\"kuma.io/mesh\"]: a global secret has no mesh: remove the label",
        ),
        (
            "apiVersion: v1\nkind: Secret\ntype: system.kuma.io/secret\nmetadata: {name: x}",
            "data.value: cannot be empty",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(violations(text), [expected], "{text}");
    }
}

#[test]
fn what_an_answer_has_is_taken_back() {
    let yaml = "type: MeshGateway\nname: x\nmesh: m\ncreationTime: '0001-01-01T00:00:00Z'\nmodificationTime: 2026-11-24T16:19:12.5Z\nkri: kri_mgw_m___x_\nstatus: {a: b}\nlabels: {}";
    let document = &parse(yaml, "x").unwrap()[0];
    assert!(document.resource.spec.is_empty() && document.resource.labels.is_empty());
}

#[test]
fn a_mesh_is_taken_from_the_options_when_there_is_none() {
    let read = |mesh| {
        let options = Options {
            default_mesh: mesh,
            strictness: Strictness::Lenient,
            ..Options::default()
        };
        from_text("type: MeshGateway\nname: x\nnothing: 1", "x", &options)
    };
    assert_eq!(read(Some("m2")).unwrap()[0].resource.key.mesh, "m2");
    assert!(read(None).is_err());
    let mesh = parse("type: Mesh\nname: x\nmesh: ignored", "x").unwrap();
    assert_eq!(mesh[0].resource.key.mesh, "");
}

#[test]
fn a_stringdata_secret_and_a_display_name_annotation_are_read() {
    let yaml = "apiVersion: v1\nkind: Secret\ntype: system.kuma.io/secret\nmetadata:\n  name: cert\n  labels: {kuma.io/mesh: m}\n  annotations: {kuma.io/display-name: shown, other: x}\nstringData: {value: text}\n";
    let resource = &parse(yaml, "x").unwrap()[0].resource;
    assert_eq!(resource.key.to_string(), "Secret m/cert");
    assert_eq!(resource.labels["kuma.io/display-name"], "shown");
    assert!(!resource.labels.contains_key("other"));
    let spec = torii_proto::kuma::system::v1alpha1::Secret::decode(resource.spec.clone()).unwrap();
    assert_eq!(spec.data.unwrap(), b"text");
}

#[test]
fn a_request_must_agree_with_its_url() {
    let url = ResourceKey::of::<MeshGateway>("default", "x");
    let wrong = |body: &str| {
        let error = from_request(body.as_bytes(), &url).unwrap_err();
        error.violations().unwrap().to_string()
    };
    let same = "from the URL has to be the same as in body";
    assert!(from_request(br#"{"type": "MeshGateway", "name": "x"}"#, &url).is_ok());
    assert_eq!(
        wrong(r#"{"type": "MeshGateway", "name": "y"}"#),
        format!("name: name {same}")
    );
    assert_eq!(
        wrong(r#"{"type": "MeshGateway", "name": "x", "mesh": "other"}"#),
        format!("mesh: mesh {same}")
    );
    assert_eq!(
        wrong(r#"{"type": "MeshGatewayRoute", "name": "x"}"#),
        format!("type: type {same}")
    );
    assert!(matches!(
        from_request(b"{", &url),
        Err(FormatError::Syntax { .. })
    ));
    assert!(matches!(
        from_request(b"", &url),
        Err(FormatError::Syntax { .. })
    ));
}
