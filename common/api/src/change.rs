//! Changes that a control plane proposes itself, past the door for users: its first resources, and copies of what
//! another control plane owns. PURE: a state in, changes out.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;

use torii_proto::kuma::system::v1alpha1::Secret;
use torii_resource::{Resource, ResourceKey, Revision};
use torii_store::{Change, Expect, Op, Proposal};

/// Encoded contents of one proposal, in bytes, about: well below the store's limit for a command.
const CONTENTS: usize = 4 << 20;
/// What a change takes in a proposal beside its texts, about.
const AROUND: usize = 64;

/// Creates a resource that must not exist.
pub fn create(resource: Resource) -> Change {
    Change {
        expect: Expect::Absent,
        ..put(resource)
    }
}

/// Creates the secret of this key, which must not exist.
pub fn create_secret(key: ResourceKey, data: &str) -> Change {
    let secret = Secret {
        data: Some(data.as_bytes().to_vec()),
    };
    Change {
        key,
        expect: Expect::Absent,
        op: Op::Put {
            labels: BTreeMap::new(),
            spec: secret.encode_to_vec().into(),
            created: None,
        },
    }
}

/// Makes what is `stored` the same as the `copy`, provided that nobody changes it meanwhile; `None`: it is already.
pub fn copy(copy: Resource, stored: Option<&Resource>) -> Option<Change> {
    let Some(stored) = stored else {
        return Some(create(copy));
    };
    let alike = stored.labels == copy.labels
        && stored.spec == copy.spec
        && (copy.created.revision == Revision::ZERO || stored.created == copy.created);
    (!alike).then(|| Change {
        expect: Expect::Modified(stored.modified.revision),
        ..put(copy)
    })
}

/// Removes what is `stored`, provided that nobody changes it meanwhile.
pub fn remove(stored: &Resource) -> Change {
    Change {
        key: stored.key.clone(),
        expect: Expect::Modified(stored.modified.revision),
        op: Op::Delete,
    }
}

/// Changes as proposals that the store takes: one, unless there is too much for one. The marks are in the last, so
/// that they say "all of it".
pub fn proposals(changes: Vec<Change>, marks: BTreeMap<String, Option<Bytes>>) -> Vec<Proposal> {
    let mut proposals = Vec::new();
    let mut open = Proposal::default();
    let mut size = 0;
    for change in changes {
        let takes = size_of(&change);
        if size + takes > CONTENTS && !open.changes.is_empty() {
            proposals.push(std::mem::take(&mut open));
            size = 0;
        }
        size += takes;
        open.changes.push(change);
    }
    open.marks = marks;
    if !(open.changes.is_empty() && open.marks.is_empty()) {
        proposals.push(open);
    }
    proposals
}

/// A resource of another control plane keeps its creation there, if that one says it.
fn put(resource: Resource) -> Change {
    let created = (resource.created.revision > Revision::ZERO).then_some(resource.created);
    Change {
        key: resource.key,
        expect: Expect::Any,
        op: Op::Put {
            labels: resource.labels,
            spec: resource.spec,
            created,
        },
    }
}

fn size_of(change: &Change) -> usize {
    let contents = match &change.op {
        Op::Put { labels, spec, .. } => {
            let labels = labels
                .iter()
                .map(|(key, value)| key.len() + value.len() + 4);
            spec.len() + labels.sum::<usize>()
        }
        Op::Delete => 0,
    };
    AROUND + change.key.mesh.len() + change.key.name.len() + contents
}

#[cfg(test)]
mod tests {
    use torii_resource::kinds::Mesh;

    use super::*;

    fn mesh(name: &str, labels: &[(&str, &str)]) -> Resource {
        let mut mesh =
            Resource::new::<Mesh>("", name, &<Mesh as torii_resource::Kind>::Spec::default());
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        mesh.labels.extend(labels);
        mesh
    }

    #[test]
    fn a_copy_that_is_stored_alike_needs_no_change() {
        let mut stored = mesh("a", &[("x", "1")]);
        stored.modified.revision = Revision(7);
        assert_eq!(copy(mesh("a", &[("x", "1")]), Some(&stored)), None);
        let change = copy(mesh("a", &[("x", "2")]), Some(&stored)).unwrap();
        assert_eq!(change.expect, Expect::Modified(Revision(7)));
        assert_eq!(copy(mesh("a", &[]), None).unwrap().expect, Expect::Absent);
    }

    #[test]
    fn a_copy_of_another_age_is_a_change() {
        let stored = mesh("a", &[]);
        let mut older = mesh("a", &[]);
        older.created.revision = Revision(3);
        assert!(copy(older, Some(&stored)).is_some());
    }

    #[test]
    fn too_much_for_one_proposal_becomes_several_and_the_last_has_the_marks() {
        let large = || {
            let mut large = mesh("a", &[]);
            large.spec = vec![0; CONTENTS / 2].into();
            create(large)
        };
        let marks = BTreeMap::from([("m".to_owned(), None)]);
        let proposals = proposals(vec![large(), large(), large()], marks.clone());
        let sizes: Vec<_> = proposals
            .iter()
            .map(|proposal| proposal.changes.len())
            .collect();
        assert_eq!(sizes, [1, 1, 1]);
        let told: Vec<_> = proposals
            .into_iter()
            .map(|proposal| proposal.marks)
            .collect();
        assert_eq!(told, [BTreeMap::new(), BTreeMap::new(), marks]);
    }

    #[test]
    fn marks_alone_are_a_proposal_and_nothing_is_none() {
        assert!(proposals(Vec::new(), BTreeMap::new()).is_empty());
        let marks = BTreeMap::from([("m".to_owned(), Some(Bytes::new()))]);
        assert_eq!(proposals(Vec::new(), marks).len(), 1);
    }
}
