//! The services of the KDS port: sync, Kuma's health check, and the status of Torii zones.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use torii_api::About;
use torii_auth::KeyRing;
use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_proto::kuma::mesh::v1alpha1::global_kds_service_server::{
    GlobalKdsService, GlobalKdsServiceServer,
};
use torii_proto::kuma::mesh::v1alpha1::sync::server::{KDSSyncService, KDSSyncServiceServer};
use torii_proto::kuma::mesh::v1alpha1::{
    ClustersRequest, ClustersResponse, StatsRequest, StatsResponse, XdsConfigRequest,
    XdsConfigResponse, ZoneHealthCheckRequest, ZoneHealthCheckResponse,
};
use torii_proto::torii::status::v1::zone_status_server::{ZoneStatus, ZoneStatusServer};
use torii_proto::torii::status::v1::{ReportAck, ZoneReport};
use torii_runtime::clock;
use torii_store::Store;
use torii_sync::kuma::MESSAGE_LIMIT;
use torii_sync::pump;

use super::accept::{Accepted, accept};
use super::encode::Encoder;
use super::roster::{Direction, Roster};
use super::{down, reports, up};
use crate::status::share::Shared;

/// What every stream of every zone needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Zones {
    pub(crate) store: Store,
    pub(crate) keys: Arc<ArcSwap<KeyRing>>,
    pub(crate) shared: Shared,
    pub(crate) about: Arc<About>,
    /// Zones admitted without a token.
    pub(crate) unauthenticated: Arc<BTreeSet<String>>,
    pub(crate) encoder: Encoder,
    pub(crate) roster: Roster,
    pub(crate) stop: CancellationToken,
}

impl Zones {
    fn accept(&self, metadata: &MetadataMap) -> Result<Accepted, Status> {
        accept(metadata, &self.unauthenticated, &self.keys.load(), clock::now())
            .inspect_err(|status| tracing::warn!(code = ?status.code(), reason = status.message(), "a zone is not let in"))
    }
}

impl std::fmt::Debug for Zones {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Zones")
            .field("roster", &self.roster)
            .finish_non_exhaustive()
    }
}

/// What the KDS port serves.
pub(crate) fn router(zones: &Zones) -> Router {
    let sync = KDSSyncServiceServer::new(zones.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let global = GlobalKdsServiceServer::new(zones.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_LIMIT);
    let status = ZoneStatusServer::new(zones.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_LIMIT);
    Routes::new(sync)
        .add_service(global)
        .add_service(status)
        .prepare()
        .into_axum_router()
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl KDSSyncService for Zones {
    type GlobalToZoneSyncStream = Answers<DeltaDiscoveryResponse>;
    type ZoneToGlobalSyncStream = Answers<DeltaDiscoveryRequest>;

    async fn global_to_zone_sync(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::GlobalToZoneSyncStream>, Status> {
        let accepted = self.accept(request.metadata())?;
        let seat = self.roster.enter(&accepted.zone, Direction::Down);
        let (queue, responses) = mpsc::channel(pump::QUEUE);
        let (end, ended) = oneshot::channel();
        let requests = request.into_inner();
        tokio::spawn(down::serve(
            self.clone(),
            accepted,
            seat,
            requests,
            queue,
            end,
        ));
        let responses = pump::responses(responses, "global".to_owned());
        Ok(Response::new(Box::pin(pump::served(responses, ended))))
    }

    async fn zone_to_global_sync(
        &self,
        request: Request<Streaming<DeltaDiscoveryResponse>>,
    ) -> Result<Response<Self::ZoneToGlobalSyncStream>, Status> {
        let accepted = self.accept(request.metadata())?;
        let seat = self.roster.enter(&accepted.zone, Direction::Up);
        let (queue, requests) = mpsc::channel(pump::QUEUE);
        let (end, ended) = oneshot::channel();
        let node = up::node(self, &accepted.zone);
        let responses = request.into_inner();
        tokio::spawn(up::serve(
            self.clone(),
            accepted,
            seat,
            responses,
            queue,
            end,
        ));
        let requests = pump::requests(requests, node);
        Ok(Response::new(Box::pin(pump::served(requests, ended))))
    }
}

/// Envoy's configuration, statistics and clusters on demand are not offered yet: a zone takes `UNIMPLEMENTED` as such
/// (kds §6.2).
const NOT_OFFERED: &str = "this global does not ask zones about their proxies";

#[tonic::async_trait]
impl GlobalKdsService for Zones {
    type StreamXDSConfigsStream = Answers<XdsConfigRequest>;
    type StreamStatsStream = Answers<StatsRequest>;
    type StreamClustersStream = Answers<ClustersRequest>;

    async fn stream_xds_configs(
        &self,
        request: Request<Streaming<XdsConfigResponse>>,
    ) -> Result<Response<Self::StreamXDSConfigsStream>, Status> {
        self.accept(request.metadata())?;
        Err(Status::unimplemented(NOT_OFFERED))
    }

    async fn stream_stats(
        &self,
        request: Request<Streaming<StatsResponse>>,
    ) -> Result<Response<Self::StreamStatsStream>, Status> {
        self.accept(request.metadata())?;
        Err(Status::unimplemented(NOT_OFFERED))
    }

    async fn stream_clusters(
        &self,
        request: Request<Streaming<ClustersResponse>>,
    ) -> Result<Response<Self::StreamClustersStream>, Status> {
        self.accept(request.metadata())?;
        Err(Status::unimplemented(NOT_OFFERED))
    }

    /// Kuma's default answer: present and zero, "keep your interval" (recorded 2.13.9).
    async fn health_check(
        &self,
        request: Request<ZoneHealthCheckRequest>,
    ) -> Result<Response<ZoneHealthCheckResponse>, Status> {
        self.accept(request.metadata())?;
        Ok(Response::new(ZoneHealthCheckResponse {
            interval: Some(prost_types::Duration::default()),
        }))
    }
}

#[tonic::async_trait]
impl ZoneStatus for Zones {
    type ReportStream = Answers<ReportAck>;

    async fn report(
        &self,
        request: Request<Streaming<ZoneReport>>,
    ) -> Result<Response<Self::ReportStream>, Status> {
        let accepted = self.accept(request.metadata())?;
        let seat = self.roster.enter(&accepted.zone, Direction::Status);
        let (acks, answers) = mpsc::channel(reports::QUEUE);
        let (end, ended) = oneshot::channel();
        let reports = request.into_inner();
        tokio::spawn(reports::serve(
            self.clone(),
            accepted,
            seat,
            reports,
            acks,
            end,
        ));
        Ok(Response::new(Box::pin(pump::served(
            ReceiverStream::new(answers),
            ended,
        ))))
    }
}

#[cfg(test)]
mod tests;
