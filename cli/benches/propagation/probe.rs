//! Asks a gateway every millisecond on one kept-alive connection, and says when an answer changes.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What distinguishes one answer of a gateway from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Value of the response header `x-torii-change`, or empty.
    pub(crate) header: String,
    /// The body.
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn ok(header: &str, body: &str) -> Self {
        Self {
            status: 200,
            header: header.to_owned(),
            body: body.to_owned(),
        }
    }
}

#[derive(Debug)]
struct Expected {
    old: Answer,
    new: Answer,
    seen_new: bool,
}

#[derive(Debug)]
struct Shared {
    expected: Mutex<Option<Expected>>,
    stop: AtomicBool,
    asked: AtomicU64,
    wrong: AtomicU64,
    last_wrong: Mutex<Option<Answer>>,
}

/// A probe thread for one gateway.
#[derive(Debug)]
pub(crate) struct Probe {
    shared: Arc<Shared>,
    changed: mpsc::Receiver<Instant>,
    thread: Option<JoinHandle<()>>,
}

impl Probe {
    /// Starts asking `address` for `/` of `host`.
    pub(crate) fn start(address: SocketAddr, host: &str) -> Self {
        let shared = Arc::new(Shared {
            expected: Mutex::new(None),
            stop: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            wrong: AtomicU64::new(0),
            last_wrong: Mutex::new(None),
        });
        let (tell, changed) = mpsc::channel();
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || run(address, request.as_bytes(), &shared, &tell)
        });
        Self {
            shared,
            changed,
            thread: Some(thread),
        }
    }

    /// From now on only `old` and `new` are right, and after the first `new` only that.
    pub(crate) fn expect(&self, old: Answer, new: Answer) {
        while self.changed.try_recv().is_ok() {}
        *lock(&self.shared.expected) = Some(Expected {
            old,
            new,
            seen_new: false,
        });
    }

    /// When the first new answer came; `None` when none came in time.
    pub(crate) fn wait(&self, limit: Duration) -> Option<Instant> {
        self.changed.recv_timeout(limit).ok()
    }

    /// Requests sent, and answers that were neither the old nor the new one, or old again after new.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.shared.asked.load(Ordering::Relaxed),
            self.shared.wrong.load(Ordering::Relaxed),
        )
    }

    /// The last wrong answer, for the reader of a failed run.
    pub(crate) fn last_wrong(&self) -> Option<Answer> {
        lock(&self.shared.last_wrong).clone()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(address: SocketAddr, request: &[u8], shared: &Shared, tell: &mpsc::Sender<Instant>) {
    const PERIOD: Duration = Duration::from_millis(1);
    let mut connection: Option<TcpStream> = None;
    let mut next = Instant::now();
    while !shared.stop.load(Ordering::Relaxed) {
        let answer = ask(address, &mut connection, request);
        let now = Instant::now();
        shared.asked.fetch_add(1, Ordering::Relaxed);
        judge(shared, answer, now, tell);
        next += PERIOD;
        match next.checked_duration_since(Instant::now()) {
            Some(rest) => std::thread::sleep(rest),
            None => next = Instant::now(),
        }
    }
}

fn judge(shared: &Shared, answer: io::Result<Answer>, now: Instant, tell: &mpsc::Sender<Instant>) {
    let answer = answer.unwrap_or_else(|error| Answer {
        status: 0,
        header: String::new(),
        body: error.to_string(),
    });
    let mut expected = lock(&shared.expected);
    let Some(expected) = expected.as_mut() else {
        return;
    };
    if answer == expected.new {
        if !expected.seen_new {
            expected.seen_new = true;
            let _ = tell.send(now);
        }
    } else if answer != expected.old || expected.seen_new {
        shared.wrong.fetch_add(1, Ordering::Relaxed);
        *lock(&shared.last_wrong) = Some(answer);
    }
}

fn ask(
    address: SocketAddr,
    connection: &mut Option<TcpStream>,
    request: &[u8],
) -> io::Result<Answer> {
    let stream = match connection {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            connection.insert(stream)
        }
    };
    let answer = exchange(stream, request);
    if !matches!(&answer, Ok((_, true))) {
        *connection = None;
    }
    answer.map(|(answer, _)| answer)
}

/// One request and its answer, and whether the connection stays open. Only what our gateways send is understood: a
/// body with `content-length` or none.
fn exchange(stream: &mut TcpStream, request: &[u8]) -> io::Result<(Answer, bool)> {
    stream.write_all(request)?;
    let mut buffer = Vec::with_capacity(1024);
    let mut chunk = [0; 4096];
    let head_end = loop {
        if let Some(at) = find(&buffer, b"\r\n\r\n") {
            break at + 4;
        }
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
    };
    let head = String::from_utf8_lossy(buffer.get(..head_end).unwrap_or_default()).into_owned();
    let field = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = field("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    while buffer.len() < head_end + length {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let body = buffer.get(head_end..head_end + length).unwrap_or_default();
    let answer = Answer {
        status,
        header: field("x-torii-change").unwrap_or_default(),
        body: String::from_utf8_lossy(body).trim().to_owned(),
    };
    let stays = field("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close"));
    Ok((answer, stays))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
