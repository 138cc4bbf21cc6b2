//! Documents that mean harm: read or refused, never a panic.

use proptest::prelude::*;

use torii_resource::format::universal;

const ROUTE: &str = "type: MeshGatewayRoute
mesh: default
name: a
selectors:
- match:
    kuma.io/service: edge
conf:
  http:
    rules:
    - matches: [{path: {match: REGEX, value: '/a.*'}}]
      backends: [{weight: 1, destination: {kuma.io/service: b}}]
";

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,400}") {
        let _ = universal::parse(&text, "test");
    }

    #[test]
    fn any_yaml_like_text_is_read_or_refused(text in "[-a-z:&*!|>{}\\[\\],'\"#%@ \n0-9]{0,200}") {
        let _ = universal::parse(&text, "test");
    }

    #[test]
    fn a_document_with_something_else_in_it_is_read_or_refused(
        at in 0..ROUTE.len(),
        length in 0_usize..20,
        other in ".{0,20}",
    ) {
        let end = (at + length).min(ROUTE.len());
        let text = format!("{}{other}{}", &ROUTE[..at], &ROUTE[end..]);
        let _ = universal::parse(&text, "test");
    }
}
