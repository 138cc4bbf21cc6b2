//! Which proxies may have a stream, and the Dataplanes that they bring along (control-plane-api §12.2, §12.3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::RwLock;
use tonic::Status;

use torii_ads::{Admission, FirstRequest, ProxyKey, ProxyStream, Reports};
use torii_api::change;
use torii_auth::KeyRing;
use torii_auth::rights::{Action, Identity, check};
use torii_auth::token::verify_dataplane;
use torii_mesh::ProxyId;
use torii_proto::envoy::google::protobuf::value::Kind as ValueKind;
use torii_resource::admission::admit;
use torii_resource::format::universal;
use torii_resource::kinds::Dataplane;
use torii_resource::{Mode, ParsedResource, ResourceKey};
use torii_runtime::{Shutdown, clock};
use torii_store::{Change, Error as StoreError, Expect, Op, Proposal, Store, View};

use crate::regen;
use crate::slots::{Hold, Slots};

/// Prefix of the store's marks for Dataplanes that a proxy brought along: only those are deleted when it goes.
const REGISTERED: &str = "registered/";
/// How long a registered proxy may stay away after the zone has started: Envoys reconnect with growing pauses.
const AFTER_START: Duration = Duration::from_secs(60);
/// How often a registration is tried when others change the same Dataplane.
const ATTEMPTS: usize = 8;

/// The zone's door for proxies. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) zone: Arc<str>,
    pub(crate) store: Store,
    pub(crate) keys: Arc<ArcSwap<KeyRing>>,
    pub(crate) slots: Slots,
    pub(crate) engine: regen::Handle,
    pub(crate) reports: Reports,
    pub(crate) grace: Duration,
    pub(crate) shutdown: Shutdown,
    /// Shared by proxies that register, exclusive to one that is deregistered: a Dataplane is not deleted under a proxy
    /// that has just come back.
    pub(crate) registry: Arc<RwLock<()>>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("zone", &self.zone)
            .finish_non_exhaustive()
    }
}

/// Lives as long as a proxy's stream.
#[derive(Debug)]
struct Guard {
    door: Door,
    id: ProxyId,
    hold: Option<Hold>,
}

impl Admission for Door {
    async fn admit(&self, first: &FirstRequest) -> Result<ProxyStream, Status> {
        let id = node_id(&first.node_id)?;
        let token = first.token.as_deref().unwrap_or_default();
        let brought = self.brought(&id, first)?;
        if let Some(resource) = &brought {
            self.prove(token, &id, &resource.spec, &resource.labels)?;
        }
        let coming = self.registry.read().await;
        // Before the Dataplane is there: from now on nobody deletes it for want of a stream.
        let (desired, hold) = self.slots.open(&id);
        match brought {
            Some(resource) => self.register(&id, token, &resource).await?,
            None => self.prove_stored(token, &id, &self.store.view())?,
        }
        drop(coming);
        if desired.borrow().is_none() {
            self.engine.render(id.clone());
        }
        let key = proxy_key(&id);
        let guard = Guard {
            door: self.clone(),
            id,
            hold: Some(hold),
        };
        Ok(ProxyStream {
            key,
            desired,
            guard: Box::new(guard),
        })
    }
}

