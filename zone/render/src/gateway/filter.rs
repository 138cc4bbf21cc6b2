//! The filters of one rule, checked and reduced (gateway-xds §3.5, resources §6.2).
//!
//! Header filters accumulate; of several mirrors, redirects or rewrites the last one wins. What Envoy would refuse is a
//! fault here, with the field's path below the rule.

use torii_proto::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use torii_proto::envoy::r#type::v3::FractionalPercent;
use torii_proto::envoy::r#type::v3::fractional_percent::DenominatorType;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::Filter;
use torii_proto::kuma::mesh::v1alpha1::mesh_gateway_route::http_route::filter::{
    Filter as Kind, HeaderFilter, Mirror as MirrorSpec, Redirect, Rewrite,
};
use torii_resource::tags::Tags;

use crate::gateway::{format, name};

/// Longest header name or value that Envoy takes, in bytes (`HeaderValue` in its base.proto).
const HEADER_MAX: usize = 16_384;

/// What is wrong: field below the rule, and reason.
pub(crate) type Fault = (String, String);

/// One header to set or add; the value is ready to be a format string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderEdit {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) action: HeaderAppendAction,
}

/// Edits of the headers of a request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edits {
    set: Vec<HeaderEdit>,
    add: Vec<HeaderEdit>,
    pub(crate) remove: Vec<String>,
}

impl Edits {
    /// All sets, then all adds.
    pub(crate) fn values(&self) -> impl Iterator<Item = &HeaderEdit> {
        self.set.iter().chain(&self.add)
    }
}

/// A copy of requests to another destination.
#[derive(Clone, Debug)]
pub(crate) struct Mirror<'a> {
    pub(crate) destination: &'a Tags,
    /// Position in the rule's filters.
    pub(crate) index: usize,
    pub(crate) share: FractionalPercent,
}

/// All filters of a rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters<'a> {
    pub(crate) request: Edits,
    pub(crate) response: Edits,
    /// The `Host` that a request header filter sets.
    pub(crate) host: Option<String>,
    pub(crate) mirror: Option<Mirror<'a>>,
    pub(crate) rewrite: Option<&'a Rewrite>,
    pub(crate) redirect: Option<(usize, &'a Redirect)>,
}

impl<'a> Filters<'a> {
    /// Reads the filters of a rule; what is wrong goes to `faults`.
    pub(crate) fn read(filters: &'a [Filter], faults: &mut Vec<Fault>) -> Self {
        let mut read = Self::default();
        for (i, filter) in filters.iter().enumerate() {
            match &filter.filter {
                Some(Kind::RequestHeader(headers)) => {
                    let path = format!("filters[{i}].request_header");
                    edits(
                        headers,
                        &path,
                        &mut read.request,
                        Some(&mut read.host),
                        faults,
                    );
                }
                Some(Kind::ResponseHeader(headers)) => {
                    let path = format!("filters[{i}].response_header");
                    edits(headers, &path, &mut read.response, None, faults);
                }
                Some(Kind::Mirror(mirror)) => read.mirror = read_mirror(i, mirror, faults),
                Some(Kind::Redirect(redirect)) => read.redirect = Some((i, redirect)),
                Some(Kind::Rewrite(rewrite)) => read.rewrite = Some(rewrite),
                None => {}
            }
        }
        read
    }
}

fn edits(
    spec: &HeaderFilter,
    path: &str,
    into: &mut Edits,
    mut host: Option<&mut Option<String>>,
    faults: &mut Vec<Fault>,
) {
    for (list, action) in [
        (&spec.set, HeaderAppendAction::OverwriteIfExistsOrAdd),
        (&spec.add, HeaderAppendAction::AppendIfExistsOrAdd),
    ] {
        let is_set = action == HeaderAppendAction::OverwriteIfExistsOrAdd;
        let word = if is_set { "set" } else { "add" };
        for (n, header) in list.iter().enumerate() {
            let mut fault = |part: &str, reason: String| {
                faults.push((format!("{path}.{word}[{n}].{part}"), reason))
            };
            if let Err(reason) = text(&header.value) {
                fault("value", reason);
            } else if is_host(&header.name) {
                match host.as_deref_mut() {
                    Some(host) if is_set => *host = Some(header.value.clone()),
                    Some(_) => fault(
                        "name",
                        "cannot add to the Host header: use 'set'".to_owned(),
                    ),
                    None => fault(
                        "name",
                        "responses have no Host header: remove it".to_owned(),
                    ),
                }
            } else if let Err(reason) = header_name(&header.name) {
                fault("name", reason);
            } else {
                let edit = HeaderEdit {
                    name: canonical(&header.name),
                    value: format::value(&header.value),
                    action,
                };
                if is_set { &mut into.set } else { &mut into.add }.push(edit);
            }
        }
    }
    for (n, name) in spec.remove.iter().enumerate() {
        let checked = if name.eq_ignore_ascii_case("host") {
            Err("cannot remove the Host header".to_owned())
        } else {
            header_name(name)
        };
        match checked {
            Ok(()) => into.remove.push(name.clone()),
            Err(reason) => faults.push((format!("{path}.remove[{n}]"), reason)),
        }
    }
}

