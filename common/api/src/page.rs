//! Which part of a list a request asks for: page and filters (control-plane-api §5.5). PURE: query in, choice out.

use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::gateway::GatewayType;
use torii_resource::kinds::Dataplane;
use torii_resource::{Descriptor, Kind as _, Resource};

use crate::problem::{Problem, title};

const DEFAULT_SIZE: usize = 100;
const MAXIMUM_SIZE: usize = 1000;

/// A page of a filtered list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    size: usize,
    offset: usize,
    name: Option<String>,
    labels: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    gateway: Option<Gateway>,
}

/// The filter `gateway` of Dataplane lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gateway {
    Any,
    No,
    Builtin,
    Delegated,
}

/// One page: the resources on it, how many match in all, and where the next page starts.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) items: Vec<&'a Resource>,
    pub(crate) total: usize,
    pub(crate) next: Option<usize>,
}

impl Selection {
    /// Reads the query of a list of `kind`. `template` is the path with its parameters in braces: error fields
    /// start with it.
    pub(crate) fn parse(
        query: &[(String, String)],
        kind: &Descriptor,
        template: &str,
    ) -> Result<Self, Problem> {
        let mut selection = Self {
            size: DEFAULT_SIZE,
            offset: 0,
            name: None,
            labels: Vec::new(),
            tags: Vec::new(),
            gateway: None,
        };
        let proxies = kind.name == Dataplane::DESCRIPTOR.name;
        for (key, value) in query {
            match key.as_str() {
                "size" => selection.size = size(value)?,
                "offset" => selection.offset = offset(value)?,
                "name" => selection.name = Some(value.clone()).filter(|name| !name.is_empty()),
                "tag" if proxies => {
                    let (key, part) = value.split_once(':').unwrap_or((value, ""));
                    selection.tags.push((key.to_owned(), part.to_owned()));
                }
                "gateway" if proxies => selection.gateway = gateway(value, template)?,
                _ => {
                    if let Some(inner) = key
                        .strip_prefix("filter[")
                        .and_then(|rest| rest.strip_suffix(']'))
                    {
                        let label = inner.strip_prefix("labels.").ok_or_else(|| {
                            let field = format!("{template}.filter[{inner}]");
                            Problem::invalid_field(
                                title::LIST,
                                field,
                                "filters are only supported on labels",
                            )
                        })?;
                        selection.labels.push((label.to_owned(), value.clone()));
                    }
                }
            }
        }
        Ok(selection)
    }

    /// The page of `resources`, which come in the order of the list.
    pub(crate) fn page<'a>(&self, resources: impl Iterator<Item = &'a Resource>) -> Page<'a> {
        let mut items = Vec::new();
        let mut total = 0;
        for resource in resources.filter(|resource| self.matches(resource)) {
            if total >= self.offset && items.len() < self.size {
                items.push(resource);
            }
            total += 1;
        }
        let end = self.offset.saturating_add(items.len());
        Page {
            next: (end < total && !items.is_empty()).then_some(end),
            items,
            total,
        }
    }

    fn matches(&self, resource: &Resource) -> bool {
        let named = self
            .name
            .as_ref()
            .is_none_or(|part| resource.key.name.contains(part));
        let labelled = self
            .labels
            .iter()
            .all(|(key, value)| resource.label(key) == Some(value));
        named && labelled && self.matches_proxy(resource)
    }

    fn matches_proxy(&self, resource: &Resource) -> bool {
        if self.tags.is_empty() && self.gateway.is_none() {
            return true;
        }
        let Ok(spec) = resource.decode::<Dataplane>() else {
            return false;
        };
        let networking = spec.networking.unwrap_or_default();
        let is_gateway = match (self.gateway, &networking.gateway) {
            (None, _) | (Some(Gateway::Any), Some(_)) | (Some(Gateway::No), None) => true,
            (Some(Gateway::Builtin), Some(gateway)) => gateway.r#type() == GatewayType::Builtin,
            (Some(Gateway::Delegated), Some(gateway)) => gateway.r#type() != GatewayType::Builtin,
            _ => false,
        };
        is_gateway
            && self.tags.iter().all(|(key, part)| {
                let inbounds = networking.inbound.iter().map(|inbound| &inbound.tags);
                let gateway = networking.gateway.iter().map(|gateway| &gateway.tags);
                inbounds
                    .chain(gateway)
                    .any(|tags| tags.get(key).is_some_and(|value| value.contains(part)))
            })
    }
}

fn size(value: &str) -> Result<usize, Problem> {
    let invalid = |reason: String| Problem {
        detail: "Invalid page size".to_owned(),
        ..Problem::invalid_field(title::LIST, "size", reason)
    };
    let size: usize = value
        .parse()
        .map_err(|_| invalid("invalid format".to_owned()))?;
    if size > MAXIMUM_SIZE {
        return Err(invalid(format!(
            "invalid page size of {size}. Maximum page size is {MAXIMUM_SIZE}"
        )));
    }
    if size == 0 {
        return Err(invalid(
            "invalid page size of 0. Minimum page size is 1".to_owned(),
        ));
    }
    Ok(size)
}

fn offset(value: &str) -> Result<usize, Problem> {
    value.parse().map_err(|_| Problem {
        title: title::LIST.to_owned(),
        ..Problem::bad_request(format!(
            "invalid: invalid offset: strconv.Atoi: parsing {value:?}: invalid syntax"
        ))
    })
}

fn gateway(value: &str, template: &str) -> Result<Option<Gateway>, Problem> {
    match value {
        "" => Ok(None),
        "true" => Ok(Some(Gateway::Any)),
        "false" => Ok(Some(Gateway::No)),
        "builtin" => Ok(Some(Gateway::Builtin)),
        "delegated" => Ok(Some(Gateway::Delegated)),
        // The spelling is the reference's.
        _ => Err(Problem::invalid_field(
            title::LIST,
            format!("{template}.gateway"),
            format!("shoud use `true`, `false`, 'builtin' or 'delegated' instead of {value}"),
        )),
    }
}

/// The same query with another offset, its keys sorted and its values escaped, as Go's `url.Values` writes it.
pub(crate) fn next_query(query: &[(String, String)], offset: usize) -> String {
    let offset = ("offset".to_owned(), offset.to_string());
    let mut pairs: Vec<_> = query
        .iter()
        .filter(|(key, _)| key != "offset")
        .chain([&offset])
        .collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|(key, value)| format!("{}={}", escape(key), escape(value)))
        .collect();
    pairs.join("&")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte))
            }
            b' ' => escaped.push('+'),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