impl Door {
    /// The Dataplane in the node's metadata, as strict as any written one.
    fn brought(
        &self,
        id: &ProxyId,
        first: &FirstRequest,
    ) -> Result<Option<ParsedResource>, Status> {
        let Some(text) = first
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.fields.get("dataplane.resource"))
        else {
            return Ok(None);
        };
        let Some(ValueKind::StringValue(text)) = &text.kind else {
            return Err(Status::invalid_argument(
                "metadata dataplane.resource: not a text",
            ));
        };
        parse_dataplane(text, id)
            .map(Some)
            .map_err(Status::invalid_argument)
    }

    /// Whether the token is for this proxy.
    pub(crate) fn prove(
        &self,
        token: &str,
        id: &ProxyId,
        spec: &Bytes,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Status> {
        let refused = |error: torii_auth::TokenError| {
            Status::unauthenticated(format!("Dataplane {id}: {error}"))
        };
        let claims =
            verify_dataplane(token, &id.mesh, &self.keys.load(), clock::now()).map_err(refused)?;
        let dataplane =
            <torii_proto::kuma::mesh::v1alpha1::Dataplane as prost::Message>::decode(spec.clone())
                .map_err(|error| Status::invalid_argument(format!("Dataplane {id}: {error}")))?;
        claims
            .check(&id.mesh, &id.name, labels, &dataplane)
            .map_err(refused)?;
        let identity = Identity::Dataplane {
            mesh: id.mesh.clone(),
            name: id.name.clone(),
        };
        check(&identity, Action::Ads)
            .map_err(|denied| Status::permission_denied(denied.to_string()))
    }

    /// Whether the token is for the stored Dataplane.
    fn prove_stored(&self, token: &str, id: &ProxyId, view: &View) -> Result<(), Status> {
        let stored = view.get(&key(id)).ok_or_else(|| {
            Status::not_found(format!(
                "Dataplane {id} does not exist in this zone: apply it here, or start the proxy with a Dataplane file"
            ))
        })?;
        self.prove(token, id, &stored.spec, &stored.labels)
    }

    /// Stores the Dataplane that a proxy brings, with a mark that it did.
    async fn register(
        &self,
        id: &ProxyId,
        token: &str,
        resource: &ParsedResource,
    ) -> Result<(), Status> {
        let mode = Mode::Zone(self.zone.to_string());
        for _ in 0..ATTEMPTS {
            let view = self.store.view();
            // A proxy that would replace a stored Dataplane must be allowed to be that one, not only the one it brings.
            if view.get(&resource.key).is_some() {
                self.prove_stored(token, id, &view)?;
            }
            let proposal = registration(&view, id, resource, &mode)?;
            match self.store.propose(proposal).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(Status::unavailable(error.to_string())),
            }
        }
        Err(Status::unavailable(format!(
            "Dataplane {id}: others keep changing it"
        )))
    }

    /// Deregisters a proxy that stays away for longer than `grace`.
    fn miss(&self, id: ProxyId, grace: Duration) {
        if self.shutdown.is_stopping() {
            return;
        }
        let door = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = door.shutdown.stopping() => {}
                () = tokio::time::sleep(grace) => door.deregister(&id).await,
            }
        });
    }

    /// Deletes the Dataplane of a proxy that has no stream, if the proxy brought it.
    async fn deregister(&self, id: &ProxyId) {
        let _leaving = self.registry.write().await;
        if self.slots.wanted(id) {
            return;
        }
        for _ in 0..ATTEMPTS {
            let view = self.store.view();
            let Some(proposal) = farewell(&view, id) else {
                break;
            };
            match self.store.propose(proposal).await {
                Ok(_) => tracing::info!(proxy = %id, "a proxy has gone, and its Dataplane with it"),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => {
                    tracing::warn!(proxy = %id, %error, "the Dataplane of a proxy that went away stays");
                    return;
                }
            }
        }
        if self.store.view().get(&key(id)).is_none() {
            self.reports.forget(&proxy_key(id));
        }
    }

    /// After a start: proxies that registered before and do not come back are missed as well.
    pub(crate) fn miss_those_who_registered_before(&self) {
        let view = self.store.view();
        for (name, _) in view.marks() {
            let id = name
                .strip_prefix(REGISTERED)
                .and_then(|rest| rest.split_once('/'));
            if let Some((mesh, name)) = id {
                let id = ProxyId {
                    mesh: mesh.to_owned(),
                    name: name.to_owned(),
                };
                self.miss(id, AFTER_START.max(self.grace));
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The hold first: whether another stream holds the slot is what the grace period looks at.
        drop(self.hold.take());
        self.door.miss(self.id.clone(), self.door.grace);
    }
}

/// What registers a proxy with the Dataplane that it brings.
///
/// # Errors
/// When a zone may not have such a Dataplane.
fn registration(
    view: &View,
    id: &ProxyId,
    resource: &ParsedResource,
    mode: &Mode,
) -> Result<Proposal, Status> {
    let existing = view.get(&resource.key);
    let admitted = admit(resource, existing.map(|stored| &**stored), mode)
        .map_err(|violations| Status::invalid_argument(format!("Dataplane {id}: {violations}")))?;
    let change = Change {
        key: resource.key.clone(),
        expect: existing.map_or(Expect::Absent, |stored| {
            Expect::Modified(stored.modified.revision)
        }),
        op: Op::Put {
            labels: admitted.labels,
            spec: admitted.spec,
            created: None,
        },
    };
    // A Dataplane that somebody wrote stays when the proxy goes; one that a proxy brought does not.
    let ours = existing.is_none() || view.mark(&mark(id)).is_some();
    let marks = ours.then(|| (mark(id), Some(Bytes::from_static(b"1"))));
    Ok(Proposal {
        changes: vec![change],
        marks: marks.into_iter().collect(),
    })
}

/// The Dataplane and its mark go together; nothing when the proxy did not bring it.
fn farewell(view: &View, id: &ProxyId) -> Option<Proposal> {
    view.mark(&mark(id))?;
    let stored = view.get(&key(id));
    Some(Proposal {
        changes: stored.iter().map(|stored| change::remove(stored)).collect(),
        marks: BTreeMap::from([(mark(id), None)]),
    })
}

pub(crate) fn key(id: &ProxyId) -> ResourceKey {
    ResourceKey::of::<Dataplane>(&id.mesh, &id.name)
}

fn proxy_key(id: &ProxyId) -> ProxyKey {
    ProxyKey {
        mesh: id.mesh.clone(),
        name: id.name.clone(),
    }
}

fn mark(id: &ProxyId) -> String {
    format!("{REGISTERED}{}/{}", id.mesh, id.name)
}

/// `<mesh>.<name>`, split at the first dot.
fn node_id(text: &str) -> Result<ProxyId, Status> {
    match text.split_once('.') {
        Some((mesh, name)) if !mesh.is_empty() && !name.is_empty() => Ok(ProxyId {
            mesh: mesh.to_owned(),
            name: name.to_owned(),
        }),
        _ => Err(Status::invalid_argument(format!(
            "the node id {text:?} is not <mesh>.<name> of a Dataplane"
        ))),
    }
}

/// The Dataplane that a proxy sends as text.
///
/// # Errors
/// What is wrong with it, in words for the proxy's log.
pub(crate) fn parse_dataplane(text: &str, id: &ProxyId) -> Result<ParsedResource, String> {
    let documents = universal::parse(text, "dataplane").map_err(|error| error.to_string())?;
    let mut documents = documents.into_iter();
    let resource = match (documents.next(), documents.next()) {
        (Some(one), None) => one.resource,
        _ => return Err(format!("Dataplane {id}: exactly one resource is expected")),
    };
    if resource.key != key(id) {
        return Err(format!(
            "the resource is {}, the proxy is Dataplane {id}: they must be the same",
            resource.key
        ));
    }
    Ok(resource)
}

#[cfg(test)]
mod tests;