fn read_mirror<'a>(
    i: usize,
    mirror: &'a MirrorSpec,
    faults: &mut Vec<Fault>,
) -> Option<Mirror<'a>> {
    let destination = mirror.backend.as_ref().map(|backend| &backend.destination);
    let Some(destination) = destination.filter(|destination| name::service(destination).is_some())
    else {
        let field = format!("filters[{i}].mirror.backend");
        faults.push((
            field,
            "mandatory tag \"kuma.io/service\" is missing".to_owned(),
        ));
        return None;
    };
    Some(Mirror {
        destination,
        index: i,
        share: share(mirror.percentage.unwrap_or_default())?,
    })
}

/// A percentage as Envoy's fraction, in the smallest denominator that keeps it; none for nothing at all.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 100"
)]
fn share(percentage: f64) -> Option<FractionalPercent> {
    if percentage.is_nan() || percentage <= 0.0 {
        return None;
    }
    let percentage = percentage.min(100.0);
    let of = |factor: f64, denominator: DenominatorType| FractionalPercent {
        numerator: (percentage * factor).round() as u32,
        denominator: denominator as i32,
    };
    Some(if percentage.fract() == 0.0 {
        of(1.0, DenominatorType::Hundred)
    } else if (percentage * 100.0).fract() == 0.0 {
        of(100.0, DenominatorType::TenThousand)
    } else {
        of(10_000.0, DenominatorType::Million)
    })
}

/// Whether a header filter that names this means the host of the request.
pub(crate) fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name == ":authority"
}

/// Checks a header name for what Envoy refuses.
pub(crate) fn header_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("cannot be empty".to_owned());
    }
    if name.starts_with(':') {
        return Err(format!(
            "cannot modify '{name}': Envoy allows no change of its own headers"
        ));
    }
    text(name)
}

/// Checks a text that goes into a header or a path for what Envoy refuses.
pub(crate) fn text(value: &str) -> Result<(), String> {
    if value.contains(['\0', '\r', '\n']) {
        return Err("cannot contain a line break or a zero byte".to_owned());
    }
    if value.len() > HEADER_MAX {
        return Err(format!("must be at most {HEADER_MAX} bytes"));
    }
    Ok(())
}

/// A header name in canonical MIME case; one with an invalid character is left as it is.
fn canonical(name: &str) -> String {
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !name.bytes().all(valid) {
        return name.to_owned();
    }
    let mut start = true;
    name.chars()
        .map(|c| {
            let cased = if start {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            };
            start = c == '-';
            cased
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use torii_proto::envoy::r#type::v3::fractional_percent::DenominatorType;

    use super::{canonical, share};

    fn fraction(percentage: f64) -> Option<(u32, DenominatorType)> {
        share(percentage).map(|share| (share.numerator, share.denominator()))
    }

    #[test]
    fn a_mirror_share_keeps_the_smallest_denominator() {
        assert_eq!(fraction(1.0), Some((1, DenominatorType::Hundred)));
        assert_eq!(fraction(0.5), Some((50, DenominatorType::TenThousand)));
        assert_eq!(fraction(0.001), Some((10, DenominatorType::Million)));
        assert_eq!(fraction(250.0), Some((100, DenominatorType::Hundred)));
    }

    #[test]
    fn a_mirror_of_nothing_is_no_mirror() {
        assert_eq!(fraction(0.0), None);
        assert_eq!(fraction(-1.0), None);
        assert_eq!(fraction(f64::NAN), None);
    }

    #[test]
    fn set_names_become_canonical_and_odd_ones_stay() {
        assert_eq!(canonical("set-header-one"), "Set-Header-One");
        assert_eq!(canonical("X-KUMA"), "X-Kuma");
        assert_eq!(canonical("a b"), "a b");
    }
}
