//! The status stream of one zone: what it reports, into this node's picture of all zones.

use tokio::sync::{mpsc, oneshot};
use tonic::{Status, Streaming};

use torii_proto::torii::status::v1::{ReportAck, ZoneReport};

use super::accept::Accepted;
use super::roster::Seat;
use super::server::Zones;
use super::session::until_ended;

/// Acknowledgements that wait for the connection.
pub(super) const QUEUE: usize = 16;

/// Serves a stream until it ends, and tells the client why.
pub(super) async fn serve(
    zones: Zones,
    accepted: Accepted,
    seat: Seat,
    reports: Streaming<ZoneReport>,
    acks: mpsc::Sender<ReportAck>,
    end: oneshot::Sender<Status>,
) {
    let streaming = receive(&zones, &accepted, reports, acks);
    let status = until_ended(&zones, &accepted, &seat, streaming).await;
    tracing::debug!(zone = %accepted.zone, reason = status.message(), "status stream ended");
    // The client may be gone already.
    let _ = end.send(status);
}

async fn receive(
    zones: &Zones,
    accepted: &Accepted,
    mut reports: Streaming<ZoneReport>,
    acks: mpsc::Sender<ReportAck>,
) -> Status {
    loop {
        let report = match reports.message().await {
            Ok(Some(report)) => report,
            Ok(None) => return Status::unavailable("the zone closed the status stream"),
            Err(status) => return status,
        };
        let sequence = report.sequence;
        zones.shared.report(&accepted.zone, report);
        if acks.send(ReportAck { sequence }).await.is_err() {
            return Status::unavailable("the zone does not read the acknowledgements");
        }
    }
}
