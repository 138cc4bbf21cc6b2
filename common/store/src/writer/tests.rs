use std::sync::{Arc, Condvar, Mutex};

use super::*;

/// Records what happens to it; holds every sync while `hold` is set.
#[derive(Debug, Default)]
struct Recorder {
    calls: Mutex<Vec<String>>,
    hold: Mutex<bool>,
    released: Condvar,
    broken: Mutex<bool>,
}

impl Recorder {
    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn release(&self) {
        *self.hold.lock().unwrap() = false;
        self.released.notify_all();
    }
}

impl Disk for Recorder {
    fn write(&self, changes: &[Write]) -> io::Result<()> {
        self.calls
            .lock()
            .unwrap()
            .push(format!("write {}", changes.len()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.calls.lock().unwrap().push("sync".into());
        let mut hold = self.hold.lock().unwrap();
        while *hold {
            hold = self.released.wait(hold).unwrap();
        }
        if *self.broken.lock().unwrap() {
            Err(io::Error::other("no space"))
        } else {
            Ok(())
        }
    }

    fn read(&self, _: u64) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

fn change() -> Vec<Write> {
    vec![Write::Append {
        index: 1,
        record: vec![],
    }]
}

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + std::time::Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition did not come true");
        std::thread::yield_now();
    }
}

#[test]
fn jobs_that_wait_share_one_sync_and_none_is_done_before_it() {
    let disk = Arc::new(Recorder::default());
    *disk.hold.lock().unwrap() = true;
    let (writer, thread) = Writer::start(disk.clone()).unwrap();
    let (sender, done) = channel();
    let submit = |number: u32| {
        let sender = sender.clone();
        writer.write(
            change(),
            Box::new(move |result| sender.send((number, result.is_ok())).unwrap()),
        );
    };
    submit(1);
    wait_for(|| disk.calls() == ["write 1", "sync"]);
    (2..=5).for_each(submit);
    writer.write_lazily(change());
    assert!(done.try_recv().is_err());
    disk.release();
    let order: Vec<_> = (1..=5).map(|_| done.recv().unwrap()).collect();
    assert_eq!(
        order,
        (1..=5).map(|number| (number, true)).collect::<Vec<_>>()
    );
    drop(writer);
    thread.join().unwrap();
    let syncs = disk.calls().iter().filter(|call| *call == "sync").count();
    assert!(syncs <= 3, "{:?}", disk.calls());
}

#[test]
fn after_a_failed_sync_nothing_is_written_any_more() {
    let disk = Arc::new(Recorder::default());
    *disk.broken.lock().unwrap() = true;
    let (writer, thread) = Writer::start(disk.clone()).unwrap();
    let (sender, done) = channel();
    for _ in 0..2 {
        let sender = sender.clone();
        writer.write(
            change(),
            Box::new(move |result| sender.send(result.is_err()).unwrap()),
        );
        assert!(done.recv().unwrap());
    }
    drop(writer);
    thread.join().unwrap();
    assert_eq!(disk.calls(), ["write 1", "sync"]);
}
