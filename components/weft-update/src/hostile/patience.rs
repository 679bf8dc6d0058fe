//! Slow retrieval: how long a source may keep the device waiting.

use super::*;
use crate::source;
use std::io::Read;
use std::ops::Range;
use std::sync::Mutex;

/// Notes how many bytes of each file are of interest, which is what a server's time is measured by.
#[derive(Debug)]
struct Noting(source::Folder, Mutex<Vec<(String, u64)>>);

impl Source for Noting {
    fn whole(&self, path: &str, limit: u64) -> Result<Box<dyn Read + Send>, source::Error> {
        self.1.lock().unwrap().push((path.to_owned(), limit));
        self.0.whole(path, limit)
    }
    fn range(&self, path: &str, range: Range<u64>) -> Result<Box<dyn Read + Send>, source::Error> {
        self.0.range(path, range)
    }
    fn is_remote(&self) -> bool {
        false
    }
}

#[test]
fn a_small_file_is_not_given_the_time_of_a_large_one() {
    let maker = repository();
    let target = Target::new(&maker);
    let noting = Arc::new(Noting(source::Folder::open(maker.folder()).unwrap(), Mutex::default()));
    target.take(noting.clone()).unwrap();
    let asked = noting.1.lock().unwrap();
    let most = |name: &str| {
        let limits = asked.iter().filter(|(path, _)| path.ends_with(name)).map(|(_, limit)| *limit);
        limits.max().unwrap_or_else(|| panic!("{name} was not asked for"))
    };
    assert_eq!(most("timestamp.json"), (64 << 10) + 1);
    assert_eq!(most("snapshot.json"), (256 << 10) + 1);
    let length = |name: &str| maker.targets[&format!("weft-test-1.1.0/{name}")]["length"].as_u64().unwrap();
    for name in ["root.verity", "uki-b.efi"] {
        assert_eq!(most(name), length(name) + 1, "{name}: one more byte tells that it is too long");
    }
}

#[test]
fn slow_server() {
    let maker = repository();
    let target = Target::new(&maker);
    let server = Server::new(maker.folder(), Manner::Slow);
    let limits = Limits { answer: Duration::from_millis(600), least_speed: 1 << 20, ..LIMITS };
    let source = Http::new(&server.url, Path::new("/nowhere"), limits).unwrap();
    target.resists(target.take(Arc::new(source)), "too slowly", &maker);
}

#[test]
fn a_server_that_drips_is_left_however_long_the_file_may_take() {
    let maker = repository();
    let target = Target::new(&maker);
    let server = Server::new(maker.folder(), Manner::Slow);
    let limits = Limits { window: Duration::from_millis(200), ..LIMITS };
    let source = Http::new(&server.url, Path::new("/nowhere"), limits).unwrap();
    let error = target.look(Arc::new(source)).map(drop).expect_err("it waited for every byte");
    assert!(error.contains("too slowly"), "{error}");
}
