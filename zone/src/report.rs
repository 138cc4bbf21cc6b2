//! What the zone tells its global about itself. PURE: the present picture in, a report out.

use std::collections::BTreeMap;

use torii_ads::{ProxyKey, ProxyStatus, Reports};
use torii_mesh::ProxyId;
use torii_proto::torii::status::v1::{Problem, ProxyReport, Rejection, ZoneReport};
use torii_resource::Revision;

use crate::regen::{Generated, Picture};
use crate::slots::Slots;

/// Every builtin gateway of the zone as it is now.
pub(crate) fn proxies(
    picture: &Picture,
    generated: &Generated,
    slots: &Slots,
    reports: &Reports,
) -> BTreeMap<String, ProxyReport> {
    let reached = generated
        .mark
        .as_ref()
        .map_or(Revision::ZERO, |mark| mark.revision);
    let report = |id: &ProxyId| {
        let key = ProxyKey {
            mesh: id.mesh.clone(),
            name: id.name.clone(),
        };
        let status = reports.get(&key).unwrap_or_default();
        let report = proxy(id, &status, slots.published(id), reached);
        (report.id.clone(), report)
    };
    picture.proxies.iter().map(report).collect()
}

fn proxy(
    id: &ProxyId,
    status: &ProxyStatus,
    published: Option<Revision>,
    reached: Revision,
) -> ProxyReport {
    // Published and not yet taken up by the stream counts as pending: nobody has acknowledged it, and what was rejected
    // before may be gone from it. A rejection stays unacknowledged for good.
    let behind = published.is_none_or(|published| {
        let unanswered = status.rejections.is_empty() && status.acknowledged < published;
        status.sent < published || unanswered
    });
    let pending = status.connected && (status.pending || behind);
    let settled = status.connected && !pending && status.rejections.is_empty();
    ProxyReport {
        id: id.to_string(),
        connected: status.connected,
        sent: if settled { reached.0 } else { status.sent.0 },
        acknowledged: if settled {
            reached.0
        } else {
            status.acknowledged.0
        },
        pending,
        rejections: status
            .rejections
            .iter()
            .map(|rejection| Rejection {
                type_url: rejection.of.as_str().to_owned(),
                resources: vec![rejection.resource.clone()],
                message: rejection.message.clone(),
                revision: rejection.revision.0,
            })
            .collect(),
        waiting: status.waiting.clone().unwrap_or_default(),
        envoy_version: status.envoy_version.clone(),
    }
}

/// What cannot be served, or is served otherwise than its writer may expect.
pub(crate) fn problems(picture: &Picture) -> Vec<Problem> {
    let unreadable = picture.unreadable.iter().map(|problem| Problem {
        kind: problem.key.kind.to_string(),
        mesh: problem.key.mesh.clone(),
        name: problem.key.name.clone(),
        field: String::new(),
        reason: problem.reason.clone(),
        proxy: String::new(),
    });
    let faults = picture.faults.iter().flat_map(|(id, faults)| {
        faults.iter().map(|fault| Problem {
            kind: fault.resource.kind.to_string(),
            mesh: fault.resource.mesh.clone(),
            name: fault.resource.name.clone(),
            field: fault.field.clone(),
            reason: fault.reason.clone(),
            proxy: id.to_string(),
        })
    });
    unreadable.chain(faults).collect()
}

/// What was told on a stream so far; makes each report from what changed since.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    told: Option<ZoneReport>,
    proxies: BTreeMap<String, ProxyReport>,
    sequence: u64,
}

impl Teller {
    /// The next report, if there is anything to tell. `now` has everything but proxies; the first report is full.
    pub(crate) fn next(
        &mut self,
        now: ZoneReport,
        proxies: BTreeMap<String, ProxyReport>,
    ) -> Option<ZoneReport> {
        let changed: Vec<_> = proxies
            .iter()
            .filter(|(id, report)| {
                self.proxies
                    .get(*id)
                    .is_none_or(|told| differs(told, report))
            })
            .map(|(_, report)| report.clone())
            .collect();
        let gone: Vec<_> = self
            .proxies
            .keys()
            .filter(|id| !proxies.contains_key(*id))
            .cloned()
            .collect();
        if self.told.as_ref() == Some(&now) && changed.is_empty() && gone.is_empty() {
            return None;
        }
        self.sequence += 1;
        let report = ZoneReport {
            full: self.told.is_none(),
            sequence: self.sequence,
            proxies: changed,
            gone,
            ..now.clone()
        };
        self.told = Some(now);
        self.proxies = proxies;
        Some(report)
    }
}

/// A settled proxy moves on with its zone: the global knows that without being told.
fn differs(told: &ProxyReport, now: &ProxyReport) -> bool {
    let without_revisions = |report: &ProxyReport| {
        let settled = report.connected && !report.pending && report.rejections.is_empty();
        ProxyReport {
            sent: if settled { 0 } else { report.sent },
            acknowledged: if settled { 0 } else { report.acknowledged },
            ..report.clone()
        }
    };
    without_revisions(told) != without_revisions(now)
}

#[cfg(test)]
mod tests;
