//! From committed batches to desired configuration: the one task that owns the mesh index.
//!
//! Work follows the change: only proxies that a batch touched and that have a stream are rendered. What is rendered is
//! decided by `torii-mesh` and `torii-render`; this file only passes things on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use torii_ads::Desired;
use torii_mesh::{Index, ProxyId, Touched};
use torii_render::{PartError, Rendered, render_gateway};
use torii_resource::Revision;
use torii_store::{Batch, Event, Store, View};
use torii_sync::Mark;

use crate::local;
use crate::metrics;
use crate::slots::Slots;

/// At most this many proxies are rendered on the engine's own task; more of them go to the blocking pool.
const INLINE: usize = 4;
/// Proxies rendered by one job of the blocking pool.
const CHUNK: usize = 32;

/// How far the engine is: the newest mark of the global whose effect is in every slot, and the zone's own revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generated {
    /// Mark of the global; none before the first one.
    pub(crate) mark: Option<Mark>,
    /// Revision of the zone's own store.
    pub(crate) local: Revision,
}

/// What other tasks see of the engine.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    wishes: mpsc::UnboundedSender<Wish>,
    generated: watch::Receiver<Generated>,
    picture: watch::Receiver<Arc<Picture>>,
}

/// What other tasks ask of the engine.
#[derive(Debug)]
enum Wish {
    /// The first stream of a proxy has opened.
    Render(ProxyId),
    /// The copy of the global is at this mark since this revision of the zone's own store, without any change.
    Followed(Mark, Revision),
}

/// Every builtin gateway of the zone, and what cannot be served of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    /// All builtin gateway Dataplanes, connected or not.
    pub(crate) proxies: BTreeSet<ProxyId>,
    /// By proxy: parts left out, and surprises.
    pub(crate) faults: BTreeMap<ProxyId, Vec<PartError>>,
    /// Resources that cannot be read.
    pub(crate) unreadable: Vec<torii_mesh::Problem>,
}

impl Handle {
    /// Asks for the configuration of a proxy whose first stream has opened.
    pub(crate) fn render(&self, id: ProxyId) {
        // The engine is gone only when the process ends.
        let _ = self.wishes.send(Wish::Render(id));
    }

    /// Says that the copy of the global has reached a mark that changed nothing here, so that no batch tells it.
    pub(crate) fn followed(&self, mark: Mark, local: Revision) {
        let _ = self.wishes.send(Wish::Followed(mark, local));
    }

    /// How far the engine is.
    pub(crate) fn generated(&self) -> watch::Receiver<Generated> {
        self.generated.clone()
    }

    /// What it knows about the gateways.
    pub(crate) fn picture(&self) -> watch::Receiver<Arc<Picture>> {
        self.picture.clone()
    }
}

/// The engine's own side.
#[derive(Debug)]
pub(crate) struct Engine {
    store: Store,
    slots: Slots,
    index: Index,
    wishes: mpsc::UnboundedReceiver<Wish>,
    /// A mark that counts once the engine has seen this revision of the zone's store.
    ahead: Option<(Mark, Revision)>,
    generated: watch::Sender<Generated>,
    picture: watch::Sender<Arc<Picture>>,
}

impl Engine {
    /// An engine that has read nothing yet, and the handle on it.
    pub(crate) fn new(zone: &str, store: Store, slots: Slots) -> (Self, Handle) {
        let (send_wish, wishes) = mpsc::unbounded_channel();
        let (generated, generated_seen) = watch::channel(Generated::default());
        let (picture, picture_seen) = watch::channel(Arc::default());
        let engine = Self {
            store,
            slots,
            index: Index::new(zone),
            wishes,
            ahead: None,
            generated,
            picture,
        };
        let handle = Handle {
            wishes: send_wish,
            generated: generated_seen,
            picture: picture_seen,
        };
        (engine, handle)
    }

