//! What a kind is: its descriptor, and the two functions that its file provides.

use prost::Message;

use crate::violation::Violations;

/// Whether resources of a kind live in a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a mesh; the key has its name.
    Mesh,
    /// Outside of meshes; the key's mesh is empty.
    Global,
}

/// Who may read and write a kind through REST (control-plane-api §8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every authenticated user reads, writers write.
    Open,
    /// Admins only, listing included.
    Admin,
    /// Not served by REST at all.
    Internal,
}

/// Which control plane a rule is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The replicated global.
    Global,
    /// A zone of this name that follows a global.
    Zone(String),
}

/// KDS flags of a kind (resources §1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncFlags {
    /// A zone subscribes to it.
    pub consumed_by_zone: bool,
    /// A global subscribes to it.
    pub consumed_by_global: bool,
    /// A zone may own some.
    pub provided_by_zone: bool,
    /// A global may own some.
    pub provided_by_global: bool,
}

impl SyncFlags {
    /// Written at the global, copied to zones.
    pub const GLOBAL_TO_ZONE: Self = Self::flags(true, false, false, true);
    /// Written in zones, copied to the global.
    pub const ZONE_TO_GLOBAL: Self = Self::flags(false, true, true, false);
    /// Both of the above.
    pub const BOTH: Self = Self::flags(true, true, true, true);
    /// Written in both places; only the global's copies travel, down.
    pub const DOWN_AND_LOCAL: Self = Self::flags(true, false, true, true);
    /// Written in both places, never synced.
    pub const LOCAL: Self = Self::flags(false, false, true, true);

    const fn flags(
        consumed_by_zone: bool,
        consumed_by_global: bool,
        provided_by_zone: bool,
        provided_by_global: bool,
    ) -> Self {
        Self {
            consumed_by_zone,
            consumed_by_global,
            provided_by_zone,
            provided_by_global,
        }
    }

    /// Whether users may write the kind in this mode.
    pub fn writable_in(self, mode: &Mode) -> bool {
        match mode {
            Mode::Global => self.provided_by_global,
            Mode::Zone(_) => self.provided_by_zone,
        }
    }
}

/// Everything about a kind that is data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Type name as in YAML and as KDS type URL, e.g. `MeshGateway`.
    pub name: &'static str,
    /// REST path, e.g. `meshgateways`.
    pub plural: &'static str,
    /// Other REST paths of the same kind.
    pub aliases: &'static [&'static str],
    /// Names that the CLI takes beside `name` and `plural`, e.g. `dp`.
    pub short_names: &'static [&'static str],
    /// Mesh or global.
    pub scope: Scope,
    /// KDS directions.
    pub sync: SyncFlags,
    /// REST access.
    pub access: Access,
    /// Full name of the spec's protobuf message.
    pub message: &'static str,
    /// Whether a Kuma global hashes its names on the way to a zone (kds §4.2).
    pub hashed: bool,
    /// Whether the Kubernetes object is namespaced.
    pub namespaced: bool,
}

impl Descriptor {
    /// A kind that people write at the global, in a mesh, and that every zone follows: all of Kuma's
    /// source/destination policies (resources §1.7, kds §4.2).
    pub(crate) const fn policy(
        name: &'static str,
        plural: &'static str,
        short_names: &'static [&'static str],
        message: &'static str,
    ) -> Self {
        Self {
            name,
            plural,
            aliases: &[],
            short_names,
            scope: Scope::Mesh,
            sync: SyncFlags::GLOBAL_TO_ZONE,
            access: Access::Open,
            message,
            hashed: true,
            namespaced: false,
        }
    }
}

/// What defaulting and validation may know beside the spec.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Global or zone.
    pub mode: &'a Mode,
    /// Mesh of the resource, empty for global scope.
    pub mesh: &'a str,
    /// Name of the resource.
    pub name: &'a str,
    /// True when the resource does not exist yet.
    pub create: bool,
}

