//! The status stream: what each proxy of the zone has, told to the global as it changes. Nothing is told on a timer.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::Channel;

use torii_proto::torii::status::v1::ZoneReport;
use torii_proto::torii::status::v1::zone_status_client::ZoneStatusClient;
use torii_sync::kuma::MESSAGE_LIMIT;

use super::{Upstream, connect};
use crate::report::{self, Teller};

/// Runs the stream until it ends; says why. A global without this service (Kuma's) is asked no more on this connection.
pub(super) async fn run(upstream: &Upstream, channel: Channel) -> String {
    let (queue, reports) = mpsc::channel(1);
    let request = match connect::request(upstream, ReceiverStream::new(reports)).await {
        Ok(request) => request,
        Err(error) => return error.to_string(),
    };
    let mut client = ZoneStatusClient::new(channel).max_encoding_message_size(MESSAGE_LIMIT);
    let mut acks = match client.report(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) if status.code() == Code::Unimplemented => return std::future::pending().await,
        Err(status) => return status.to_string(),
    };
    let reading = async {
        loop {
            match acks.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return "the global closed the status stream".to_owned(),
                Err(status) => return status.to_string(),
            }
        }
    };
    tokio::select! {
        ended = reading => ended,
        () = write(upstream, queue) => "the status stream is closed".to_owned(),
    }
}

async fn write(upstream: &Upstream, queue: mpsc::Sender<ZoneReport>) {
    let mut generated = upstream.engine.generated();
    let mut picture = upstream.engine.picture();
    let mut proxies = upstream.reports.changes();
    let mut standing = upstream.standing.subscribe();
    let mut teller = Teller::default();
    loop {
        // A place in the queue first: what changes while the connection is slow is told once, as it is then.
        let Ok(place) = queue.reserve().await else {
            return;
        };
        let now = {
            let generated = generated.borrow_and_update().clone();
            let picture = std::sync::Arc::clone(&picture.borrow_and_update());
            proxies.mark_unchanged();
            let standing = standing.borrow_and_update().clone();
            let reports = report::proxies(&picture, &generated, &upstream.slots, &upstream.reports);
            teller.next(head(upstream, &generated, &picture, &standing), reports)
        };
        match now {
            Some(report) => place.send(report),
            None => drop(place),
        }
        tokio::select! {
            Ok(()) = generated.changed() => {}
            Ok(()) = picture.changed() => {}
            Ok(()) = proxies.changed() => {}
            Ok(()) = standing.changed() => {}
            else => return,
        }
    }
}

/// A report without its proxies.
fn head(
    upstream: &Upstream,
    generated: &crate::regen::Generated,
    picture: &crate::regen::Picture,
    standing: &super::Standing,
) -> ZoneReport {
    let mark = generated.mark.clone();
    ZoneReport {
        zone: upstream.config.name.clone(),
        cluster_id: mark
            .as_ref()
            .map(|mark| mark.cluster_id.clone())
            .unwrap_or_default(),
        epoch: mark.as_ref().map_or(0, |mark| mark.epoch),
        revision: mark.as_ref().map_or(0, |mark| mark.revision.0),
        guard: standing.guard.clone(),
        version: upstream.about.version.clone(),
        problems: report::problems(picture),
        ..ZoneReport::default()
    }
}
