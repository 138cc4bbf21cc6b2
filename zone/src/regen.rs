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
use torii_mesh::{GatewayView, Index, ProxyId, Touched};
use torii_render::{PartError, Rendered, Renderer};
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
            // A batch may have overtaken the wish: the mark counts if it is newer, or if the store has it still.
            let newer = generated.mark.as_ref().is_some_and(|known| *known < mark);
            if newer || local::mark(&self.store.view()).as_ref() == Some(&mark) {
                generated.mark = Some(mark);
            }
        }
        let known = self.generated.borrow().mark.clone();
        if known.is_some_and(|known| starts_over(&known, generated.mark.as_ref())) {
            self.slots.start_over();
        }
        let Touched { proxies, gone } = touched;
        if !gone.is_empty() || !proxies.is_empty() {
            self.note_proxies();
        }
        // A Dataplane that is gone keeps its Envoy's last configuration: its stream ends by its own rules.
        self.render(proxies, generated).await;
    }

    async fn render(&mut self, proxies: BTreeSet<ProxyId>, generated: Generated) {
        let revision = generated
            .mark
            .as_ref()
            .map_or(Revision::ZERO, |mark| mark.revision);
        let jobs: Vec<_> = proxies
            .into_iter()
            .filter_map(|id| {
                // First: most proxies of a big zone may be connected to other nodes.
                let renderer = self.slots.take(&id)?;
                let view = self.index.view(&id)?;
                Some(Job { id, view, renderer })
            })
            .collect();
        if !jobs.is_empty() {
            let started = Instant::now();
            let done = if jobs.len() <= INLINE {
                jobs.into_iter().map(Job::run).collect()
            } else {
                run_many(jobs).await
            };
            metrics::rendered(started.elapsed());
            self.publish(done, revision);
        }
        self.generated.send_if_modified(|known| {
            let moved = *known != generated;
            *known = generated;
            moved
        });
    }

    fn publish(&self, done: Vec<Done>, revision: Revision) {
        self.picture.send_if_modified(|picture| {
            let mut changed = false;
            for Done { id, rendered, .. } in &done {
                let faults: Vec<_> = rendered
                    .errors
                    .iter()
                    .chain(&rendered.notes)
                    .cloned()
                    .collect();
                if picture
                    .faults
                    .get(id)
                    .map_or(!faults.is_empty(), |known| *known != faults)
                {
                    Arc::make_mut(picture).faults.insert(id.clone(), faults);
                    changed = true;
                }
            }
            changed
        });
        for Done {
            id,
            rendered,
            renderer,
        } in done
        {
            let desired = Desired {
                revision,
                parts: Arc::new(rendered.parts),
            };
            self.slots.publish(&id, desired, renderer);
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

/// Whether revisions after `known` may be lower: an operator has accepted another global, or one that lost data.
fn starts_over(known: &Mark, now: Option<&Mark>) -> bool {
    now.is_some_and(|now| {
        (&now.cluster_id, now.epoch) != (&known.cluster_id, known.epoch)
            || now.revision < known.revision
    })
}

/// One proxy to render. The renderer goes with it and comes back with what was rendered.
struct Job {
    id: ProxyId,
    view: GatewayView,
    renderer: Renderer,
}

/// A proxy that was rendered.
struct Done {
    id: ProxyId,
    rendered: Rendered,
    renderer: Renderer,
}

impl Job {
    fn run(mut self) -> Done {
        Done {
            rendered: self.renderer.render(self.view),
            id: self.id,
            renderer: self.renderer,
        }
    }
}

/// Renders many proxies on the blocking pool, so that heartbeats and streams go on meanwhile.
async fn run_many(jobs: Vec<Job>) -> Vec<Done> {
    let mut chunks = tokio::task::JoinSet::new();
    let mut jobs = jobs.into_iter().peekable();
    while jobs.peek().is_some() {
        let chunk: Vec<_> = jobs.by_ref().take(CHUNK).collect();
        chunks.spawn_blocking(move || chunk.into_iter().map(Job::run).collect::<Vec<_>>());
    }
    let mut done = Vec::new();
    while let Some(chunk) = chunks.join_next().await {
        match chunk {
            Ok(some) => done.extend(some),
            Err(error) => {
                tracing::error!(%error, "rendering failed; the proxies concerned keep what they have")
            }
        }
    }
    done
}
