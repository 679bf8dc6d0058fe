//! The program itself, over its inherited socket.

use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use weft_ipc::fetch::{self, Answer, MAX_UNDER_WAY, Request};

struct Broker {
    channel: UnixStream,
    process: Child,
}

impl Broker {
    fn new(arguments: &str) -> Self {
        let (channel, theirs) = UnixStream::pair().unwrap();
        channel.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let script = format!("exec \"$0\" --fd 3 {arguments} 3<&0 </dev/null");
        let process = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_weft-fetch")])
            .stdin(OwnedFd::from(theirs))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { channel, process }
    }

    fn ask(&mut self, id: u64, url: &str) {
        let request =
            Request { id, url: url.to_owned(), method: "GET".into(), headers: Vec::new(), body: None };
        fetch::write(&mut self.channel, &request).unwrap();
    }

    fn answer(&mut self) -> Answer {
        fetch::read(&mut self.channel).unwrap().unwrap()
    }

    fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the broker still runs");
            std::thread::yield_now();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn only_what_the_command_line_grants_is_asked() {
    let server = crate::Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    let url = format!("http://{}/", server.address);
    let mut granted = Broker::new("--allow 127.0.0.1");
    granted.ask(7, &url);
    assert_eq!(crate::response(granted.answer()), (200, b"hi".to_vec()));
    server.head();
    for arguments in ["", "--allow-any", "--allow localhost", "--allow 127.0.0.2"] {
        let mut broker = Broker::new(arguments);
        for url in [&url, &url.replace("127.0.0.1", "localhost"), &url.replace("127.0.0.1", "[::1]")] {
            broker.ask(7, url);
            crate::reason(broker.answer());
        }
    }
    server.assert_silent();
}

#[test]
fn the_broker_ends_with_its_session_and_at_the_first_broken_frame() {
    let mut broker = Broker::new("");
    broker.channel.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(broker.wait(), Some(0));
    for frame in [&b"\xff\xff\xff\xff"[..], b"\x03\0\0\0abc", b"\x01\0\0\0\xc0"] {
        let mut broker = Broker::new("");
        broker.channel.write_all(frame).unwrap();
        assert_eq!(broker.wait(), Some(1), "{frame:?}");
    }
}

#[test]
fn no_more_than_a_few_requests_are_under_way() {
    // It accepts, as the kernel does for it, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut broker = Broker::new("--allow 127.0.0.1");
    for id in 0..=MAX_UNDER_WAY as u64 {
        broker.ask(id, &url);
    }
    let Answer::Error { id, reason } = broker.answer() else { panic!() };
    assert_eq!(id, MAX_UNDER_WAY as u64);
    assert!(reason.contains("under way"), "{reason}");
}

#[test]
fn a_descriptor_that_was_not_passed_is_an_error() {
    for fd in ["0", "77", "-1"] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_weft-fetch")).arg(format!("--fd={fd}")).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("no such descriptor"));
    }
}
