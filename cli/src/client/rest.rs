//! A call to a control plane of one or several nodes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Response, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use crate::context::{Secret, Target};

use super::retry::Attempt;
use super::{Broken, Call, ClientError, Problem, Wire};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 << 20;
/// Pause before all nodes are asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// A client of one control plane.
#[derive(Clone, Debug)]
pub struct Client {
    wire: Wire,
    addresses: Vec<Uri>,
    token: Option<Secret>,
    patience: Duration,
}

/// An answer below 400, or one that the caller asked to see.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) address: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

struct Reached {
    address: String,
    response: Response<Incoming>,
    /// An earlier attempt may have done it already.
    repeated: bool,
}

impl Client {
    /// A client of this control plane. Nothing is sent yet.
    ///
    /// # Errors
    /// When the CA cannot be used.
    pub fn new(target: &Target) -> Result<Self, ClientError> {
        Ok(Self {
            wire: Wire::new(&target.ca)?,
            addresses: target.addresses.clone(),
            token: target.token.clone(),
            patience: Duration::from_secs(15),
        })
    }

    /// How long a control plane without a leader is asked again and again; 15 s by default.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Calls, reads the whole answer, and turns a refusal into an error. `place` names a document of the body.
    pub(super) async fn call_with(
        &self,
        call: &Call,
        place: impl Fn(usize) -> String,
    ) -> Result<Answer, ClientError> {
        let Reached {
            address,
            response,
            repeated,
        } = self.reach(call).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| {
                let reason = error.to_string();
                let address = address.clone();
                if call.idempotent {
                    ClientError::Strange { address, reason }
                } else {
                    ClientError::Unsure { address, reason }
                }
            })?
            .to_bytes();
        if head.status.as_u16() >= 400 {
            // A deletion that was repeated finds nothing: the first attempt has done it.
            let problem = Problem::parse(head.status.as_u16(), &body, place);
            if !(repeated && problem.status == 404 && call.method == http::Method::DELETE) {
                return Err(ClientError::Refused(Box::new(problem)));
            }
        }
        Ok(Answer {
            address,
            headers: head.headers,
            body,
        })
    }

    /// As [`call_with`](Self::call_with) for a call of one document.
    pub(super) async fn call(&self, call: &Call) -> Result<Answer, ClientError> {
        self.call_with(call, |_| String::new()).await
    }

    /// Calls, and hands the body out as it comes.
    pub(super) async fn open(
        &self,
        call: &Call,
    ) -> Result<(String, Response<Incoming>), ClientError> {
        let reached = self.reach(call).await?;
        let status = reached.response.status().as_u16();
        if status < 400 {
            return Ok((reached.address, reached.response));
        }
        let body = Limited::new(reached.response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        Err(ClientError::Refused(Box::new(Problem::parse(
            status,
            &body,
            |_| String::new(),
        ))))
    }

    /// The first answer that is not a call to try again.
    async fn reach(&self, call: &Call) -> Result<Reached, ClientError> {
        let deadline = Instant::now() + self.patience;
        let mut repeated = false;
        loop {
            let mut tried = Vec::new();
            let mut hope = false;
            let mut unsettled = None;
            for base in &self.addresses {
                let address = display(base);
                let outcome = self.wire.send(base, call, self.token.as_ref()).await;
                let attempt = match &outcome {
                    Ok(response) => Attempt::of_status(response.status().as_u16()),
                    Err(broken) => Attempt::of_broken(broken),
                };
                if !attempt.may_repeat(call.idempotent) {
                    return finish(address, outcome, repeated);
                }
                repeated |= attempt.may_be_done();
                hope |= attempt.gives_hope();
                match outcome {
                    Ok(response) => unsettled = Some((address, response)),
                    Err(broken) => tried.push(format!("{address}: {}", broken.reason())),
                }
            }
            if hope && Instant::now() < deadline {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            return match unsettled {
                Some((address, response)) => Ok(Reached {
                    address,
                    response,
                    repeated,
                }),
                None => Err(ClientError::Unreachable(tried)),
            };
        }
    }
}

fn finish(
    address: String,
    outcome: Result<Response<Incoming>, Broken>,
    repeated: bool,
) -> Result<Reached, ClientError> {
    match outcome {
        Ok(response) => Ok(Reached {
            address,
            response,
            repeated,
        }),
        Err(broken) => Err(ClientError::Unsure {
            address,
            reason: broken.reason().to_owned(),
        }),
    }
}

fn display(base: &Uri) -> String {
    base.to_string().trim_end_matches('/').to_owned()
}
