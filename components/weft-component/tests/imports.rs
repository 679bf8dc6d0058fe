//! What a component may import with which capabilities.

use std::path::Path;
use weft_component::Grants;
use weft_component::imports::{Import, check};

const NOTIFY: (&str, &[&str]) = ("weft:app/notify@0.2.0", &["ready"]);

fn grants(capabilities: &[&str]) -> Grants {
    let capabilities = capabilities.iter().map(|text| text.parse().unwrap()).collect();
    Grants { capabilities, ..Grants::default() }
}

fn verdict(imports: &[(&str, &[&str])], grants: &Grants) -> Result<(), String> {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let imports: Vec<Import> = std::iter::once(&NOTIFY)
        .chain(imports)
        .map(|(name, functions)| Import {
            name: (*name).to_owned(),
            functions: texts(functions),
            resources: vec![],
        })
        .collect();
    check(&imports, Path::new("app.wasm"), grants).map(drop).map_err(|error| error.to_string())
}

#[test]
fn every_capability_opens_its_import_and_its_absence_names_it() {
    for (import, function, capability) in [
        ("weft:app/notifications@0.2.0", "notify", "sys:notifications"),
        ("weft:app/clipboard@0.1.0", "read", "sys:clipboard:read"),
        ("weft:app/clipboard@0.2.0", "write", "sys:clipboard:write"),
        ("weft:app/clipboard-read@0.2.0", "read", "sys:clipboard:read"),
        ("weft:app/clipboard-write@0.2.0", "write", "sys:clipboard:write"),
        ("weft:app/fetch@0.2.0", "fetch", "net:fetch"),
        ("weft:app/fetch@0.2.0", "fetch", "net:fetch:example.org"),
        ("weft:app/supervisor@0.2.0", "sessions", "sys:supervisor"),
        ("weft:app/messages@0.2.0", "send", "app:send:org.weft.notes"),
        ("wasi:sockets/tcp@0.2.3", "[method]tcp-socket.start-connect", "net:tcp:example.org:443"),
        ("wasi:sockets/tcp@0.2.3", "[method]tcp-socket.start-listen", "net:listen:8080"),
    ] {
        let imports: &[(&str, &[&str])] = &[(import, &[function])];
        verdict(imports, &grants(&[capability])).unwrap();
        let error = verdict(imports, &grants(&[])).unwrap_err();
        let kind = capability.split(':').take(2).collect::<Vec<_>>().join(":");
        assert!(error.contains(&kind) && error.contains("package.capabilities in wapp.toml"), "{error}");
    }
}

#[test]
fn one_half_of_the_clipboard_does_not_open_the_other() {
    let read: &[(&str, &[&str])] = &[("weft:app/clipboard@0.2.0", &["read"])];
    let both: &[(&str, &[&str])] = &[("weft:app/clipboard@0.2.0", &["read", "write"])];
    let write_only = grants(&["sys:clipboard:write"]);
    assert!(verdict(read, &write_only).unwrap_err().contains("add sys:clipboard:read"));
    assert!(verdict(both, &write_only).unwrap_err().contains("add sys:clipboard:read"));
    verdict(both, &grants(&["sys:clipboard:write", "sys:clipboard:read"])).unwrap();
}

#[test]
fn defaults_are_there_until_they_are_denied() {
    for (import, capability) in [
        ("wasi:clocks/monotonic-clock@0.2.0", "wasi:clock"),
        ("wasi:random/insecure-seed@0.2.0", "wasi:random"),
        ("wasi:cli/stdout@0.2.6", "wasi:stdio"),
    ] {
        let imports: &[(&str, &[&str])] = &[(import, &["now"])];
        verdict(imports, &grants(&[])).unwrap();
        let denied = Grants { denied: vec![capability.parse().unwrap()], ..Grants::default() };
        let error = verdict(imports, &denied).unwrap_err();
        assert!(error.contains(&format!("remove {capability} from package.denied")), "{error}");
    }
    verdict(&[("weft:app/ipc@0.1.0", &["recv"]), ("wasi:io/poll@0.2.6", &["poll"])], &grants(&[])).unwrap();
}

#[test]
fn datagrams_and_unknown_interfaces_are_refused_and_unused_ones_are_left() {
    let udp: &[(&str, &[&str])] = &[("wasi:sockets/udp@0.2.0", &["[method]udp-socket.start-bind"])];
    let error = verdict(udp, &grants(&[])).unwrap_err();
    assert!(error.contains("no capability gives an app datagrams"), "{error}");
    let unused = Grants { unused: vec!["wasi:sockets".parse().unwrap()], ..Grants::default() };
    verdict(udp, &unused).unwrap();
    // Linked to nothing: the C library brings them along with TCP.
    let tcp: &[(&str, &[&str])] =
        &[udp[0], ("wasi:sockets/tcp@0.2.0", &["f"]), ("wasi:sockets/ip-name-lookup@0.2.0", &["f"])];
    verdict(tcp, &grants(&["net:listen:80"])).unwrap();
    let http: &[(&str, &[&str])] = &[("wasi:http/types@0.2.0", &["f"])];
    assert!(verdict(http, &unused).unwrap_err().contains("which this system does not have"));
}

#[test]
fn what_is_granted_and_not_imported_is_refused() {
    for (capability, interface) in [
        ("sys:notifications", "weft:app/notifications"),
        ("sys:clipboard:read", "weft:app/clipboard"),
        ("net:fetch", "weft:app/fetch"),
        ("net:listen:80", "wasi:sockets/tcp"),
        ("fs:read:app-data", "wasi:filesystem/types"),
    ] {
        let error = verdict(&[], &grants(&[capability])).unwrap_err();
        assert!(error.contains(&format!("does not import {interface}: use it, or remove")), "{error}");
    }
    let write: &[(&str, &[&str])] = &[("weft:app/clipboard@0.2.0", &["write"])];
    assert!(verdict(write, &grants(&["sys:clipboard:write", "sys:clipboard:read"])).is_err());
    assert!(verdict(&[], &grants(&["hw:gpu:render"])).unwrap_err().contains("nothing on this system"));
}

#[test]
fn a_session_needs_readiness_and_a_command_does_not() {
    let error = check(&[], Path::new("app.wasm"), &Grants::default()).unwrap_err().to_string();
    assert!(error.contains("call notify.ready()"), "{error}");
    let command = Grants { command: true, denied: vec!["wasi:clock".parse().unwrap()], ..Grants::default() };
    check(&[], Path::new("app.wasm"), &command).unwrap();
    let clock: &[(&str, &[&str])] = &[("wasi:clocks/wall-clock@0.2.0", &["now"])];
    assert!(verdict(clock, &command).unwrap_err().contains("start it with --allow-clock"));
    let session: &[(&str, &[&str])] = &[("weft:app/fetch@0.2.0", &["fetch"])];
    assert!(verdict(session, &command).unwrap_err().contains("only a session of an app has"));
}
