//! `PUT /torii/resources`: several documents, YAML or JSON, as one revision or not at all.

use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde::Serialize;
use torii_resource::{ParsedResource, ResourceKey, Revision};
use torii_store::Outcome;

use crate::call::Call;
use crate::decode::{self, Decoded};
use crate::json;
use crate::negotiate::{self, Refused};
use crate::plan::{Fault, Intent, What};
use crate::precondition::Precondition;
use crate::problem::{Parameter, Problem};
use crate::read::stamped;
use crate::write::{self, Refusal, Written};

const TITLE: &str = "Could not process the resources";

/// What was done with the documents.
#[derive(Serialize)]
struct Applied {
    /// Revision that has all of them.
    revision: Revision,
    documents: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    /// Counted from 0.
    document: usize,
    r#type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    mesh: String,
    name: String,
    /// `Created`, `Updated` or `Unchanged`.
    outcome: Outcome,
}

/// Applies the documents of the body.
pub(crate) async fn apply(call: Call) -> Response {
    if call.method != Method::PUT {
        return negotiate::no_method("PUT");
    }
    applied(&call)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn applied(call: &Call) -> Result<Response, Refused> {
    negotiate::require_yaml_or_json(&call.headers)?;
    let batch = Sorted::of(decode::documents(&call.body)?);
    if batch.intents.is_empty() && batch.wrong.is_empty() {
        return Err(Problem::bad_request("the body has no document").into());
    }
    let written = if batch.wrong.is_empty() {
        write::all(&call.api, &call.identity, &batch.intents).await
    } else {
        write::judge(&call.api, &call.identity, &batch.intents)
            .await
            .map(|()| Vec::new())
    };
    match written {
        Ok(written) if batch.wrong.is_empty() => Ok(answer(call, &batch, written)),
        Ok(_) => Err(batch.problem(Vec::new()).into()),
        Err(Refusal::Faults(faults)) => Err(batch.problem(faults).into()),
        Err(Refusal::Whole(problem)) => Err(problem.into()),
    }
}

fn answer(call: &Call, batch: &Sorted, written: Vec<Written>) -> Response {
    let revision = written.iter().map(|one| one.revision).max();
    let revision = revision.unwrap_or_else(|| call.api.store.view().revision());
    let documents = batch.intents.iter().zip(written).enumerate();
    let applied = Applied {
        revision,
        documents: documents
            .map(|(index, (intent, one))| document(index, intent.key(), one.outcome))
            .collect(),
    };
    stamped(json::response(StatusCode::OK, &applied), revision)
}

fn document(index: usize, key: &ResourceKey, outcome: Outcome) -> Document {
    Document {
        document: index,
        r#type: key.kind.as_str().to_owned(),
        mesh: key.mesh.clone(),
        name: key.name.clone(),
        outcome,
    }
}

/// The documents of a batch: those that could be read, and what is wrong with the others.
struct Sorted {
    intents: Vec<Intent>,
    /// The document of each intent.
    numbers: Vec<usize>,
    wrong: Vec<Parameter>,
    /// Number of documents that could not be read.
    unread: usize,
}

impl Sorted {
    fn of(documents: Vec<Decoded>) -> Self {
        let mut sorted = Self {
            intents: Vec::with_capacity(documents.len()),
            numbers: Vec::with_capacity(documents.len()),
            wrong: Vec::new(),
            unread: 0,
        };
        for (number, document) in documents.into_iter().enumerate() {
            match document {
                Ok(resource) => {
                    sorted.intents.push(intent(resource));
                    sorted.numbers.push(number);
                }
                Err(refused) => {
                    sorted.unread += 1;
                    let parameters = refused.violations.into_iter().map(|violation| Parameter {
                        field: violation.field,
                        reason: violation.reason,
                        document: Some(number),
                        resource: Some(refused.resource.clone())
                            .filter(|resource| !resource.is_empty()),
                    });
                    sorted.wrong.extend(parameters);
                }
            }
        }
        sorted
    }

    /// One problem of many: every field of every document, each with its document's number and resource.
    fn problem(self, faults: Vec<Fault>) -> Problem {
        let status = match faults.first().map(|fault| fault.problem.status) {
            Some(first)
                if self.unread == 0 && faults.iter().all(|fault| fault.problem.status == first) =>
            {
                first
            }
            _ => StatusCode::BAD_REQUEST,
        };
        let refused = faults.len() + self.unread;
        let documents = self.intents.len() + self.unread;
        let detail = format!("{refused} of {documents} documents are refused; nothing was stored");
        let mut parameters = self.wrong;
        for fault in faults {
            let number = self.numbers.get(fault.index).copied();
            let resource = self
                .intents
                .get(fault.index)
                .map(|intent| intent.key().to_string());
            parameters.extend(
                faulty(fault.problem)
                    .into_iter()
                    .map(|parameter| Parameter {
                        document: number,
                        resource: resource.clone(),
                        ..parameter
                    }),
            );
        }
        parameters.sort_by_key(|parameter| parameter.document);
        Problem {
            parameters,
            ..Problem::new(status, TITLE, detail)
        }
    }
}

fn intent(resource: ParsedResource) -> Intent {
    Intent {
        what: What::Put(Box::new(resource)),
        precondition: Precondition::None,
    }
}

/// The parameters of a document's problem; its words stand for those that it does not have.
fn faulty(problem: Problem) -> Vec<Parameter> {
    if problem.parameters.is_empty() {
        return vec![Parameter {
            reason: format!("{}: {}", problem.title, problem.detail.trim_end()),
            ..Parameter::default()
        }];
    }
    problem.parameters
}
