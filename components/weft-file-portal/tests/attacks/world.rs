//! A portal with something worth stealing beside its folders.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `secret` in base64.
pub const SECRET: &str = "c2VjcmV0";

/// `out/secret` lies beside the folders `rw` and `ro` that the portal serves.
pub struct World {
    folder: tempfile::TempDir,
    pub portal: Child,
}

impl World {
    pub fn new(extra: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["rw", "ro", "out", "rw-other"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path("out/secret"), "secret").unwrap();
        fs::write(path("rw-other/secret"), "secret").unwrap();
        fs::write(path("ro/file"), "old").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_weft-file-portal"));
        command.arg(path("socket")).arg("--allow").arg(path("rw")).arg("--allow-read").arg(path("ro"));
        let portal = command.args(extra).stderr(Stdio::null()).spawn().unwrap();
        Self { folder, portal }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn connect(&self) -> Client {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match UnixStream::connect(self.path("socket")) {
                Ok(stream) => return Client(BufReader::new(stream)),
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::yield_now();
        }
    }

    pub fn ask(&self, op: &str, name: &str) -> String {
        self.connect().ask(&request(op, &self.path(name), None))
    }

    pub fn write(&self, name: &str, data: &str) -> String {
        self.connect().ask(&request("write", &self.path(name), Some(data)))
    }

    /// What lies outside must be as it was, whatever was answered.
    pub fn assert_untouched(&self) {
        assert_eq!(fs::read_to_string(self.path("out/secret")).unwrap(), "secret");
        assert_eq!(fs::read_dir(self.path("out")).unwrap().count(), 1);
    }

    pub fn wait_for_end(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.portal.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the portal still runs");
            std::thread::yield_now();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.portal.kill();
        let _ = self.portal.wait();
    }
}

pub struct Client(pub BufReader<UnixStream>);

impl Drop for Client {
    /// Leaves, and waits until the portal has let go of it: it takes only so many at a time.
    fn drop(&mut self) {
        let _ = self.0.get_ref().shutdown(std::net::Shutdown::Write);
        let _ = std::io::copy(&mut self.0, &mut std::io::sink());
    }
}

impl Client {
    pub fn ask(&mut self, line: &str) -> String {
        // A portal that refuses early closes before it has read all.
        let _ = writeln!(self.0.get_mut(), "{line}");
        self.answer()
    }

    /// The next line; empty once the portal has closed.
    pub fn answer(&mut self) -> String {
        let mut answer = String::new();
        let _ = self.0.read_line(&mut answer);
        answer.trim_end().to_owned()
    }
}

pub fn request(op: &str, path: &Path, data: Option<&str>) -> String {
    let path = serde_json::Value::from(path.to_str().unwrap());
    match data {
        Some(data) => format!(r#"{{"op":"{op}","path":{path},"data_b64":"{data}"}}"#),
        None => format!(r#"{{"op":"{op}","path":{path}}}"#),
    }
}

pub fn assert_denied(answer: &str) {
    assert!(answer.starts_with(r#"{"error":"access denied: "#), "{answer}");
    assert!(!answer.contains(SECRET));
}
