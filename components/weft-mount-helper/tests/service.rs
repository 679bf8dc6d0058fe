//! The service as appd meets it. What needs the kernel's device-mapper is tested on the booted image (ci/tests/vm/package_image.rs).

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use weft_ipc::frame;
use weft_ipc::mount::{Answer, Request};
use weft_mount_helper::{Places, serve};

fn start(folder: &Path) -> impl Fn() -> UnixStream {
    let socket = folder.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let places = Places {
        stores: vec![folder.join("store")],
        trusted_keys: vec![folder.join("keys")],
        mounts: folder.join("mounts"),
    };
    std::thread::spawn(move || serve(&listener, places));
    move || UnixStream::connect(&socket).unwrap()
}

fn ask(stream: &mut UnixStream, request: &Request) -> String {
    frame::write(stream, request).unwrap();
    match frame::read(stream).unwrap().unwrap() {
        Answer::Error { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn refusals_are_answers_with_a_reason_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("store")).unwrap();
    let mut stream = start(folder.path())();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (image, mountpoint, reason) in [
        ("store/a.app.img", "mounts/a/b", "plain name"),
        ("store/a.app.img", "elsewhere", "plain name"),
        ("elsewhere/a.app.img", "mounts/a", "in no store"),
        ("store/../a.app.img", "mounts/a", "in no store"),
        ("store/a.img", "mounts/a", "no package image"),
        ("store/a.app.img", "mounts/a", "cannot open"),
    ] {
        let request = Request::Mount { image: path(image), mountpoint: path(mountpoint) };
        let said = ask(&mut stream, &request);
        assert!(said.contains(reason), "{image} on {mountpoint}: {said}");
    }
    let said = ask(&mut stream, &Request::Umount { mountpoint: path("../etc") });
    assert!(said.contains("plain name"), "{said}");
    assert!(!folder.path().join("mounts/a").exists());
}

#[test]
fn a_broken_frame_ends_its_connection_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let connect = start(folder.path());
    let mut good = connect();
    for frame in [&b"\xff\xff\xff\xff"[..], b"\x03\0\0\0abc", b"\x01\0\0\0\xc0"] {
        let mut bad = connect();
        bad.write_all(frame).unwrap();
        assert_eq!(bad.read(&mut [0]).unwrap_or(0), 0);
    }
    let request = Request::Umount { mountpoint: "/elsewhere".to_owned() };
    assert!(ask(&mut good, &request).contains("plain name"));
}
