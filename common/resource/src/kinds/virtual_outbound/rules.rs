//! Kuma's rules for a VirtualOutbound (policies §4.13).

use std::collections::BTreeSet;

use torii_proto::kuma::mesh::v1alpha1::VirtualOutbound as Spec;
use torii_proto::kuma::mesh::v1alpha1::virtual_outbound::Conf;

use super::template::{self, Rendered};
use crate::rules::{
    CANNOT_BE_EMPTY, TagRules, check_selector_list, is_host, is_ip, is_tag_name, port_in_range,
};
use crate::tags::SERVICE;
use crate::violation::Violations;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    check_selector_list(
        "selectors",
        &spec.selectors,
        TagRules::SELECTOR,
        &mut violations,
    );
    match &spec.conf {
        None => violations.add("conf", CANNOT_BE_EMPTY),
        Some(conf) => check_conf(conf, &mut violations),
    }
    violations
}

fn check_conf(conf: &Conf, violations: &mut Violations) {
    check_parameters(conf, violations);
    let names: BTreeSet<&str> = conf
        .parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    check_template(
        "conf.host",
        &conf.host,
        template::render(&conf.host, &names, "dummy"),
        |text| is_host(text) && !is_ip(text),
        "must be a DNS name once its tags are filled in",
        violations,
    );
    check_template(
        "conf.port",
        &conf.port,
        template::render(&conf.port, &names, "1"),
        |text| text.parse().is_ok_and(port_in_range),
        "must be a port from 1 to 65535 once its tags are filled in",
        violations,
    );
}

fn check_parameters(conf: &Conf, violations: &mut Violations) {
    let mut seen = BTreeSet::new();
    for (index, parameter) in conf.parameters.iter().enumerate() {
        let path = format!("conf.parameters[{index}]");
        if !seen.insert(parameter.name.as_str()) {
            violations.add(
                format!("{path}.name"),
                format!("name {:?} is already used", parameter.name),
            );
        }
        if !template::is_name(&parameter.name) {
            violations.add(format!("{path}.name"), "must be letters and digits");
        }
        let tag = if parameter.tag_key.is_empty() {
            &parameter.name
        } else {
            &parameter.tag_key
        };
        if !is_tag_name(tag) {
            violations.add(
                format!("{path}.tagKey"),
                "must consist of alphanumeric characters, dots, dashes, slashes, colons and underscores",
            );
        }
    }
    if !conf
        .parameters
        .iter()
        .any(|parameter| parameter.tag_key == SERVICE)
    {
        violations.add(
            "conf.parameters",
            format!("must contain a parameter with tagKey {SERVICE}"),
        );
    }
}

fn check_template(
    field: &str,
    template: &str,
    rendered: Rendered,
    good: impl Fn(&str) -> bool,
    reason: &str,
    violations: &mut Violations,
) {
    match rendered {
        _ if template.is_empty() => violations.add(field, CANNOT_BE_EMPTY),
        Rendered::Text(text) if !good(&text) => {
            violations.add(field, format!("{reason}, and is {text:?}"));
        }
        Rendered::Text(_) | Rendered::Unknown => {}
        Rendered::Broken(reason) => violations.add(field, reason),
    }
}