/// A kind: one implementation per file in `kinds/`.
pub trait Kind: Send + Sync + 'static {
    /// The spec's message.
    type Spec: Message + Default + Clone + PartialEq;

    /// Everything that is data.
    const DESCRIPTOR: Descriptor;

    /// Fills in what the control plane writes into a stored object (resources §3.14).
    fn set_defaults(_spec: &mut Self::Spec, _context: &Context<'_>) {}

    /// All that is wrong with the spec by Kuma's own rules: nothing that Kuma stores is refused here, so that
    /// resources which arrive by KDS can be held against the same rules.
    fn validate(spec: &Self::Spec, context: &Context<'_>) -> Violations;

    /// What Kuma would store although Envoy refuses it or it breaks later: REST and CLI refuse it at the door,
    /// KDS does not (decisions.md, "input that Kuma accepts and Envoy refuses").
    fn validate_strict(_spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        Violations::new()
    }

    /// Labels that follow from the spec (kds §4.8), e.g. the proxy type.
    fn computed_labels(_spec: &Self::Spec) -> ComputedLabels {
        Vec::new()
    }
}

/// Labels that follow from a spec: keys and values.
pub type ComputedLabels = Vec<(&'static str, String)>;

type Check = fn(&[u8], &Context<'_>) -> Result<Violations, prost::DecodeError>;

/// A kind without its type, for code that serves all kinds alike.
#[derive(Clone, Copy, Debug)]
pub struct KindEntry {
    /// Everything that is data.
    pub descriptor: Descriptor,
    validate: Check,
    validate_strict: Check,
    normalize: fn(&[u8]) -> Result<Vec<u8>, prost::DecodeError>,
    computed_labels: fn(&[u8]) -> Result<ComputedLabels, prost::DecodeError>,
    set_defaults: fn(&[u8], &Context<'_>) -> Result<Vec<u8>, prost::DecodeError>,
}

impl KindEntry {
    /// The entry of kind `K`.
    pub const fn of<K: Kind>() -> Self {
        Self {
            descriptor: K::DESCRIPTOR,
            validate: |spec, context| Ok(K::validate(&K::Spec::decode(spec)?, context)),
            validate_strict: |spec, context| {
                Ok(K::validate_strict(&K::Spec::decode(spec)?, context))
            },
            normalize: |spec| Ok(K::Spec::decode(spec)?.encode_to_vec()),
            computed_labels: |spec| Ok(K::computed_labels(&K::Spec::decode(spec)?)),
            set_defaults: |spec, context| {
                let mut spec = K::Spec::decode(spec)?;
                K::set_defaults(&mut spec, context);
                Ok(spec.encode_to_vec())
            },
        }
    }

    /// Validates an encoded spec by Kuma's rules.
    ///
    /// # Errors
    /// When the bytes are not the kind's message.
    pub fn validate(
        &self,
        spec: &[u8],
        context: &Context<'_>,
    ) -> Result<Violations, prost::DecodeError> {
        (self.validate)(spec, context)
    }

    /// What only REST and CLI refuse in an encoded spec (see [`Kind::validate_strict`]).
    ///
    /// # Errors
    /// When the bytes are not the kind's message.
    pub fn validate_strict(
        &self,
        spec: &[u8],
        context: &Context<'_>,
    ) -> Result<Violations, prost::DecodeError> {
        (self.validate_strict)(spec, context)
    }

    /// The one encoding of a spec: maps ordered, defaults and unknown fields left out.
    ///
    /// # Errors
    /// When the bytes are not the kind's message.
    pub fn normalize(&self, spec: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
        (self.normalize)(spec)
    }

    /// Labels that follow from an encoded spec, with their values.
    ///
    /// # Errors
    /// When the bytes are not the kind's message.
    pub fn computed_labels(
        &self,
        spec: &[u8],
    ) -> Result<Vec<(&'static str, String)>, prost::DecodeError> {
        (self.computed_labels)(spec)
    }

    /// An encoded spec with its defaults.
    ///
    /// # Errors
    /// When the bytes are not the kind's message.
    pub fn set_defaults(
        &self,
        spec: &[u8],
        context: &Context<'_>,
    ) -> Result<Vec<u8>, prost::DecodeError> {
        (self.set_defaults)(spec, context)
    }
}
