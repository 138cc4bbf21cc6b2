//! What to try while the demo runs.

use crate::playground::Site;

/// Commands that work as they stand.
pub(super) fn text(site: &Site) -> String {
    let layout = site.layout();
    let mut text = "\nAsk through the gateways; each answers with its zone's name:\n".to_owned();
    for zone in site.zones() {
        let url = layout.gateway_url(zone.index);
        text.push_str(&format!("  curl -H 'Host: foo.example.com' {url}/\n"));
    }
    let context = layout.global_context();
    text.push_str(&format!(
        "\nIn another terminal:\n  export TORII_CONFIG={}\n  torii status\n  torii get meshgatewayroute edge-gateway-route -o \
         yaml\n  torii apply --wait -f …\n\nLogs are in {}\nCtrl-C stops everything.\n",
        context.display(),
        layout.logs().display()
    ));
    text
}