    /// Follows the store until it stops.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let view = self.store.view();
        let mut feed = self.store.watch(view.revision());
        self.replace(&view).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                event = feed.next() => match event {
                    Some(Event::Batch(batch)) => self.batch(&batch).await,
                    Some(Event::Snapshot(view)) => self.replace(&view).await,
                    None => return,
                },
                Some(wish) = self.wishes.recv() => self.wish(wish).await,
            }
        }
    }

    async fn batch(&mut self, batch: &Batch) {
        let changes = batch
            .changes
            .iter()
            .map(|change| (change.key.clone(), change.after.clone()));
        let touched = self.index.apply(changes);
        let mut generated = self.generated.borrow().clone();
        generated.local = generated.local.max(batch.revision);
        if let Some(mark) = local::mark_in(batch) {
            generated.mark = Some(mark);
        }
        self.follow(touched, generated).await;
    }

    async fn replace(&mut self, view: &View) {
        let touched = self.index.replace(view.iter().cloned());
        let generated = Generated {
            mark: local::mark(view),
            local: view.revision(),
        };
        self.follow(touched, generated).await;
    }

    async fn wish(&mut self, wish: Wish) {
        let generated = self.generated.borrow().clone();
        match wish {
            // A stream may open before the index has the Dataplane that its proxy has just registered: then the batch
            // that brings it renders it.
            Wish::Render(id) => self.render(BTreeSet::from([id]), generated).await,
            Wish::Followed(mark, local) => {
                self.ahead = Some((mark, local));
                self.follow(Touched::default(), generated).await;
            }
        }
    }

    async fn follow(&mut self, touched: Touched, mut generated: Generated) {
        if let Some((mark, _)) = self.ahead.take_if(|(_, local)| *local <= generated.local) {
            let newer = generated.mark.as_ref().is_none_or(|known| !known.covers(&mark));
            if newer {
                generated.mark = Some(mark);
            }
        }
        let Touched { proxies, gone } = touched;
        if !gone.is_empty() || !proxies.is_empty() {
            self.note_proxies();
        }
        // A Dataplane that is gone keeps its Envoy's last configuration: its stream ends by its own rules.
        self.render(proxies, generated).await;
    }

    async fn render(&mut self, proxies: BTreeSet<ProxyId>, generated: Generated) {
        let revision = generated.mark.as_ref().map_or(Revision::ZERO, |mark| mark.revision);
        let views: Vec<_> = proxies
            .into_iter()
            .filter(|id| self.slots.wanted(id))
            .filter_map(|id| self.index.view(&id).map(|view| (id, view)))
            .collect();
        if !views.is_empty() {
            let started = Instant::now();
            let rendered = if views.len() <= INLINE {
                views.iter().map(|(id, view)| (id.clone(), render_gateway(view))).collect()
            } else {
                render_many(views).await
            };
            metrics::rendered(started.elapsed());
            self.publish(rendered, revision);
        }
        self.generated.send_if_modified(|known| {
            let moved = *known != generated;
            *known = generated;
            moved
        });
    }

    fn publish(&self, rendered: Vec<(ProxyId, Rendered)>, revision: Revision) {
        self.picture.send_if_modified(|picture| {
            let mut changed = false;
            for (id, rendered) in &rendered {
                let faults: Vec<_> = rendered.errors.iter().chain(&rendered.notes).cloned().collect();
                if picture.faults.get(id).map_or(!faults.is_empty(), |known| *known != faults) {
                    Arc::make_mut(picture).faults.insert(id.clone(), faults);
                    changed = true;
                }
            }
            changed
        });
        for (id, rendered) in rendered {
            let desired = Desired {
                revision,
                parts: Arc::new(rendered.parts),
            };
            self.slots.publish(&id, desired);
        }
    }

    fn note_proxies(&self) {
        let proxies: BTreeSet<ProxyId> = self.index.proxies().cloned().collect();
        let unreadable: Vec<_> = self.index.problems().collect();
        self.picture.send_if_modified(|picture| {
            if picture.proxies == proxies && picture.unreadable == unreadable {
                return false;
            }
            let picture = Arc::make_mut(picture);
            picture.faults.retain(|id, _| proxies.contains(id));
            picture.proxies = proxies;
            picture.unreadable = unreadable;
            true
        });
    }
}

/// Renders many proxies on the blocking pool, so that heartbeats and streams go on meanwhile.
async fn render_many(views: Vec<(ProxyId, torii_mesh::GatewayView)>) -> Vec<(ProxyId, Rendered)> {
    let mut jobs = tokio::task::JoinSet::new();
    let mut views = views.into_iter().peekable();
    while views.peek().is_some() {
        let chunk: Vec<_> = views.by_ref().take(CHUNK).collect();
        jobs.spawn_blocking(move || {
            chunk
                .into_iter()
                .map(|(id, view)| {
                    let rendered = render_gateway(&view);
                    (id, rendered)
                })
                .collect::<Vec<_>>()
        });
    }
    let mut rendered = Vec::new();
    while let Some(job) = jobs.join_next().await {
        match job {
            Ok(some) => rendered.extend(some),
            Err(error) => tracing::error!(%error, "rendering failed; the proxies concerned keep what they have"),
        }
    }
    rendered
}
